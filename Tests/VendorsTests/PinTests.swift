import Catalog
import ContentAddress
import Crypto
import Curl
import Formats
import ImageIndex
import Linux
import TestSupport
import Testing
import Upstream

@testable import Vendors

/// What is known of a file before its first byte reaches a guest.
@Suite struct PinTests {
    private let image = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    private let build = "20260911"
    private var home: SigningHome { get throws { try SigningHome.shared.get() } }

    private var sha256: String { Hexadecimal.string(of: SHA256.hash(data: image)) }
    private var sha512: String { Hexadecimal.string(of: SHA512.hash(data: image)) }

    /// A vendor whose build 20260911 is `os.img` in a folder of that name.
    private func site(_ keys: String, directives: String = "") throws -> VendorSite {
        // The key's address is known only when the server runs.
        let site = try VendorSite(directives: directives)
        try site.put("key.asc", try home.export())
        site.pin(key: try home.vendor, at: "\(site.pub)key.asc")
        site.offer("upstream = \"\(site.pub)d/\"\nentry = \"{date}\"\nimage = \"{entry}/os.img\"\n\(keys)")
        try site.put("d/\(build)/os.img", image)
        return site
    }

    private let signed = "sums = \"SHA256SUMS\"\nsignature = \"{sums}.gpg\""

    private func sign(_ site: VendorSite, _ sums: String, by key: String? = nil) throws {
        try site.put("d/\(build)/SHA256SUMS", sums)
        try site.put("d/\(build)/SHA256SUMS.gpg", try home.sign(Array(sums.utf8), by: key))
    }

    private func pin(_ site: VendorSite, _ library: VendorLibrary? = nil) async throws -> PinnedFile {
        let library = library ?? site.library()
        return try await library.pin(try await site.choose(library))
    }

    private func failure(_ site: VendorSite) async -> VendorsError? {
        await #expect(throws: VendorsError.self) { _ = try await pin(site) }
    }

    private func read(_ bytes: [UInt8]) -> @Sendable (UInt64, Int) throws -> [UInt8] {
        { offset, count in Array(bytes[Int(offset)..<min(bytes.count, Int(offset) + count)]) }
    }

    @Test func signedSumsAreVerifiedAndPinnedOnce() async throws {
        let site = try site(signed)
        try sign(site, "\(String(repeating: "0", count: 64))  os-edu.img\n\(sha256) *os.img\n")
        let library = site.library()
        let file = try await pin(site, library)
        #expect(file.source.trust == .whole && file.source.digests == ["sha256:\(sha256)"])
        #expect(file.source.size == 700_000 && file.source.build == build)
        #expect(file.signedBy == (try home.vendor))
        #expect(file.places.first?.etag != nil && file.places.first?.lastModified != nil)
        #expect(file.places.map(\.finalURL) == ["\(site.pub)d/\(build)/os.img"])
        // The index of the file's pieces, whose ids follow from the digest.
        let index = try ImageIndex(path: file.indexPath, imageSize: 700_000)
        let key = PieceKey(digest: "sha256:\(sha256)")
        #expect(index.count == 3)
        #expect(try index.block(at: 2).id == key.id(of: 2))
        #expect(try FileContents.read(file.beginningPath ?? "", limit: 1 << 20) == Array(image[..<524_288]))
        // Nobody is asked again, also not by another process.
        let asked = site.server.requests().count
        site.server.stop()
        #expect(try await pin(site) == file)
        #expect(site.library().pinned("os", file.version) == file)
        #expect(site.server.requests().count == asked)
        try await library.verifyWhole(file, read: read(image))
        var wrong = image
        wrong[600_000] ^= 1
        await #expect(throws: VendorsError.self) { try await library.verifyWhole(file, read: read(wrong)) }
        library.forget(file)
        #expect(library.pinned("os", file.version) == nil)
    }

    @Test func whatTheTableNoLongerSaysIsPinnedAnew() async throws {
        let site = try site("sums = \"SHA512SUMS\"")
        try site.put("d/\(build)/SHA512SUMS", "\(sha512)  ./os.img\n")
        let file = try await pin(site)
        #expect(
            file.source.trust == TrustLevel.none && file.signedBy == nil && file.source.digests == ["sha512:\(sha512)"])
        let other = VendorSite(sharing: site)
        other.pin(key: try home.vendor, at: "\(site.pub)key.asc")
        other.offer("upstream = \"\(site.pub)d/\"\nentry = \"{date}\"\nimage = \"{entry}/os.img\"\n\(signed)")
        try sign(site, "SHA256 (os.img) = \(sha256)\n")
        #expect(try await pin(other).source.trust == .whole)
    }

    @Test func aFileWithoutSumsIsKnownByItsTime() async throws {
        let site = try site("")
        let file = try await pin(site)
        #expect(file.source.trust == TrustLevel.none && file.source.digests == [])
        let key = PieceKey(
            url: "\(site.pub)d/\(build)/os.img", size: 700_000, time: file.places.first?.lastModified ?? "")
        #expect(try ImageIndex(path: file.indexPath, imageSize: 700_000).block(at: 0).id == key.id(of: 0))
        try await site.library().verifyWhole(file, read: read(image))
    }

    @Test(arguments: [
        ("", "has no digest in it"), ("LINE  other.img\n", "does not list os.img"),
        (
            "LINE  os.img\n0000000000000000000000000000000000000000000000000000000000000000  os.img\n",
            "two different digests"
        ),
        (
            "# os.img: 12 bytes\nSHA256 (os.img) = LINE\n",
            "has 700000 bytes, where the vendor's list of digests says 12"
        ),
    ])
    func sumsThatContradictAreStructural(_ sums: String, _ message: String) async throws {
        let site = try site(signed)
        try sign(site, sums.replacing("LINE", with: sha256))
        let error = await failure(site)
        guard case .structural(_, _, let reason)? = error else {
            return #expect(Bool(false), "\(error.map { "\($0)" } ?? "")")
        }
        #expect(reason.contains(message), "\(reason)")
    }

    @Test func onlyPinnedKeysCount() async throws {
        let site = try site(signed)
        try sign(site, "\(sha256)  os.img\n", by: try home.stranger)
        guard case .cannotVerify? = await failure(site) else { return #expect(Bool(false)) }
        // The bytes are not those that were signed.
        try sign(site, "\(sha256)  os.img\n")
        try site.put("d/\(build)/SHA256SUMS", "\(sha256)  os.img\n\n")
        guard case .unverified? = await failure(site) else { return #expect(Bool(false)) }
        // No signature at all is no reason to do without.
        try site.remove("d/\(build)/SHA256SUMS.gpg")
        guard case .structural(_, _, "does not exist")? = await failure(site) else { return #expect(Bool(false)) }
    }

    @Test func aKeyThatCannotBeFetchedMayComeLater() async throws {
        let site = try site(signed)
        try sign(site, "\(sha256)  os.img\n")
        try site.remove("key.asc")
        #expect(await failure(site)?.isTransient == true)
        try site.put("key.asc", try home.export())
        _ = try await pin(site)
    }

    @Test func sumsThatDoNotComeAreNoReasonToDoWithout() async throws {
        let site = try site(signed, directives: "if (-f $document_root/pub/down) { set $x 1; } ")
        try sign(site, "\(sha256)  os.img\n")
        let folder = try TemporaryDirectory()
        let server = try FaultyHTTPServer(folder: folder.path)
        server.always("/SHA256SUMS", .status(503))
        let other = VendorSite(sharing: site)
        other.pin(key: try home.vendor, at: "\(site.pub)key.asc")
        other.offer(
            "upstream = \"\(site.pub)d/\"\nentry = \"{date}\"\nimage = \"{entry}/os.img\"\nsums = \"\(server.url)SHA256SUMS\"\nsignature = \"\(site.pub)d/\(build)/SHA256SUMS.gpg\""
        )
        #expect(await failure(other)?.isTransient == true)
    }

    @Test func onlyTheSignedPartOfAClearSignedListCounts() async throws {
        let site = try site("sums = \"CHECKSUM\"\nsignature-kind = \"openpgp-clear\"")
        let list = try home.sign(Array("SHA256 (os.img) = \(sha256)\n".utf8), "--clearsign")
        try site.put("d/\(build)/CHECKSUM", list)
        #expect(try await pin(site).source.digests == ["sha256:\(sha256)"])
        let inner = try home.sign(Array("SHA256 (x.img) = \(sha256)\n".utf8), "--clearsign")
        let other = try self.site("sums = \"CHECKSUM\"\nsignature-kind = \"openpgp-clear\"")
        try other.put("d/\(build)/CHECKSUM", inner + Array("SHA256 (os.img) = \(sha256)\n".utf8))
        let error = await failure(other)
        #expect(error != nil && error?.isTransient == false)
    }

    @Test func theSignatureOfAnImageIsVerifiedInTheEnd() async throws {
        let site = try site("sums = \"{image}.SHA256\"\nsignature = \"{image}.sig\"\nsigned = \"image\"")
        try site.put("d/\(build)/os.img.SHA256", "\(sha256)  os.img\n")
        try site.put("d/\(build)/os.img.sig", try home.sign(image))
        let library = site.library()
        let file = try await pin(site, library)
        #expect(file.source.trust == .whole && file.signaturePath != nil)
        try await library.verifyWhole(file, read: read(image))
        // The sums are not signed: what they say does not make another image the vendor's.
        let other = try self.site("signature = \"{image}.sig\"\nsigned = \"image\"")
        try other.put("d/\(build)/os.img.sig", try home.sign(Array(image.dropLast()) + [1]))
        let wrong = try await pin(other)
        let error = await #expect(throws: VendorsError.self) {
            try await other.library().verifyWhole(wrong, read: read(image))
        }
        guard case .unverified? = error else { return #expect(Bool(false), "\(error.map { "\($0)" } ?? "")") }
    }

    @Test func onlyABadSignatureMakesAnImageWrong() async throws {
        let site = try site("signature = \"{image}.sig\"\nsigned = \"image\"")
        try site.put("d/\(build)/os.img.sig", try home.sign(image, by: try home.stranger))
        let library = site.library()
        let file = try await pin(site, library)
        let error = await #expect(throws: VendorsError.self) { try await library.verifyWhole(file, read: read(image)) }
        guard case .cannotVerify? = error else { return #expect(Bool(false), "\(error.map { "\($0)" } ?? "")") }
    }

    @Test func withoutAVerifierNothingIsFetched() async throws {
        for keys in [signed, "signature = \"{image}.sig\"\nsigned = \"image\""] {
            let site = try site(keys)
            let library = site.library()
            let row = try #require(library.hint("os"))
            let statements = FileStatements(
                row: row, keys: library.table.keys(of: row), requests: library.requests, keyRing: library.keyRing,
                verifier: SignatureVerifier(find: { _ in nil }))
            let build = VendorBuild(name: build, url: "\(site.pub)d/\(build)/os.img", day: nil)
            site.server.stop()
            await #expect(throws: VendorsError.noVerifier(system: "os", package: "gpgv")) {
                _ = try await statements.statement(of: build)
            }
        }
    }

    @Test func aKeyThatIsTooOldIsFetchedAgain() async throws {
        let own = try SigningHome()
        let site = try VendorSite()
        site.pin(key: own.vendor, at: "\(site.pub)key.asc")
        site.offer("upstream = \"\(site.pub)d/\"\nentry = \"{date}\"\nimage = \"{entry}/os.img\"\n\(signed)")
        try site.put("key.asc", try own.export())
        try site.put("d/\(build)/os.img", image)
        let sums = Array("\(sha256)  os.img\n".utf8)
        try site.put("d/\(build)/SHA256SUMS", sums)
        try site.put("d/\(build)/SHA256SUMS.gpg", try own.sign(sums))
        let library = site.library()
        let file = try await pin(site, library)
        library.forget(file)
        // A signature by a subkey that the kept copy of the key does not have.
        try site.put("d/\(build)/SHA256SUMS.gpg", try own.sign(sums, by: "\(try own.addSubkey())!"))
        guard case .cannotVerify? = await failure(site) else { return #expect(Bool(false)) }
        try site.put("key.asc", try own.export())
        #expect(try await pin(site, library).signedBy == own.vendor)
    }

    /// A server may put the signed list of another of the vendor's files into the place of this one's.
    @Test(arguments: [("20260912", true), ("os-other.img", false), ("", false)])
    func theSignedListOfAnotherFileIsNotTaken(_ name: String, _ isTaken: Bool) async throws {
        let site = try site("sums = \"{image}.sha256\"\nsignature = \"{sums}.asc\"")
        let list = Array("\(sha256)  \(name)\n".utf8)
        try site.put("d/\(build)/os.img.sha256", list)
        try site.put("d/\(build)/os.img.sha256.asc", try home.sign(list))
        if isTaken {
            #expect(try await pin(site).source.digests == ["sha256:\(sha256)"])
        } else {
            guard case .structural(_, _, "does not list os.img")? = await failure(site) else {
                return #expect(Bool(false))
            }
        }
    }

    /// Debian's live images: signed sums of another folder list image and torrent.
    @Test func piecesOfASignedTorrentAreTheIndex() async throws {
        let keys =
            "sums = \"../bt/SHA512SUMS\"\nsignature = \"{sums}.sign\"\ntorrent = \"../bt/{image}.torrent\""
        let site = try site(keys)
        let pieces = stride(from: 0, to: image.count, by: 262_144).flatMap {
            Array(Insecure.SHA1.hash(data: image[$0..<min(image.count, $0 + 262_144)]))
        }
        let torrent =
            Array("d4:infod6:lengthi700000e4:name6:os.img12:piece lengthi262144e6:pieces\(pieces.count):".utf8) + pieces
            + Array("ee".utf8)
        let digest = Hexadecimal.string(of: SHA512.hash(data: torrent))
        let sums = Array("\(sha512)  os.img\n\(digest)  os.img.torrent\n".utf8)
        try site.put("d/bt/os.img.torrent", torrent)
        try site.put("d/bt/SHA512SUMS", sums)
        try site.put("d/bt/SHA512SUMS.sign", try home.sign(sums))
        let file = try await pin(site)
        #expect(file.source.trust == .pieces)
        let index = try ImageIndex(path: file.indexPath, imageSize: 700_000)
        #expect(index.count == 3 && index.algorithm == .sha1)
        #expect(try index.block(at: 0).id.sha1 == Hexadecimal.string(of: pieces[..<20]))
        // A torrent that is not the signed one gives no image.
        let other = try self.site(keys)
        for name in ["SHA512SUMS", "SHA512SUMS.sign"] {
            try other.put("d/bt/\(name)", try site.folder.bytes("pub/d/bt/\(name)"))
        }
        try other.put("d/bt/os.img.torrent", torrent.dropLast(2) + Array("ee ".utf8))
        guard case .structural(_, _, let reason)? = await failure(other) else { return #expect(Bool(false)) }
        #expect(reason == "cannot be used: it is not the one that the vendor signed")
    }

    /// openSUSE: the sums of a name that never changes list the build that it is.
    @Test func theOnlySumOfAnAliasCounts() async throws {
        let site = try site("")
        site.offer(
            "listing = \"fixed\"\nupstream = \"\(site.pub)Leap-Cloud.qcow2\"\nsums = \"{image}.sha256\"\nmetalink = \"{image}.metalink\"",
            id: "leap")
        try site.put("Leap-Cloud.qcow2", image)
        try site.put("Leap-Cloud.qcow2.sha256", "\(sha256) Leap-Cloud-Build18.7.qcow2\n")
        try site.put(
            "Leap-Cloud.qcow2.metalink",
            """
            <metalink><files><file name="Leap-Cloud.qcow2"><size>700000</size><resources>
            <url type="http" location="de" preference="90">http://127.0.0.1:9/b/Leap-Cloud.qcow2</url>
            <url type="http" location="cz" preference="100">http://127.0.0.1:9/a/Leap-Cloud.qcow2</url>
            <url type="ftp" preference="100">ftp://127.0.0.1:9/a/Leap-Cloud.qcow2</url>
            <url type="http" preference="100">http://127.0.0.1:9/a/other.qcow2</url></resources></file></files></metalink>
            """)
        let library = site.library()
        let file = try await library.pin(try await site.choose(library, id: "leap"))
        #expect(file.source.digests == ["sha256:\(sha256)"])
        #expect(
            file.places.map(\.url) == [
                "\(site.pub)Leap-Cloud.qcow2", "http://127.0.0.1:9/a/Leap-Cloud.qcow2",
                "http://127.0.0.1:9/b/Leap-Cloud.qcow2",
            ])
        // Two entries: which of them is meant, nobody says.
        try site.put("Leap-Cloud.qcow2.sha256", "\(sha256) a\n\(String(repeating: "0", count: 64)) b\n")
        library.forget(file)
        await #expect(throws: VendorsError.self) { try await library.pin(try await site.choose(library, id: "leap")) }
    }

    @Test func aBuildThatWasDeletedStaysKnownWhereItWasPinned() async throws {
        let site = try site("sums = \"SHA256SUMS\"")
        try site.put("d/\(build)/SHA256SUMS", "\(sha256)  os.img\n")
        try site.put("d/20260912/os.img", "other")
        let library = site.library()
        let file = try await library.pin(try await site.choose(library, "2026-09-11"))
        try site.remove("d/\(build)")
        let known = try await library.refresh("os", evenIfFresh: true)
        #expect(known.versions.map(\.id.text) == ["2026-09-12", "2026-09-11"])
        #expect(library.departed("os") == [file.version])
        #expect(try await library.pin(try await site.choose(library, build)) == file)
        // One that is listed and gone says so.
        try site.remove("d/20260912/os.img")
        let error = await #expect(throws: VendorsError.self) { _ = try await pin(site) }
        guard case .structural? = error else {
            guard case .gone? = error else { return #expect(Bool(false), "\(error.map { "\($0)" } ?? "")") }
            return
        }
    }

    /// What the vendor's server has in the file's place is looked at before it is a guest's.
    @Test(arguments: [
        ("<html>Not here any more", "", "is a web page"), ("KDMV", "", "is a VMDK image"),
        ("QFI\u{FB}", "", "is a qcow2 image"), ("<html>", "packed = \"gz\"", "packed as gz and is a web page"),
    ])
    func whatIsNoDiskOfItsFormatIsNotPinned(_ beginning: String, _ keys: String, _ words: String) async throws {
        let site = try site(keys)
        let head = beginning.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        try site.put("d/\(build)/os.img", head + image.dropFirst(head.count))
        let library = site.library()
        let error = await failure(site)
        guard case .structural(_, _, let reason)? = error else {
            return #expect(Bool(false), "\(error.map { "\($0)" } ?? "")")
        }
        #expect(reason.contains(words), "\(reason)")
        let finding = try await library.examine(#require(library.hint("os")))
        #expect(finding.state == .structural && finding.problem?.contains(words) == true, "\(finding)")
    }

    @Test func aSystemIsExaminedWithoutATrace() async throws {
        let site = try site(signed)
        try sign(site, "\(sha256)  os.img\n")
        let library = site.library()
        let row = try #require(library.hint("os"))
        let good = try await library.examine(row)
        #expect(good.state == .good && good.trust == .whole && good.size == 700_000, "\(good)")
        #expect(good.signedBy == (try home.vendor))
        #expect(library.pinned("os", try #require(VersionID("2026-09-11"))) == nil)
        try sign(site, "\(sha256)  os.img\n", by: try home.stranger)
        #expect(try await library.examine(row).state == .unverified)
        site.server.stop()
        let absent = try await site.library().examine(row)
        #expect(absent.state == .transient && absent.problem != nil)
    }
}

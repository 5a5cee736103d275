import BlockStore
import Catalog
import ContentAddress
import Crypto
import Curl
import Formats
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import Vendors

/// When a file is pinned anew, and what is kept of what was pinned.
@Suite struct RepinTests {
    private let image = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    private let build = "20260911"
    private var home: SigningHome { get throws { try SigningHome.shared.get() } }

    private func sha256(_ bytes: [UInt8]) -> String { Hexadecimal.string(of: SHA256.hash(data: bytes)) }
    private func sha512(_ bytes: [UInt8]) -> String { Hexadecimal.string(of: SHA512.hash(data: bytes)) }

    private func pin(_ library: VendorLibrary) async throws -> PinnedFile {
        try await library.pin(try await site(of: library))
    }

    private func site(of library: VendorLibrary) async throws -> ChosenVersion {
        let known = try await library.refresh("os")
        let copy = library.copy()
        let document = try #require(copy.document)
        return ChosenVersion(
            source: copy.source, document: document, distribution: known, version: try #require(known.versions.first))
    }

    /// A list that says of a build what it has, and the file.
    private func list(_ site: VendorSite, _ bytes: [UInt8]) throws {
        try site.put("os-\(build).img", bytes)
        // Each list has another length: the server tells one from the other by that and by the second.
        let remark = String(repeating: "-", count: bytes.count % 97 + Int(bytes[0]))
        try site.put("list", "\(sha256(bytes)) os-\(build).img \(bytes.count)\n# \(remark)\n")
    }

    private func listed(_ keys: String = "") throws -> VendorSite {
        let site = try VendorSite()
        site.offer("listing = \"text-list\"\nupstream = \"\(site.pub)list\"\nentry = \"os-{date}.img\"\n\(keys)")
        return site
    }

    @Test func aBuildThatWasReplacedUnderItsNameIsPinnedAnew() async throws {
        let site = try listed()
        try list(site, image)
        let library = site.library()
        let first = try await pin(library)
        #expect(first.source.digests == ["sha256:\(sha256(image))"])
        let other = Array(image.reversed())
        try list(site, other)
        // As long as the list is not asked for again, nobody knows.
        #expect(try await pin(library) == first)
        _ = try await library.refresh("os", evenIfFresh: true)
        let second = try await pin(library)
        #expect(second.source.digests == ["sha256:\(sha256(other))"] && second.version == first.version)
        let third = Array(image.dropLast(9))
        try list(site, third)
        _ = try await library.refresh("os", evenIfFresh: true)
        #expect(try await pin(library).source.size == 699_991)
        // A server that does not answer changes nothing.
        try list(site, image)
        _ = try await library.refresh("os", evenIfFresh: true)
        site.server.stop()
        #expect(try await pin(library).source.size == 699_991)
    }

    @Test func whoHasAnEarlierPinInUseKeepsIt() async throws {
        let site = try listed()
        try list(site, image)
        let library = site.library()
        let first = try await pin(library)
        try list(site, Array(image.reversed()))
        _ = try await library.refresh("os", evenIfFresh: true)
        let second = try await pin(library)
        #expect(
            try ImageIndex(path: first.indexPath, imageSize: 700_000).block(at: 0).id
                == PieceKey(digest: "sha256:\(sha256(image))").id(of: 0))
        // What it throws away is its own.
        library.forget(first)
        #expect(try !Paths.isThere(first.indexPath))
        #expect(library.pinned("os", second.version) == second)
        #expect(try await pin(library) == second)
        library.forget(second)
        #expect(library.pinned("os", second.version) == nil)
        #expect(try !Paths.isThere(site.stateFile("pins/os/\(second.version)")))
    }

    @Test func severalWhoPinAtOnceAllHaveAllOfIt() async throws {
        let site = try listed()
        try list(site, image)
        let chosen = try await self.site(of: site.library())
        try await withThrowingTaskGroup(of: PinnedFile.self) { group in
            // Each as another process.
            for _ in 0..<8 {
                let library = site.library()
                group.addTask { try await library.pin(chosen) }
            }
            for try await file in group {
                #expect(try ImageIndex(path: file.indexPath, imageSize: 700_000).count == 3)
                #expect(try FileContents.read(file.beginningPath ?? "", limit: 1 << 20).count == 524_288)
            }
        }
    }

    @Test func whatIsLearnedOfAPlaceIsKept() async throws {
        let site = try listed("base = \"BASE\"\nmirrors = [\"http://127.0.0.1:9/m/\"]")
        let other = VendorSite(sharing: site)
        other.offer(
            "listing = \"text-list\"\nupstream = \"\(site.pub)list\"\nentry = \"os-{date}.img\"\nbase = \"\(site.pub)\"\nmirrors = [\"http://127.0.0.1:9/m/\"]"
        )
        try list(other, image)
        let library = other.library()
        let file = try await pin(library)
        #expect(
            file.places.count == 2 && file.places[1].etag == nil && file.places.map(\.reach) == [.written, .written])
        // As a session's places have it.
        #expect(file.places[0].ranged.pinned?.entityTag == file.places[0].etag)
        let learned = PinnedURL(
            url: "http://127.0.0.1:9/else/os.img", reach: .named(by: .internet), entityTag: "\"m\"", lastModified: "T")
        let changed = PinnedURL(url: file.places[0].finalURL, reach: .written, entityTag: "\"changed\"")
        library.remember([changed, learned], of: file)
        let kept = try #require(other.library().pinned("os", file.version))
        #expect(kept.places[0] == file.places[0], "what was pinned stays")
        #expect(kept.places[1].ranged.pinned == learned && kept.places[1].ranged.place.url == file.places[1].url)
        #expect(try await pin(other.library()) == kept)
        // Of another pin it says nothing.
        library.forget(file)
        library.remember([nil, learned], of: file)
        #expect(library.pinned("os", file.version) == nil)
    }

    @Test func onlyTheTablesServersMayBeAnywhere() throws {
        var table = VendorTable()
        let text = """
            name = "acme"
            title = "Acme"
            [[key]]
            name = "k"
            fingerprint = "\(String(repeating: "A", count: 40))"
            url = "https://keys.example.org/k"
            [[system]]
            id = "os"
            title = "OS"
            kind = "cloud"
            format = "qcow2"
            upstream = "https://dl.example.org/d/"
            entry = "{date}"
            image = "{entry}/os.img"
            base = "https://dl.example.org/"
            mirrors = ["http://mirror.lan/a/"]
            sums = "https://sums.example.org/{entry}/SUMS"
            [[system]]
            id = "own"
            title = "Own"
            kind = "cloud"
            format = "qcow2"
            upstream = "http://10.0.0.1/d/"
            entry = "{date}"
            """
        table.add(Array(text.utf8), file: "acme.toml", name: "acme")
        #expect(table.faults == [])
        let row = try #require(table.row("os"))
        for url in ["https://dl.example.org/x", "http://mirror.lan/a/x", "https://sums.example.org/20260911/SUMS"] {
            #expect(row.reach(of: url) == .written, "\(url)")
        }
        for url in [
            "https://other.example.org/x", "http://10.0.0.1/x", "http://mirror.lan:8080/", "file:///etc/passwd",
        ] {
            #expect(row.reach(of: url) == .named(by: .internet), "\(url)")
        }
        #expect(table.row("own")?.reach(of: "http://10.0.0.2/x") == .named(by: .privateNetwork))
    }

    @Test(arguments: [UInt64(1) << 62, 1 << 41, UInt64(Int64.max), .max])
    func aSizeThatNoFileHasIsTold(_ size: UInt64) async throws {
        let server = try RangedServer()
        server.handle { request, _ in
            let count = (request.range?.count ?? 0)
            return .init(
                206, ["Content-Range: bytes 0-\(count - 1)/\(size)"], body: [UInt8](repeating: 1, count: count))
        }
        let site = try VendorSite()
        site.offer("listing = \"fixed\"\nupstream = \"\(server.url("os.img"))\"")
        let error = await #expect(throws: VendorsError.self) { _ = try await pin(site.library()) }
        guard case .structural? = error else { return #expect(Bool(false), "\(error.map { "\($0)" } ?? "")") }
    }

    // MARK: Torrents

    /// A vendor whose sums beside its torrents are signed.
    private func torrents() throws -> VendorSite {
        let site = try VendorSite()
        try site.put("key.asc", try home.export())
        site.pin(key: try home.vendor, at: "\(site.pub)key.asc")
        site.offer(
            "upstream = \"\(site.pub)d/\"\nentry = \"{date}\"\nimage = \"{entry}/os.img\"\nsums = \"SHA512SUMS\"\nsignature = \"{sums}.sign\"\ntorrent = \"{image}.torrent\""
        )
        try site.put("d/\(build)/os.img", image)
        return site
    }

    private func torrent(pieces length: Int = 262_144, name: String = "os.img") -> [UInt8] {
        let pieces = stride(from: 0, to: image.count, by: length).flatMap {
            Array(Insecure.SHA1.hash(data: image[$0..<min(image.count, $0 + length)]))
        }
        return Array(
            "d4:infod6:lengthi\(image.count)e4:name\(name.utf8.count):\(name)12:piece lengthi\(length)e6:pieces\(pieces.count):"
                .utf8) + pieces + Array("ee".utf8)
    }

    private func sign(_ site: VendorSite, _ torrent: [UInt8]) throws {
        let sums = Array("\(sha512(image))  os.img\n\(sha512(torrent))  os.img.torrent\n".utf8)
        try site.put("d/\(build)/SHA512SUMS", sums)
        try site.put("d/\(build)/SHA512SUMS.sign", try home.sign(sums))
    }

    @Test func aTorrentThatIsMissingIsLookedForAgainOnAnotherDay() async throws {
        let site = try torrents()
        try sign(site, torrent())
        let first = try await pin(site.library())
        #expect(first.source.trust == .whole && first.source.digests == ["sha512:\(sha512(image))"])
        // Asked for once more, without leave to go from https to http.
        #expect(site.server.requests().count { $0.hasSuffix("os.img") } == 2)
        try site.put("d/\(build)/os.img.torrent", torrent())
        #expect(try await pin(site.library()) == first)
        let record = site.stateFile("pins/os/\(first.version)/pinned.json")
        let text = try FileContents.readText(record, limit: 1 << 20)
        let old = text.replacing("\(first.pinned)", with: "2026-01-01T00:00:00Z")
        #expect(old != text)
        try AtomicFile.write(old, to: record)
        let second = try await pin(site.library())
        #expect(second.source.trust == .pieces)
        #expect(try ImageIndex(path: second.indexPath, imageSize: 700_000).algorithm == .sha1)
        // Once it is as it should be, it stays.
        try AtomicFile.write(
            try FileContents.readText(record, limit: 1 << 20).replacing(
                "\(second.pinned)", with: "2026-01-01T00:00:00Z"), to: record)
        site.server.stop()
        #expect(try await pin(site.library()).indexPath == second.indexPath)
    }

    @Test func aTorrentOfPiecesThatCannotBeReadLeavesTheWhole() async throws {
        let site = try torrents()
        let odd = torrent(pieces: 100_000)
        try sign(site, odd)
        try site.put("d/\(build)/os.img.torrent", odd)
        let file = try await pin(site.library())
        #expect(file.source.trust == .whole)
        #expect(try ImageIndex(path: file.indexPath, imageSize: 700_000).algorithm == .sha256)
    }

    @Test func aTorrentOfAnotherFileIsNone() async throws {
        let site = try torrents()
        let other = torrent(name: "other.img")
        try sign(site, other)
        try site.put("d/\(build)/os.img.torrent", other)
        let error = await #expect(throws: VendorsError.self) { _ = try await pin(site.library()) }
        guard case .structural(_, _, let reason)? = error else { return #expect(Bool(false)) }
        #expect(reason.contains("another file"))
    }

    // MARK: Signed listings

    @Test(arguments: [
        "listing = \"fixed\"\nupstream = \"http://127.0.0.1:9/os.img\"",
        "listing = \"gitlab-packages\"\nupstream = \"http://127.0.0.1:9/p\"\nentry = \"{date}\"\nimage = \"os.img\"",
        "upstream = \"http://127.0.0.1:9/{date}/\"\nentry = \"{date}\"",
    ])
    func aListingOfSeveralAnswersIsNobodysSignedWord(_ keys: String) throws {
        let site = try VendorSite()
        site.pin(key: try home.vendor, at: "\(site.pub)key.asc")
        site.offer("\(keys)\nsigned = \"listing\"\nsignature = \"{listing}.sig\"")
        #expect(site.table.faults.map { "\($0)" }.contains { $0.contains("signed") && $0.contains("several answers") })
    }
}

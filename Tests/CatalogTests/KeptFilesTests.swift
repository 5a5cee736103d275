import Catalog
import Curl
import Foundation
import Glibc
import Linux
import TUF
import TestSupport
import Testing

/// Files of the state that a power cut emptied, or a bad disk changed: brought again, or refused in words; never believed.
@Suite struct KeptFilesTests {
    private let folder: TemporaryDirectory
    private let tree: SignedTree
    private let server: FaultyHTTPServer
    private let transfers = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2))
    private static let index = Array("an index, with rows".utf8)
    private static let bootSet = Array("a boot set".utf8)

    init() throws {
        folder = try TemporaryDirectory()
        tree = try SignedTree(path: folder.path("tree"))
        server = try FaultyHTTPServer(folder: folder.path("tree"))
        try tree.publish(["debian/2026-11-16.caibx": Self.index, "debian/2026-11-16.bootset": Self.bootSet])
        try tree.publish(try Self.document("first"))
    }

    private static func document(_ description: String) throws -> CatalogDocument {
        let version = DistributionVersion(
            id: try #require(VersionID("2026-11-16")), published: Timestamp(seconds: 0),
            index: "debian/2026-11-16.caibx", bootSet: "debian/2026-11-16.bootset", size: 512)
        return CatalogDocument(
            name: "Example", description: description, updated: Timestamp(seconds: 0),
            distributions: [Distribution(id: "debian", versions: [version])])
    }

    /// As a new process has it.
    private var library: CatalogLibrary {
        CatalogLibrary(directory: folder.path("state/catalogs"), transfers: transfers)
    }

    private func add() async throws -> CatalogSource {
        let source = try CatalogSource(name: "os", location: server.url)
        _ = try await library.add(source, trust: .root(try tree.root))
        return source
    }

    private func chosen(_ copy: CatalogCopy) throws -> ChosenVersion {
        try #require(VersionName("debian")).choose(from: [copy])
    }

    enum Damage: String, Sendable { case emptied, cut, exchanged, zeros, signature }

    private func damage(_ path: String, _ how: Damage) throws {
        var bytes = try FileContents.read(path, limit: 1 << 20)
        switch how {
        case .emptied: bytes = []
        case .cut: bytes.removeLast(bytes.count / 2)
        // The same length.
        case .exchanged: bytes.swapAt(bytes.count / 2, bytes.count - 3)
        case .zeros: bytes = [UInt8](repeating: 0, count: bytes.count)
        // One digit: it is metadata still, and nobody signed it.
        case .signature:
            let text = String(decoding: bytes, as: UTF8.self)
            let start = try #require(text.firstRange(of: /"sig"\s*:\s*"/)?.upperBound)
            let position = text.utf8.distance(from: text.startIndex, to: start) + 20
            bytes[position] = bytes[position] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        }
        try bytes.withUnsafeBytes { buffer in
            // In place, as a disk does it.
            try FileHandle(path: path, flags: O_WRONLY | O_TRUNC).write(buffer)
        }
        // The kernel's clock for files is a coarse one.
        try Paths.setTimes(path, seconds: time(nil) - 100)
    }

    // MARK: Indexes

    @Test(arguments: [(Damage.emptied, true), (.cut, false), (.exchanged, true), (.exchanged, false)])
    func aDamagedIndexIsFetchedAgain(how: Damage, isNewProcess: Bool) async throws {
        let source = try await add()
        let first = library
        let version = try chosen(first.copy(of: source))
        let (path, bootSet) = (try await first.index(of: version), try #require(try await first.bootSet(of: version)))
        // Looked at twice: so this process remembers them.
        #expect(try await first.index(of: version) == path)
        #expect(try await first.bootSet(of: version) == bootSet)
        try damage(path, how)
        try damage(bootSet, how)
        let second = isNewProcess ? library : first
        #expect(try await second.index(of: version) == path)
        #expect(try FileContents.read(path, limit: 100) == Self.index)
        #expect(try await second.bootSet(of: version) == bootSet)
        #expect(try FileContents.read(bootSet, limit: 100) == Self.bootSet)
    }

    @Test func aBootPacksListIsKeptAndFetchedAgainWhereItIsDamaged() async throws {
        let source = try await add()
        let bytes = Array("a list of pages".utf8)
        let pack = PublishedPack(pack: "debian/2026-11-16.from-2026-11-09.bootpack", size: 4096, storedSize: 100)
        let version = try chosen(library.copy(of: source))
        // Nobody signed it.
        await #expect(throws: CatalogAccessError.self) { try await library.pack(pack, of: version) }
        try tree.publish([pack.pack: bytes])
        _ = await library.refreshed(source)
        let path = try await library.pack(pack, of: version)
        #expect(try FileContents.read(path, limit: 100) == bytes)
        #expect(path == library.packPath(pack, version.source, version.distribution, version.version))
        // It is not taken for an index.
        #expect(!library.versionsWithIndex(source, version.distribution).contains { $0.contains("from") })
        try damage(path, .exchanged)
        #expect(try await library.pack(pack, of: version) == path)
        #expect(try FileContents.read(path, limit: 100) == bytes)
        server.stop()
        #expect(try await library.pack(pack, of: version) == path, "a whole one needs no server")
    }

    @Test func aDamagedIndexIsRefusedInWordsWhenItCannotBeFetchedAgain() async throws {
        let source = try await add()
        let version = try chosen(library.copy(of: source))
        let path = try await library.index(of: version)
        server.stop()
        #expect(try await library.index(of: version) == path, "a whole one needs no server")
        try damage(path, .exchanged)
        let error = await #expect(throws: CatalogAccessError.self) { try await library.index(of: version) }
        guard case .damaged(path, CatalogAccessError.unreachable?) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func signedMetadataThatIsDamagedIsBroughtAgainBeforeAnIndexIsHeldAgainstIt() async throws {
        let source = try await add()
        let version = try chosen(library.copy(of: source))
        let path = try await library.index(of: version)
        for name in ["targets.json", "snapshot.json", "timestamp.json", "root.json"] {
            try damage(folder.path("state/catalogs/os/metadata/\(name)"), .emptied)
            #expect(try await library.index(of: version) == path, "\(name)")
        }
    }

    // MARK: The catalog

    @Test(arguments: [
        ("catalog.json", Damage.exchanged), ("catalog.json", .emptied), ("trust.json", .zeros),
        ("metadata/root.json", .emptied), ("metadata/timestamp.json", .zeros), ("metadata/snapshot.json", .cut),
        ("metadata/targets.json", .emptied),
    ]) func aDamagedFileOfACatalogIsBroughtAgain(name: String, how: Damage) async throws {
        let source = try await add()
        let whole = library.copy(of: source).document
        try damage(folder.path("state/catalogs/os/\(name)"), how)
        let before = library.copy(of: source)
        #expect(before.document == nil || before.document == whole)
        let copy = await library.refreshed(source)
        #expect(copy.state == .fresh, "\(String(describing: copy.error))")
        #expect(library.copy(of: source).document == whole)
    }

    @Test func aCatalogWithOneDigitChangedIsNotShown() async throws {
        let source = try await add()
        let path = folder.path("state/catalogs/os/catalog.json")
        let text = try FileContents.readText(path, limit: 100_000).replacingOccurrences(of: "512", with: "513")
        try folder.write(Array(text.utf8), to: "state/catalogs/os/catalog.json")
        server.stop()
        guard case CatalogAccessError.damaged(path, nil)? = library.copy(of: source).error else {
            Issue.record("it was believed")
            return
        }
        let copies = await library.copies(refresh: true)
        #expect(copies.map(\.state) == [.unreachable])
    }

    /// Whoever keeps last week's answers must not profit from a power cut.
    @Test(arguments: [
        ("metadata/timestamp.json", Damage.emptied), ("metadata/timestamp.json", .signature), ("trust.json", .emptied),
        ("metadata/root.json", .emptied), ("metadata/root.json", .signature),
    ])
    func whatIsDamagedLetsNothingOlderIn(name: String, how: Damage) async throws {
        let source = try await add()
        try FileManager.default.copyItem(atPath: folder.path("tree"), toPath: folder.path("older"))
        try tree.publish(try Self.document("second"))
        #expect(await library.refreshed(source).document?.description == "second")
        try damage(folder.path("state/catalogs/os/\(name)"), how)
        try Folder.removeTree(folder.path("tree"))
        try FileManager.default.moveItem(atPath: folder.path("older"), toPath: folder.path("tree"))
        let copy = await library.refreshed(source)
        #expect(copy.state == .untrusted)
        #expect(copy.document?.description == "second")
    }

    @Test func whereNothingTellsOldFromNewTheCatalogIsToBeAddedAgain() async throws {
        let source = try await add()
        for name in ["trust.json", "metadata/timestamp.json"] {
            try damage(folder.path("state/catalogs/os/\(name)"), .zeros)
        }
        let copy = await library.refreshed(source)
        guard case CatalogAccessError.forgotten("os")? = copy.error else {
            Issue.record("\(String(describing: copy.error))")
            return
        }
        try library.remove("os")
        _ = try await add()
    }

    @Test func aCatalogWhoseAddressIsDamagedIsNamedAndCanBeAddedAgain() async throws {
        let source = try await add()
        try damage(folder.path("state/catalogs/os/source.json"), .emptied)
        #expect(library.sources().isEmpty)
        #expect(library.damagedSources() == ["os"])
        try library.remove("os")
        #expect(library.damagedSources().isEmpty)
        #expect(try await add() == source)
    }

    // MARK: Servers that have a bad moment

    @Test(arguments: [HTTPFault.status(503), .reset(after: 0)])
    func oneBadMomentOfTheServerIsNotTheEnd(fault: HTTPFault) async throws {
        for path in ["2.root.json", "timestamp.json", "2.snapshot.json"] {
            server.script("/metadata/\(path)", fault)
        }
        server.script("/metadata/2.root.json", .none)
        let source = try await add()
        server.script("/metadata/timestamp.json", fault)
        #expect(await library.refreshed(source).state == .fresh)
        server.script("/\(tree.file("debian/2026-11-16.caibx", Self.index))", fault)
        server.script("/\(tree.file("debian/2026-11-16.bootset", Self.bootSet))", fault)
        let version = try chosen(library.copy(of: source))
        _ = try await library.index(of: version)
        #expect(try await library.bootSet(of: version) != nil)
    }

    @Test func aServerThatIsBusyForLongIsNotWaitedForWhenACopyIsHere() async throws {
        _ = try await add()
        server.always("*", .statusRetry(503, afterSeconds: 600))
        utimes(folder.path("state/catalogs/os/trust.json"), [timeval(), timeval()])
        let began = MonotonicClock.nanoseconds
        #expect(await library.copies(refresh: true).map(\.state) == [.unreachable])
        #expect(MonotonicClock.nanoseconds - began < 5_000_000_000)
    }

    // MARK: Answers of somebody else

    @Test(arguments: [
        "<html><title>Sign in</title></html>", "{\"error\": \"sign in\"}", "", String(repeating: " ", count: 600_000),
    ])
    func aPageInTheCatalogsPlaceIsSaidAndIsNoReasonNotToBootWhatIsHere(page: String) async throws {
        let source = try await add()
        server.always("*", .replaced(Array(page.utf8)))
        func isNotMetadata(_ error: (any Error)?) -> Bool {
            if case CatalogAccessError.notMetadata? = error { true } else { false }
        }
        let copy = await library.refreshed(source)
        #expect(isNotMetadata(copy.error), "\(String(describing: copy.error))")
        #expect(copy.state == .unreachable)
        #expect(try chosen(copy).version.id.text == "2026-11-16")
        let other = try CatalogSource(name: "new", location: server.url)
        for trust in [
            CatalogTrust.root(try tree.root), .fingerprint(String(repeating: "0", count: 64)),
            .ask { _ in
                Issue.record("asked to believe a page")
                return true
            },
        ] {
            let error = await #expect(throws: CatalogAccessError.self) {
                try await library.add(other, trust: trust)
            }
            #expect(isNotMetadata(error), "\(String(describing: error))")
        }
    }
}

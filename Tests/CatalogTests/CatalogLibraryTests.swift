import Catalog
import ContentAddress
import Curl
import Glibc
import Linux
import TestSupport
import Testing

@Suite struct CatalogLibraryTests {
    private let folder: TemporaryDirectory
    private let server: FaultyHTTPServer
    private let library: CatalogLibrary
    private let transfers = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2))

    init() throws {
        folder = try TemporaryDirectory()
        try folder.makeFolder("tree/targets/debian")
        server = try FaultyHTTPServer(folder: folder.path("tree"))
        library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: transfers)
        try publish("first")
        try folder.write(Array("an index".utf8), to: "tree/targets/debian/2026-11-16.caibx")
    }

    private static let catalogPath = "/targets/catalog.json"

    private func publish(_ description: String, digest: FileDigest? = nil) throws {
        let version = DistributionVersion(
            id: try #require(VersionID("2026-11-16")), published: Timestamp(seconds: 0),
            index: "debian/2026-11-16.caibx", size: 512, digest: digest)
        let document = CatalogDocument(
            name: "Example", description: description, updated: Timestamp(seconds: 0),
            distributions: [Distribution(id: "debian", versions: [version])])
        try folder.write(try document.encode(), to: "tree/targets/catalog.json")
    }

    private func source(_ name: String = "os", _ location: String? = nil) throws -> CatalogSource {
        try CatalogSource(name: name, location: location ?? server.url)
    }

    private func chosen(_ copy: CatalogCopy) throws -> ChosenVersion {
        try #require(VersionName("debian")).choose(from: [copy])
    }

    /// The file's number and the names beside it: a rename gives another number, a rewrite keeps it.
    private func inode(_ path: String) -> ino_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_ino : 0
    }

    // MARK: Sources

    @Test(arguments: [true, false]) func catalogsAreAddedListedAndRemoved(isFile: Bool) async throws {
        let location = isFile ? folder.path("tree") : server.url
        let added = try await library.add(try source("os", location))
        #expect(added.state == .fresh)
        #expect(added.document?.description == "first")
        _ = try await library.add(try source("also", location))
        #expect(library.sources().map(\.name) == ["also", "os"])
        #expect(try library.source(named: "os") == source("os", location))
        #expect(library.copy(of: added.source).document == added.document)
        _ = try await library.index(of: try chosen(added))
        try library.remove("os")
        #expect(library.sources().map(\.name) == ["also"])
        #expect(try Folder(path: folder.path("state/catalogs")).names() == ["also"])
    }

    @Test func aNameThatIsTakenIsRefused() async throws {
        _ = try await library.add(try source("os", folder.path("tree")))
        let error = await #expect(throws: CatalogAccessError.self) { try await library.add(try source()) }
        guard case .exists("os") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try library.source(named: "os").url.hasPrefix("file://"))
        #expect(server.requests == [])
    }

    @Test func aCatalogThatIsNotFollowedIsNotFoundButANearOneNamed() async throws {
        _ = try await library.add(try source("circular"))
        for body in [{ _ = try library.source(named: "cirkular") }, { try library.remove("cirkular") }] {
            let error = #expect(throws: CatalogAccessError.self, performing: body)
            guard case .noSuchCatalog("cirkular", ["circular"]) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test func whatCannotBeAddedLeavesNothing() async throws {
        server.script(Self.catalogPath, .status(404), .replaced(Array("{}".utf8)))
        let first = await #expect(throws: CatalogAccessError.self) { try await library.add(try source()) }
        guard case .unreachable("os", let url, _) = first else {
            Issue.record("\(String(describing: first))")
            return
        }
        #expect(url == "\(server.url)targets/catalog.json")
        await #expect(throws: CatalogError.self) { try await library.add(try source()) }
        #expect(library.sources() == [])
        #expect(try await library.add(try source()).state == .fresh)
    }

    @Test func aTreeElsewhereIsRefusedWithoutAnyRequest() async throws {
        // The server's own address under a name that is not known to be this machine's: a request would arrive.
        let elsewhere = try source("os", "http://0.0.0.0:\(server.port)/")
        let error = await #expect(throws: CatalogAccessError.self) { try await library.add(elsewhere) }
        guard case .untrusted("os", elsewhere.url, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let copy = await library.refreshed(elsewhere)
        #expect(copy.state == .untrusted)
        #expect(copy.document == nil)
        let here = try await library.add(try source("here", folder.path("tree")))
        let version = try chosen(here)
        await #expect(throws: CatalogAccessError.self) {
            try await library.index(
                of: ChosenVersion(
                    source: elsewhere, document: version.document, distribution: version.distribution,
                    version: version.version))
        }
        #expect(server.requests == [])
        #expect(server.connectionCount == 0)
    }

    // MARK: Copies

    @Test func aRefreshBringsWhatTheServerHasNow() async throws {
        let added = try await library.add(try source())
        try publish("second")
        #expect(library.copy(of: added.source).document?.description == "first")
        let refreshed = await library.refreshed(added.source)
        #expect(refreshed.state == .fresh)
        #expect(refreshed.document?.description == "second")
        #expect(library.copy(of: added.source).document?.description == "second")
    }

    @Test func whenTheServerIsGoneTheOlderCopyIsKept() async throws {
        let added = try await library.add(try source())
        server.stop()
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .unreachable)
        #expect(copy.document == added.document)
        guard case CatalogAccessError.unreachable("os", _, let cause)? = copy.error else {
            Issue.record("\(String(describing: copy.error))")
            return
        }
        #expect(cause is TransferError)
        #expect(library.copy(of: added.source).document == added.document)
    }

    @Test(arguments: ["", "{", "<html>", "{\"format\": \"oscircular-catalog/1\"}"])
    func aMalformedCatalogIsAnErrorAndTheOlderCopyKept(text: String) async throws {
        let added = try await library.add(try source())
        server.always(Self.catalogPath, .replaced(Array(text.utf8)))
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .untrusted)
        #expect(copy.document == added.document)
        #expect(copy.error is CatalogError)
        #expect(library.copy(of: added.source).document == added.document)
    }

    @Test func aCatalogWithoutEndIsRefused() async throws {
        let added = try await library.add(try source())
        server.always(Self.catalogPath, .endless)
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .unreachable)
        #expect(copy.document == added.document)
        guard case CatalogAccessError.unreachable(_, _, TransferError.tooLarge)? = copy.error else {
            Issue.record("\(String(describing: copy.error))")
            return
        }
    }

    @Test func onlyServersWhoseCopyIsOldAreAsked() async throws {
        let added = try await library.add(try source())
        _ = try await library.add(try source("file", folder.path("tree")))
        #expect(await library.copies(refresh: true).map(\.state) == [.fresh, .fresh])
        #expect(server.requests.count == 1)
        let path = folder.path("state/catalogs/os/catalog.json")
        var times = [timeval(tv_sec: time(nil) - 60, tv_usec: 0), timeval(tv_sec: time(nil) - 60, tv_usec: 0)]
        #expect(utimes(path, &times) == 0)
        #expect(library.copy(of: added.source).state == .stale)
        #expect(await library.copies(refresh: false).map(\.state) == [.fresh, .stale])
        #expect(server.requests.count == 1)
        let copies = await library.copies(refresh: true)
        #expect(copies.map(\.source.name) == ["file", "os"])
        #expect(copies.map(\.state) == [.fresh, .fresh])
        #expect(server.requests.count == 2)
    }

    @Test func aCopyThatWasDamagedHereIsFetchedAnew() async throws {
        let added = try await library.add(try source())
        try folder.write(Array("{".utf8), to: "state/catalogs/os/catalog.json")
        #expect(library.copy(of: added.source).document == nil)
        #expect(library.copy(of: added.source).error is CatalogError)
        #expect(await library.copies(refresh: true).first?.document == added.document)
    }

    // MARK: Indexes

    @Test func anIndexIsFetchedOnceAndThenFromTheDisk() async throws {
        let version = try chosen(try await library.add(try source()))
        let path = try await library.index(of: version)
        #expect(path == library.indexPath(version.source, version.distribution, version.version))
        #expect(try FileContents.readText(path, limit: 100) == "an index")
        server.stop()
        #expect(try await library.index(of: version) == path)
        #expect(server.requests == [Self.catalogPath, "/targets/debian/2026-11-16.caibx"])
    }

    @Test func aTreeMadeAnewUnderTheSameVersionHasAnotherIndex() async throws {
        let old = try await library.index(of: try chosen(try await library.add(try source())))
        let bytes = [UInt8]("new".utf8)
        let digest = bytes.withUnsafeBytes { buffer in
            FileDigest(id: DigestAlgorithm.sha256.blockID(of: buffer))
        }
        try publish("second", digest: digest)
        try folder.write(bytes, to: "tree/targets/debian/2026-11-16.caibx")
        let new = try await library.index(of: try chosen(await library.refreshed(try source())))
        #expect(new != old)
        #expect(try FileContents.readText(new, limit: 100) == "new")
    }

    @Test func anIndexThatDoesNotComeWholeIsNotKept() async throws {
        let version = try chosen(try await library.add(try source()))
        server.script("/targets/debian/2026-11-16.caibx", .truncated(after: 3), .status(500), .reset(after: 2))
        for _ in 0..<3 {
            let error = await #expect(throws: CatalogAccessError.self) { try await library.index(of: version) }
            guard case .unreachable("os", _, _) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(access(folder.path("state/catalogs/os/indexes"), F_OK) != 0)
        }
        #expect(try FileContents.readText(try await library.index(of: version), limit: 100) == "an index")
    }

    @Test func anIndexOverTheBoundIsRefused() async throws {
        // A file that takes no space but says that it is long.
        let path = folder.path("tree/targets/debian/2026-11-16.caibx")
        #expect(truncate(path, (256 << 20) + 1) == 0)
        let version = try chosen(try await library.add(try source("os", folder.path("tree"))))
        let error = await #expect(throws: CatalogAccessError.self) { try await library.index(of: version) }
        guard case .unreachable("os", _, TransferError.tooLarge) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(access(library.indexPath(version.source, version.distribution, version.version), F_OK) != 0)
    }

    // MARK: Files

    @Test func filesAppearByRename() async throws {
        let added = try await library.add(try source())
        let path = folder.path("state/catalogs/os/catalog.json")
        let reader = try FileHandle(path: path, flags: O_RDONLY)
        let before = inode(path)
        try publish("second")
        _ = await library.refreshed(added.source)
        #expect(inode(path) != before)
        // Whoever reads the older file reads it to its end.
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = try bytes.withUnsafeMutableBytes { try reader.read(into: $0, at: 0) }
        #expect(try CatalogDocument.decode(Array(bytes.prefix(count))).description == "first")
        _ = try await library.index(of: try chosen(added))
        #expect(
            try Folder(path: folder.path("state/catalogs/os")).names().sorted()
                == ["catalog.json", "indexes", "source.json"])
        #expect(try Folder(path: folder.path("state/catalogs/os/indexes/debian")).names().count == 1)
    }

    @Test func aFolderThatCannotBeWrittenIsNamed() async throws {
        try folder.makeFolder("state")
        try folder.write([1], to: "state/catalogs")
        let error = await #expect(throws: CatalogAccessError.self) { try await library.add(try source()) }
        guard case .state(let path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path.hasPrefix(folder.path("state/catalogs")))
    }

    @Test func aServerOfThisMachineCannotSendUsElsewhere() async throws {
        // An address of the documentation's network: nothing answers there, and nothing is asked of it for trust.
        server.always(Self.catalogPath, .redirect(to: "http://192.0.2.1/targets/catalog.json"))
        await #expect(throws: (any Error).self) { try await library.add(try source()) }
        #expect(library.sources().isEmpty)
    }
}

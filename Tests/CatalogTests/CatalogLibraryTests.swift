import Catalog
import ContentAddress
import Curl
import Foundation
import Glibc
import Linux
import TUF
import TestSupport
import Testing

@Suite struct CatalogLibraryTests {
    private let folder: TemporaryDirectory
    private let tree: SignedTree
    private let server: FaultyHTTPServer
    private let library: CatalogLibrary
    private let transfers = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2))
    private static let index = Array("an index".utf8)

    init() throws {
        folder = try TemporaryDirectory()
        tree = try SignedTree(path: folder.path("tree"))
        server = try FaultyHTTPServer(folder: folder.path("tree"))
        library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: transfers)
        try tree.publish(["debian/2026-11-16.caibx": Self.index])
        try tree.publish(try Self.document("first"))
    }

    private static func document(_ description: String) throws -> CatalogDocument {
        let version = DistributionVersion(
            id: try #require(VersionID("2026-11-16")), published: Timestamp(seconds: 0),
            index: "debian/2026-11-16.caibx", size: 512)
        return CatalogDocument(
            name: "Example", description: description, updated: Timestamp(seconds: 0),
            distributions: [Distribution(id: "debian", versions: [version])])
    }

    private func source(_ name: String = "os", _ location: String? = nil) throws -> CatalogSource {
        try CatalogSource(name: name, location: location ?? server.url)
    }

    private func add(_ name: String = "os", _ location: String? = nil) async throws -> CatalogCopy {
        try await library.add(try source(name, location), trust: .root(try tree.root))
    }

    private func chosen(_ copy: CatalogCopy) throws -> ChosenVersion {
        try #require(VersionName("debian")).choose(from: [copy])
    }

    private func isUntrusted(_ error: (any Error)?) -> Bool {
        if case CatalogAccessError.untrusted? = error { true } else { false }
    }

    // MARK: Sources

    @Test func theServersOfAllSourcesAreTheUsersOwn() async throws {
        let catalogs = folder.path("state/catalogs")
        #expect(CatalogLibrary.servers(in: catalogs).isEmpty)
        _ = try await add()
        _ = try await add("local", folder.path("tree"))
        #expect(CatalogLibrary.servers(in: catalogs) == [try #require(URLText.server(of: server.url))])
    }

    /// In a program that goes on, as the menu does, also where another process adds and removes catalogs.
    @Test func anAddedCatalogsServerIsTheUsersOwnFromThenOn() async throws {
        let other = try FaultyHTTPServer(folder: folder.path("tree"))
        other.always("/moved", .redirect(to: server.url + "metadata/1.root.json"))
        func isLedThere() async -> Bool {
            // Another port of this machine: only a server that the user named may be led to.
            (try? await transfers.get(other.url + "moved", maximumBytes: 1 << 20)) != nil
        }
        #expect(await !isLedThere())
        let elsewhere = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: TransferQueue())
        _ = try await elsewhere.add(try source(), trust: .root(try tree.root))
        _ = await library.copies(refresh: false)
        #expect(await isLedThere())
        try elsewhere.remove("os")
        _ = await library.copies(refresh: false)
        #expect(await !isLedThere())
    }

    @Test(arguments: [true, false]) func catalogsAreAddedListedAndRemoved(isFile: Bool) async throws {
        let location = isFile ? folder.path("tree") : server.url
        let added = try await add("os", location)
        #expect(added.state == .fresh)
        #expect(added.document?.description == "first")
        #expect(added.trust?.fingerprint == FileDigest.sha256(of: try tree.root).hex)
        _ = try await add("also", location)
        #expect(library.sources().map(\.name) == ["also", "os"])
        #expect(library.copy(of: added.source).document == added.document)
        _ = try await library.index(of: try chosen(added))
        try library.remove("os")
        #expect(library.sources().map(\.name) == ["also"])
        #expect(try Folder(path: folder.path("state/catalogs")).names() == ["also"])
    }

    @Test func whatAnAddressSaysOnlyItsUserCanRead() async throws {
        _ = try await add()
        let catalogs = folder.path("state/catalogs")
        let modes: [String: FilePermissions] = [catalogs: 0o700, "\(catalogs)/os/source.json": 0o600]
        for (path, mode) in modes { #expect(try Paths.status(path)?.permissions == mode, "\(path)") }
        #expect(try Paths.status("\(catalogs)/os")?.permissions == 0o700)
        // As earlier versions left them.
        try Paths.setPermissions(catalogs, 0o755)
        try Paths.setPermissions("\(catalogs)/os/source.json", 0o644)
        #expect(library.sources().map(\.name) == ["os"])
        for (path, mode) in modes { #expect(try Paths.status(path)?.permissions == mode, "\(path)") }
    }

    @Test(arguments: ["me:s3cret@", "me@"])
    func aUserInAnAddressIsRefusedBeforeItsServerIsAsked(user: String) async throws {
        let url = "http://\(user)" + server.url.dropFirst("http://".count)
        let error = await #expect(throws: CatalogAccessError.self) { try await add("os", url) }
        guard case .credentials(in: server.url) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(server.requests == [])
        #expect(library.sources() == [])
    }

    @Test func aPasswordThatAnEarlierVersionStoredWorksAndIsNotTold() async throws {
        _ = try await add()
        let path = folder.path("state/catalogs/os/source.json")
        let url = "http://me:s3cret@" + server.url.dropFirst("http://".count)
        try AtomicFile.write("{\"name\":\"os\",\"url\":\"\(url)\"}", to: path)
        let source = try library.source(named: "os")
        #expect(source.url == url)
        #expect(source.shownURL == server.url)
        #expect(await library.refreshed(source).state == .fresh)
        server.stop()
        let copy = await library.refreshed(source)
        #expect(copy.state == .unreachable)
        let error = try #require(copy.error)
        #expect(!"\(error)".contains("s3cret") && "\(error)".contains(server.url), "\(error)")
    }

    @Test func aNameThatIsTakenIsRefused() async throws {
        _ = try await add("os", folder.path("tree"))
        let error = await #expect(throws: CatalogAccessError.self) { try await add() }
        guard case .exists("os") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(server.requests == [])
    }

    @Test func aCatalogThatIsNotFollowedIsNotFoundButANearOneNamed() async throws {
        _ = try await add("circular")
        for body in [{ _ = try library.source(named: "cirkular") }, { try library.remove("cirkular") }] {
            let error = #expect(throws: CatalogAccessError.self, performing: body)
            guard case .noSuchCatalog("cirkular", ["circular"]) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test func aFolderThatCannotBeWrittenIsNamed() async throws {
        try folder.makeFolder("state")
        try folder.write([1], to: "state/catalogs")
        let error = await #expect(throws: CatalogAccessError.self) { try await add() }
        guard case .state(let path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path.hasPrefix(folder.path("state/catalogs")))
    }

    // MARK: Trust

    @Test func aTreeWithoutMetadataIsRefusedAndLeavesNothing() async throws {
        try Folder.removeTree(folder.path("tree/metadata"))
        let fingerprint = String(repeating: "0", count: 64)
        for trust in [CatalogTrust.fingerprint(fingerprint), .ask { _ in true }] {
            let error = await #expect(throws: CatalogAccessError.self) {
                try await library.add(try source(), trust: trust)
            }
            #expect(isUntrusted(error))
        }
        #expect(library.sources().isEmpty)
        #expect(Folder.namesIfAny(in: folder.path("state/catalogs")).isEmpty)
    }

    @Test func onlyTheFingerprintThatTheUserKnowsIsBelieved() async throws {
        let right = FileDigest.sha256(of: try tree.root).hex
        let wrong = await #expect(throws: CatalogAccessError.self) {
            try await library.add(try source(), trust: .fingerprint(String(right.reversed())))
        }
        #expect(isUntrusted(wrong))
        #expect(library.sources().isEmpty)
        #expect(try await library.add(try source(), trust: .fingerprint(right.uppercased())).state == .fresh)
    }

    @Test func theUserIsAskedAndMayRefuse() async throws {
        let error = await #expect(throws: CatalogAccessError.self) {
            try await library.add(try source(), trust: .ask { _ in false })
        }
        guard case .notConfirmed("os", FileDigest.sha256(of: try tree.root).hex) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(library.sources().isEmpty)
    }

    @Test func anotherPublishersRootIsRefused() async throws {
        let other = try SignedTree(path: folder.path("other"))
        let error = await #expect(throws: CatalogAccessError.self) {
            try await library.add(try source(), trust: .root(try other.root))
        }
        #expect(isUntrusted(error))
        #expect(library.sources().isEmpty)
    }

    @Test func aTreeWhoseMetadataWasTakenAwayIsRefused() async throws {
        let added = try await add()
        try Folder.removeTree(folder.path("tree/metadata"))
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .untrusted)
        #expect(isUntrusted(copy.error))
        #expect(copy.document == added.document, "what was trusted is still shown")
        #expect(throws: CatalogAccessError.self) { try chosen(copy) }
    }

    @Test func aFolderThatWasPulledIsUnreachableNotUntrusted() async throws {
        let added = try await add("os", folder.path("tree"))
        try Folder.removeTree(folder.path("tree"))
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .unreachable)
        #expect(try chosen(copy).distribution.id == "debian")
    }

    @Test func aCatalogThatNobodySignedIsNotRead() async throws {
        let added = try await add()
        let changed = try Self.document("second").encode()
        try tree.publish(["catalog.json": changed])
        var bytes = changed
        bytes[bytes.count / 2] ^= 1
        try folder.write(bytes, to: "tree/\(tree.file("catalog.json", changed))")
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .untrusted)
        #expect(copy.document?.description == "first")
        #expect(library.copy(of: added.source).document?.description == "first")
    }

    @Test(arguments: ["", "{", "<html>", "{\"format\": \"oscircular-catalog/1\"}"])
    func aSignedCatalogThatIsNoneIsAnErrorAndTheOlderOneKept(text: String) async throws {
        let added = try await add()
        try tree.publish(["catalog.json": Array(text.utf8)])
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .untrusted)
        #expect(copy.error is CatalogError)
        #expect(library.copy(of: added.source).document == added.document)
    }

    @Test func aCatalogNeverGoesBack() async throws {
        let before = try ["timestamp.json", "3.snapshot.json"].map { name in
            (name, try FileContents.read(folder.path("tree/metadata/\(name)"), limit: 1 << 20))
        }
        try tree.publish(try Self.document("second"))
        let added = try await add()
        for (name, bytes) in before { try folder.write(bytes, to: "tree/metadata/\(name)") }
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .untrusted)
        #expect(copy.document?.description == "second")
    }

    @Test func whatExpiredIsShownAndMayBeBooted() async throws {
        var lifetimes = RepositoryLifetimes()
        lifetimes.timestamp = -1
        let old = try SignedTree(path: folder.path("old"), lifetimes: lifetimes)
        try old.publish(try Self.document("old"))
        let refused = await #expect(throws: CatalogAccessError.self) {
            try await library.add(try source("old", folder.path("old")), trust: .root(try old.root))
        }
        guard case .expired = refused else {
            Issue.record("\(String(describing: refused))")
            return
        }
        // One that was trusted in time.
        let added = try await add()
        try folder.write(
            Array(
                "{\"catalogDigest\":\"\",\"expires\":\"2020-01-01T00:00:00Z\",\"fingerprint\":\"\",\"version\":1}".utf8),
            to: "state/catalogs/os/trust.json")
        let copy = library.copy(of: added.source)
        #expect(copy.state == .expired)
        #expect(try chosen(copy).version.id.text == "2026-11-16")
        server.stop()
        #expect(await library.refreshed(added.source).state == .expired)
    }

    @Test func aFoldersTreeMayHaveExpiredWhereTheUserSaysSo() async throws {
        var lifetimes = RepositoryLifetimes()
        (lifetimes.timestamp, lifetimes.snapshot, lifetimes.targets) = (-1, -1, -1)
        let old = try SignedTree(path: folder.path("stick"), lifetimes: lifetimes)
        try old.publish(["debian/2026-11-16.caibx": Self.index])
        try old.publish(try Self.document("old"))
        let stick = try CatalogSource(name: "stick", location: folder.path("stick"), allowsExpired: true)
        let added = try await library.add(stick, trust: .root(try old.root))
        #expect(added.state == .expired)
        #expect(added.error != nil)
        #expect(library.sources() == [stick])
        let version = try chosen(library.copy(of: stick))
        #expect(try FileContents.read(try await library.index(of: version), limit: 100) == Self.index)
        // The stick is written anew: what is newer is taken, though it has expired too; what is older or another's is not.
        try FileManager.default.copyItem(atPath: folder.path("stick"), toPath: folder.path("before"))
        try old.publish(try Self.document("newer"))
        let newer = await library.refreshed(stick)
        #expect(newer.document?.description == "newer")
        #expect(newer.isCurrent)
        try Folder.removeTree(folder.path("stick"))
        try FileManager.default.moveItem(atPath: folder.path("before"), toPath: folder.path("stick"))
        let back = await library.refreshed(stick)
        #expect(back.state == .untrusted)
        #expect(back.document?.description == "newer")
        #expect(!back.isCurrent)
        let other = try SignedTree(path: folder.path("other"), lifetimes: lifetimes)
        try other.publish(try Self.document("hostile"))
        let hostile = try CatalogSource(name: "hostile", location: folder.path("other"), allowsExpired: true)
        await #expect(throws: CatalogAccessError.self) {
            try await library.add(hostile, trust: .root(try old.root))
        }
        #expect(throws: CatalogAccessError.self) {
            try CatalogSource(name: "far", location: server.url, allowsExpired: true)
        }
    }

    @Test func aPublisherOfOneDistributionSignsForItAlone() async throws {
        let key = SigningKey.generate()
        try tree.delegate("debian", to: key)
        var own = try #require(try Self.document("").distributions.first)
        own.title = "Debian, by its own publisher"
        try tree.publish(["debian/distribution.json": try own.encode()], role: "debian", by: [key])
        // Outside its names it is not heard.
        try tree.publish(["other/distribution.json": try own.encode()], role: "debian", by: [key])
        let added = try await add()
        #expect(added.document?.distribution("debian")?.title == "Debian, by its own publisher")
        #expect(library.copy(of: added.source).document == added.document)
    }

    // MARK: Copies

    @Test func aRefreshBringsWhatTheServerHasNow() async throws {
        let added = try await add()
        try tree.publish(try Self.document("second"))
        #expect(library.copy(of: added.source).document?.description == "first")
        let refreshed = await library.refreshed(added.source)
        #expect(refreshed.state == .fresh)
        #expect(refreshed.document?.description == "second")
        #expect(library.copy(of: added.source).document?.description == "second")
    }

    @Test func aRefreshWithoutNewsIsTwoSmallRequests() async throws {
        let added = try await add()
        let before = server.requests.count
        #expect(await library.refreshed(added.source).state == .fresh)
        #expect(server.requests.dropFirst(before) == ["/metadata/2.root.json", "/metadata/timestamp.json"])
    }

    @Test func whenTheServerIsGoneTheOlderCopyIsKept() async throws {
        let added = try await add()
        server.stop()
        let copy = await library.refreshed(added.source)
        #expect(copy.state == .unreachable)
        #expect(copy.document == added.document)
        guard case CatalogAccessError.unreachable("os", _, _)? = copy.error else {
            Issue.record("\(String(describing: copy.error))")
            return
        }
        #expect(library.copy(of: added.source).document == added.document)
    }

    @Test func aServerThatSaysNothingIsNotWaitedForWhenACopyIsHere() async throws {
        let added = try await add()
        server.always("/metadata/2.root.json", .hang)
        utimes(folder.path("state/catalogs/os/trust.json"), [timeval(), timeval()])
        let copies = await library.copies(refresh: true)
        #expect(copies.map(\.state) == [.unreachable])
        #expect(copies.first?.document == added.document)
    }

    // MARK: Mirrors of the publisher

    /// Adds the catalog, which names a mirror that has all that it has, and takes the tree away.
    private func versionWithMirror(_ kind: String?) async throws -> (ChosenVersion, FaultyHTTPServer) {
        let mirror = try FaultyHTTPServer(folder: folder.path("tree"))
        var document = try Self.document("mirrored")
        document.mirrors = [mirror.url]
        try tree.publish(document)
        let added = try await add()
        #expect(added.trust?.sourceKind == .machine)
        let path = folder.path("state/catalogs/os/trust.json")
        let text = try FileContents.readText(path, limit: 10_000)
        let other = kind.map { "\"sourceKind\":\"\($0)\"" } ?? "\"unknown\":1"
        let range = try #require(text.firstRange(of: "\"sourceKind\":\"machine\""))
        try folder.write(
            Array((text[..<range.lowerBound] + other + text[range.upperBound...]).utf8),
            to: "state/catalogs/os/trust.json")
        server.stop()
        let copy = try #require(await library.copies(refresh: false).first)
        #expect(copy.document == document)
        return (try chosen(copy), mirror)
    }

    @Test func aTreeOfThisMachineMayNameAMirrorOfThisMachine() async throws {
        let (version, mirror) = try await versionWithMirror("machine")
        #expect(try FileContents.read(try await library.index(of: version), limit: 100) == Self.index)
        #expect(mirror.connectionCount == 1)
    }

    @Test func whatAnOlderProgramWroteDoesNotSayWhereTheTreeIs() async throws {
        let (version, _) = try await versionWithMirror(nil)
        // Its address says it.
        #expect(version.blockLocations.map(\.reach) == [.written, .named(by: .machine)])
    }

    @Test func aTreeOfTheInternetMayNot() async throws {
        let (version, mirror) = try await versionWithMirror("internet")
        let error = await #expect(throws: CatalogAccessError.self) { try await library.index(of: version) }
        guard case .unreachable = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(mirror.connectionCount == 0)
    }

    // MARK: Indexes

    @Test func anIndexIsFetchedOnceAndVerified() async throws {
        let version = try chosen(try await add())
        let path = try await library.index(of: version)
        #expect(try FileContents.read(path, limit: 100) == Self.index)
        let before = server.requests.count
        #expect(try await library.index(of: version) == path)
        #expect(server.requests.count == before)
    }

    @Test func anIndexComesFromAMirrorOfTheUsersWhenTheTreeIsGone() async throws {
        _ = try await add()
        let mirrors = ["os": [URLText.file(folder.path("absent")) + "/", URLText.file(folder.path("tree")) + "/"]]
        let library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: transfers, mirrors: mirrors)
        let copy = try #require(await library.copies(refresh: false).first)
        let version = try chosen(copy)
        #expect(
            version.blockLocations.map(\.url)
                == mirrors["os"].map { $0.map { $0 + "blocks/" } + [server.url + "blocks/"] })
        server.stop()
        #expect(try FileContents.read(try await library.index(of: version), limit: 100) == Self.index)
    }

    @Test func anIndexThatIsNotTheSignedOneIsRefused() async throws {
        let version = try chosen(try await add())
        try folder.write(Array("anything".utf8), to: "tree/\(tree.file("debian/2026-11-16.caibx", Self.index))")
        let error = await #expect(throws: CatalogAccessError.self) { try await library.index(of: version) }
        #expect(isUntrusted(error))
        #expect(Folder.namesIfAny(in: folder.path("state/catalogs/os/indexes/debian")).isEmpty)
    }
}

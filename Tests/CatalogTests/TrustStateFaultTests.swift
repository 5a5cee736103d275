import Catalog
import ContentAddress
import Curl
import Glibc
import Linux
import TUF
import TestSupport
import Testing

/// Whatever file call fails, once or from then on: what a reader trusts is the old state or the new one, never none and never another.
@Suite(.serialized) struct TrustStateFaultTests {
    private let folder: TemporaryDirectory
    private let tree: SignedTree
    private let transfers = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2))

    init() throws {
        folder = try TemporaryDirectory(in: FileFaults.place)
        tree = try SignedTree(path: folder.path("tree"))
        let key = SigningKey.generate()
        try tree.publish(try Self.document("first"))
        try tree.delegate("debian", to: key)
        let distribution = Distribution(id: "debian", versions: [])
        try tree.publish(["debian/distribution.json": try distribution.encode()], role: "debian", by: [key])
    }

    private static func document(_ description: String) throws -> CatalogDocument {
        CatalogDocument(
            name: "Example", description: description, updated: Timestamp(seconds: 0),
            distributions: [Distribution(id: "debian", versions: [])])
    }

    private func trial(_ number: Int, _ work: Trial.Work) throws -> Trial {
        let state = folder.path("\(number)")
        if try Paths.isThere(folder.path("state")) { try FileFaults.copy(folder.path("state"), to: state) }
        return Trial(
            folder: state, library: CatalogLibrary(directory: "\(state)/catalogs", transfers: transfers),
            source: try CatalogSource(name: "os", location: folder.path("tree")), root: try tree.root, work: work)
    }

    @Test func theFirstTrustIsThereOrNotWhateverFails() async throws {
        let problems = try await FileFaults.tryEvery("first trust") { try trial($0, .add) }
        #expect(problems == [])
    }

    @Test func aRefreshLeavesTheOldTrustOrTheNewWhateverFails() async throws {
        let library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: transfers)
        let source = try CatalogSource(name: "os", location: folder.path("tree"))
        _ = try await library.add(source, trust: .root(try tree.root))
        try tree.publish(try Self.document("second"))
        let problems = try await FileFaults.tryEvery("refresh") { try trial($0, .refresh) }
        #expect(problems == [])
    }

    @Test func aCatalogThatIsFollowedIsNotTakenForANewOne() async throws {
        let library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: transfers)
        let source = try CatalogSource(name: "os", location: folder.path("tree"))
        _ = try await library.add(source, trust: .root(try tree.root))
        FileCalls.watch { call, path in call == "open" && path.hasSuffix("/source.json") ? .error(EMFILE) : nil }
        defer { FileCalls.watch(nil) }
        await #expect(throws: CatalogAccessError.self) {
            try await library.add(source, trust: .root(try tree.root))
        }
        FileCalls.watch(nil)
        #expect(library.sources().map(\.name) == ["os"])
        #expect(library.copy(of: source).document != nil)
    }

    @Test func aCatalogThatIsForgottenIsGoneOrStillFollowedWhateverFails() async throws {
        let library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: transfers)
        let source = try CatalogSource(name: "os", location: folder.path("tree"))
        _ = try await library.add(source, trust: .root(try tree.root))
        let problems = try await FileFaults.tryEvery("forgotten catalog", [.once, .lasting]) { try trial($0, .remove) }
        #expect(problems == [])
    }
}

private struct Trial: FaultTrial {
    enum Work { case add, refresh, remove }

    let folder: String
    let library: CatalogLibrary
    let source: CatalogSource
    let root: [UInt8]
    let work: Work

    func run() async throws {
        switch work {
        case .add:
            let copy = try await library.add(source, trust: .root(root))
            if let error = copy.error { throw error }
        case .refresh:
            let copy = await library.refreshed(source)
            if let error = copy.error { throw error }
            try FileFaults.require(copy.document?.description == "second", "not the new catalog")
        case .remove: try library.remove(source.name)
        }
    }

    func isTolerable(_ fault: FileFaults.Injected) -> Bool {
        switch fault.call {
        // When an open menu notices, and a lock that goes with its descriptor.
        case "utimensat", "flock": true
        // Whether the metadata is still what was read before: then it is read again.
        case "stat" where fault.path.contains("/metadata/"): true
        // Whether others may read the addresses: then they are hidden at the next look.
        case "stat" where work == .remove && ["/catalogs", "/source.json"].contains(where: fault.path.hasSuffix): true
        // How old what was trusted is: then it counts as old.
        case "stat" where fault.path.hasSuffix("/trust.json"): true
        // The copy that is here: where it cannot be read it is fetched anew.
        case "open", "fstat", "pread", "readdir":
            // And nothing was trusted before the first time.
            (["/catalog.json", "/trust.json", "/distributions"] + (work == .add ? ["/metadata/"] : []))
                .contains { fault.path.contains($0) }
        default: false
        }
    }

    func check(_ outcome: FileFaults.Outcome) async throws {
        let isFollowed = library.sources().contains { $0.name == source.name }
        switch work {
        case .add:
            try FileFaults.require(isFollowed == (outcome.error == nil), "followed: \(isFollowed)")
            if !isFollowed { try await run() }
        case .refresh:
            try FileFaults.require(isFollowed, "the catalog is gone")
            let description = library.copy(of: source).document?.description
            try FileFaults.require(
                description == "second" || outcome.error != nil && description == "first",
                "the catalog is \(description ?? "none")")
            let trusted = try TrustedState.load(
                from: DirectoryMetadataStore(path: "\(folder)/catalogs/os/metadata"))
            try FileFaults.require(trusted.root.header.version == 1, "another root")
            try await run()
        case .remove:
            try FileFaults.require(!isFollowed || outcome.error != nil, "still followed")
            if isFollowed { try await run() }
            try FileFaults.require(library.sources().isEmpty, "still followed")
            return
        }
        let copy = library.copy(of: source)
        try FileFaults.require(copy.document != nil && copy.trust?.fingerprint.isEmpty == false, "no copy")
        let halfMade = FileFaults.halfMade(try files(folder), after: outcome)
        try FileFaults.require(halfMade.isEmpty, "left: \(halfMade)")
    }

    private func files(_ folder: String) throws -> [String] {
        try Folder.names(in: folder).flatMap { name -> [String] in
            let path = "\(folder)/\(name)"
            return Folder.isFolder(path) ? try files(path) : [path]
        }
    }
}

import Curl
import Linux
import TestSupport
import Testing

@testable import Catalog

/// A server each of whose files comes in time, and all of them together do not.
@Suite(.timeLimit(.minutes(1))) struct RefreshTimeTests {
    private let folder: TemporaryDirectory
    private let tree: SignedTree
    private let server: FaultyHTTPServer
    private var library: CatalogLibrary

    init() throws {
        folder = try TemporaryDirectory()
        tree = try SignedTree(path: folder.path("tree"))
        server = try FaultyHTTPServer(folder: folder.path("tree"))
        library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: TransferQueue())
        try publish("first")
    }

    private func publish(_ description: String) throws {
        try tree.publish(CatalogDocument(name: "Example", description: description, updated: Timestamp(seconds: 0)))
    }

    private func add() async throws -> CatalogCopy {
        try await library.add(try CatalogSource(name: "os", location: server.url), trust: .root(try tree.root))
    }

    private func isEndless(_ error: (any Error)?) -> Bool {
        if case CatalogAccessError.endless(_, _, seconds: 1)? = error { true } else { false }
    }

    @Test mutating func allFilesOfARefreshHaveATimeTogether() async throws {
        let added = try await add()
        try publish("second")
        server.always("*", .delay(milliseconds: 400))
        library.refreshSeconds = 1
        let late = await library.refreshed(added.source)
        #expect(isEndless(late.error), "\(String(describing: late.error))")
        // What is here stays in use, and the next try takes up where this one ended.
        #expect(late.state == .unreachable && late.document?.description == "first")
        #expect(library.copy(of: added.source).document?.description == "first")
        library.refreshSeconds = 30
        #expect(await library.refreshed(added.source).document?.description == "second")
    }

    @Test mutating func aCatalogThatDoesNotComeInTimeIsNotAdded() async throws {
        server.always("*", .delay(milliseconds: 400))
        library.refreshSeconds = 1
        do {
            _ = try await add()
            Issue.record("it was added")
        } catch {
            #expect(isEndless(error), "\(error)")
        }
        #expect(library.sources().isEmpty)
        #expect(try Folder.names(in: folder.path("state/catalogs")).isEmpty)
    }
}

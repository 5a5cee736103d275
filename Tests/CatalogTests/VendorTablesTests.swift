import Curl
import Linux
import TUF
import TestSupport
import Testing

@testable import Catalog

/// `vendors.json`: the table of vendors that a catalog's publisher signs.
@Suite struct VendorTablesTests {
    private static func tables(_ text: String = "name = \"acme\"") throws -> VendorTables {
        try VendorTables(files: ["acme": text])
    }

    @Test func aTableIsReadAsItWasWritten() throws {
        let tables = try VendorTables(files: ["acme": "x = \"é\"\n", "b.c": ""])
        #expect(try VendorTables.decode(try tables.encode()) == tables)
        #expect(try VendorTables.decode(Array(#"{"format":"oscircular-vendors/1","new":1}"#.utf8)).files.isEmpty)
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"format\":\"oscircular-vendors/2\"}",
        "{\"format\":\"oscircular-vendors/1\",\"files\":[]}",
        "{\"format\":\"oscircular-vendors/1\",\"files\":{\"a\":1}}",
        "{\"format\":\"oscircular-vendors/1\",\"files\":{\"../a\":\"\"}}",
        "{\"format\":\"oscircular-vendors/1\",\"files\":{\"a\":\"\",\"a\":\"\"}}",
    ])
    func whatIsNotATableIsRefused(_ text: String) {
        #expect(throws: CatalogError.self) { try VendorTables.decode(Array(text.utf8)) }
    }

    @Test func itHasBounds() throws {
        #expect(throws: CatalogError.self) {
            try VendorTables(files: Dictionary(uniqueKeysWithValues: (0..<1000).map { ("v\($0)", "") }))
        }
        let many = (0..<1000).map { "\"v\($0)\":\"\"" }.joined(separator: ",")
        let text = "{\"format\":\"oscircular-vendors/1\",\"files\":{\(many)}}"
        #expect(throws: CatalogError.malformed(place: "files", reason: "1000 of them, where at most 256 are taken")) {
            try VendorTables.decode(Array(text.utf8))
        }
        let long = try Self.tables(String(repeating: "#", count: VendorTables.longest))
        #expect(throws: CatalogError.self) { try long.encode() }
    }

    // MARK: A followed catalog

    private struct Followed {
        let folder: TemporaryDirectory
        let tree: SignedTree
        let library: CatalogLibrary
        let source: CatalogSource

        init() async throws {
            folder = try TemporaryDirectory()
            tree = try SignedTree(path: folder.path("tree"))
            library = CatalogLibrary(directory: folder.path("state/catalogs"), transfers: TransferQueue())
            source = try CatalogSource(name: "os", location: folder.path("tree"))
            try tree.publish(
                CatalogDocument(
                    name: "Example", updated: Timestamp(seconds: 0), distributions: [Distribution(id: "arch")]))
            _ = try await library.add(source, trust: .root(try tree.root))
        }

        var kept: String { folder.path("state/catalogs/os/vendors.json") }

        func publish(_ bytes: [UInt8]) async throws -> CatalogCopy {
            try tree.publish([VendorTables.targetName: bytes])
            return await library.refreshed(source)
        }
    }

    @Test func aFollowedCatalogsTableIsKeptAndNeedsNoServer() async throws {
        let followed = try await Followed()
        #expect(followed.library.table(of: followed.source) == nil)
        let tables = try Self.tables()
        #expect(try await followed.publish(try tables.encode()).state == .fresh)
        TemporaryDirectory.remove(followed.folder.path("tree"))
        let kept = try #require(followed.library.table(of: followed.source))
        #expect(kept.tables == tables && kept.fault == nil && kept.kind == .internet)
        // It is compared with what was signed.
        try AtomicFile.write("{}", to: followed.kept)
        let damaged = try #require(followed.library.table(of: followed.source))
        #expect(damaged.tables == nil && damaged.fault != nil)
        #expect(followed.library.copy(of: followed.source).document != nil, "the catalog itself is whole")
    }

    @Test func aDamagedOneComesAgainAndAWithdrawnOneGoes() async throws {
        let followed = try await Followed()
        let tables = try Self.tables()
        _ = try await followed.publish(try tables.encode())
        try AtomicFile.write("{}", to: followed.kept)
        _ = await followed.library.refreshed(followed.source)
        #expect(followed.library.table(of: followed.source)?.tables == tables)
        try followed.tree.remove([VendorTables.targetName])
        _ = await followed.library.refreshed(followed.source)
        #expect(followed.library.table(of: followed.source) == nil)
        #expect(try !Paths.isThere(followed.kept))
    }

    @Test(arguments: ["nonsense", "huge", "many"])
    func whatIsWrongWithItLeavesTheCatalogAndTheTableBefore(_ kind: String) async throws {
        let followed = try await Followed()
        let tables = try Self.tables()
        _ = try await followed.publish(try tables.encode())
        let many = (0..<1000).map { "\"v\($0)\":\"\"" }.joined(separator: ",")
        let text =
            switch kind {
            case "nonsense": "<html>"
            case "huge": String(repeating: " ", count: VendorTables.longest + 1)
            default: "{\"format\":\"oscircular-vendors/1\",\"files\":{\(many)}}"
            }
        let copy = try await followed.publish(Array(text.utf8))
        #expect(copy.state == .fresh && copy.document?.distributions.map(\.id) == ["arch"])
        let kept = try #require(followed.library.table(of: followed.source))
        #expect(kept.tables == tables && kept.fault != nil, "\(kept)")
        // One that is right again says nothing of it.
        _ = try await followed.publish(try Self.tables("name = \"b\"").encode())
        #expect(followed.library.table(of: followed.source)?.fault == nil)
    }

    @Test func aFileOnTheServerThatNobodySignedIsRefused() async throws {
        let followed = try await Followed()
        let tables = try Self.tables()
        _ = try await followed.publish(try tables.encode())
        let next = try Self.tables("name = \"b\"").encode()
        let place = followed.folder.path("tree/") + followed.tree.file(VendorTables.targetName, next)
        try followed.tree.publish([VendorTables.targetName: next])
        try AtomicFile.write(try Self.tables("name = \"evil\"").encode(), to: place)
        #expect(await followed.library.refreshed(followed.source).state == .untrusted)
        #expect(followed.library.table(of: followed.source)?.tables == tables)
        // One that a server does not have is no reason to doubt the rest.
        try Paths.remove(place)
        #expect(await followed.library.refreshed(followed.source).state == .fresh)
        let kept = try #require(followed.library.table(of: followed.source))
        #expect(kept.tables == tables && kept.fault == "was signed, and is not there")
    }

    @Test func anOlderTreeIsRefusedWithItsTable() async throws {
        let followed = try await Followed()
        let old = try Self.tables("name = \"old\"")
        _ = try await followed.publish(try old.encode())
        let copied = try await BuiltProgram.runAny(
            "cp", ["-a", followed.folder.path("tree"), followed.folder.path("before")])
        #expect(copied.status == 0)
        let new = try Self.tables("name = \"new\"")
        _ = try await followed.publish(try new.encode())
        TemporaryDirectory.remove(followed.folder.path("tree"))
        try Paths.rename(followed.folder.path("before"), to: followed.folder.path("tree"))
        let copy = await followed.library.refreshed(followed.source)
        #expect(copy.state == .untrusted, "\(String(describing: copy.error))")
        #expect(followed.library.table(of: followed.source)?.tables == new)
    }
}

import Catalog
import Curl
import Linux
import TestSupport
import Testing

@testable import Boot
@testable import Vendors

/// The table of vendors as one user has it: from his folders and from a catalog that he follows.
@Suite struct SystemsTableTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let catalogs: CatalogLibrary
    private let tree: SignedTree

    init() async throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { name in
                switch name {
                case "XDG_STATE_HOME": folder.path("state")
                case "XDG_CONFIG_HOME": folder.path("config")
                default: nil
                }
            }, user: CurrentUser.id, home: folder.path)
        catalogs = CatalogLibrary(directory: places.catalogs, transfers: TransferQueue())
        tree = try SignedTree(path: folder.path("tree"))
        try tree.publish(CatalogDocument(name: "Example", updated: Timestamp(seconds: 0)))
        _ = try await catalogs.add(
            try CatalogSource(name: "cat", location: folder.path("tree")), trust: .root(try tree.root))
    }

    private static func file(_ server: String, id: String = "os-1", vendor: String = "acme") -> String {
        """
        name = "\(vendor)"
        title = "Acme"
        [[system]]
        id = "\(id)"
        title = "OS"
        aliases = ["\(id)-alias"]
        kind = "cloud"
        format = "qcow2"
        upstream = "https://\(server)/d/"
        entry = "{date}"
        """
    }

    private func publish(_ files: [String: String]) async throws {
        try tree.publish([VendorTables.targetName: try VendorTables(files: files).encode()])
        _ = await catalogs.refreshed(try catalogs.source(named: "cat"))
    }

    private func table(from: String? = "cat") -> SystemsTable {
        var settings = VendorSettings()
        settings.from = from
        return SystemsTable(places: places, settings: settings, catalogs: catalogs)
    }

    private func servers(_ table: SystemsTable, _ name: String = "os-1") -> [String] {
        table.table.row(name).map { RowFacts($0).servers } ?? []
    }

    @Test func theNamedCatalogsTableCountsAndAnotherOnesOnlyUnderItsName() async throws {
        try await publish(["acme": Self.file("a.example.org")])
        #expect(table().table.rows.map(\.id) == ["os-1"] && table().faults.isEmpty)
        #expect(table(from: nil).table.rows.map(\.id) == ["cat.os-1"])
        // Nothing of it is left without the catalog.
        try catalogs.remove("cat")
        #expect(table(from: nil).table.rows.isEmpty)
    }

    @Test func aCatalogThatIsNotFollowedIsSaidAndStopsNothing() async throws {
        try Folder.make(folder.path("config/oscircular/vendors"))
        try AtomicFile.write(Self.file("mine.example.org"), to: folder.path("config/oscircular/vendors/acme.toml"))
        let wrong = table(from: "nobody")
        #expect(wrong.table.rows.map(\.id) == ["os-1"])
        #expect("\(wrong.faults)".contains("vendors.from names a catalog that is not followed"), "\(wrong.faults)")
        let none = table()
        #expect(none.table.rows.map(\.id) == ["os-1"])
        #expect(none.faults.map { "\($0)" }.first?.contains("its publisher has signed none") == true)
    }

    @Test func aChangeWaitsUntilTheUserAllowsItAndIsAskedAboutOnce() async throws {
        try await publish(["acme": Self.file("a.example.org")])
        #expect(servers(table()) == ["a.example.org"])
        try await publish(["acme": Self.file("b.example.org")])
        let waiting = table()
        let change = try #require(waiting.changes.first)
        #expect(servers(waiting) == ["a.example.org"] && waiting.isOpen(change))
        #expect(waiting.change(of: "os-1-alias", system: "os-1") == change)
        try TableAnswers(places: places).keep(change, isAllowed: false)
        let declined = table()
        #expect(declined.changes == [change] && !declined.isOpen(change) && servers(declined) == ["a.example.org"])
        // He may think again.
        try TableAnswers(places: places).keep(change, isAllowed: true)
        #expect(servers(table()) == ["b.example.org"] && table().changes.isEmpty)
        // Another one is another question.
        try await publish(["acme": Self.file("c.example.org")])
        let other = table()
        #expect(other.changes.count == 1 && servers(other) == ["b.example.org"])
        #expect(other.changes.allSatisfy(other.isOpen))
    }

    @Test func anAnswerThatIsDamagedWasNotGiven() async throws {
        try await publish(["acme": Self.file("a.example.org")])
        _ = table()
        try await publish(["acme": Self.file("b.example.org")])
        let change = try #require(table().changes.first)
        try TableAnswers(places: places).keep(change, isAllowed: true)
        let answers = "\(places.tableRecord)/answers"
        for name in try Folder.names(in: answers) { try AtomicFile.write("{", to: "\(answers)/\(name)") }
        #expect(table().changes == [change])
    }

    @Test func whatWaitsIsFoundByTheNameThatIsBooted() async throws {
        var configuration = Configuration()
        configuration.vendors.from = "cat"
        try await publish(["acme": Self.file("a.example.org")])
        func systems() -> SystemsLibrary {
            SystemsLibrary(places: places, configuration: configuration, transfers: TransferQueue())
        }
        #expect(await systems().tableChange(of: try VersionName(argument: "os-1")) == nil)
        try await publish(["acme": Self.file("b.example.org")])
        for name in ["os-1", "os-1-alias", "vendors/os-1", "os-1@2026-11-16"] {
            #expect(await systems().tableChange(of: try VersionName(argument: name))?.name == "os-1", "\(name)")
        }
        #expect(await systems().tableChange(of: try VersionName(argument: "cat/os-1")) == nil)
        #expect(systems().table.stamp == SystemsTable.stamp(of: catalogs))
    }

    @Test func theSettingIsReadAndTakenBack() throws {
        var configuration = Configuration()
        try configuration.apply("[vendors]\nfrom = \"cat\"\n", file: "a")
        #expect(configuration.vendors.from == "cat")
        try configuration.apply("[vendors]\nfrom = \"\"\n", file: "b")
        #expect(configuration.vendors.from == nil)
        #expect(throws: BootError.self) { try configuration.apply("[vendors]\nfrom = 3\n", file: "c") }
    }
}

import Curl
import Testing

@testable import Vendors

/// What catalogs' tables may do with names, how much of them is remembered, and where the names of files lead.
extension TableAssemblyTests {
    // MARK: Names

    @Test func anAliasOfTwoProcessorsMeansOneOfEach() {
        let shared = "aliases = [\"os\"]"
        func files(_ server: String = "a.example.org") -> [String: String] {
            [
                "acme": file("acme", ["os-2"], server: server) + system("os-1", shared)
                    + system("os-1-arm64", "architecture = \"aarch64\"\n\(shared)")
            ]
        }
        let first = assemble(files())
        #expect(first.table.row("os", host: "x86_64")?.id == "os-1")
        #expect(first.table.row("os", host: "aarch64")?.id == "os-1-arm64")
        // Of the installed table, too, and neither is a change of the other.
        let installed = assemble([:], installed: files())
        #expect(installed.table.row("os", host: "aarch64")?.id == "os-1-arm64")
        let other = assemble(
            [
                "acme": file("acme", ["os-1"]) + shared + "\n",
                "arm": file("arm", ["os-9"], server: "arm.example.org") + "architecture = \"aarch64\"\n\(shared)\n",
            ])
        let again = assemble(
            [
                "acme": file("acme", ["os-1"]) + shared + "\n",
                "arm": file("arm", ["os-9"], server: "arm.example.org") + "architecture = \"aarch64\"\n\(shared)\n",
            ], after: other.record)
        #expect(again.changes.isEmpty && again.record == other.record)
        #expect(again.table.row("os", host: "aarch64")?.id == "os-9")
    }

    @Test func aChangeThatWaitsInOneFileTakesNoInstalledVendorAway() {
        let installed = ["debian": file("debian", ["os-1", "os-2", "os-3"])]
        let assembly = assemble(["evil": file("evil", ["os-1"], server: "b.example.org")], installed: installed)
        #expect(assembly.changes.map(\.name) == ["os-1"] && servers(assembly) == ["a.example.org"])
        #expect(Set(assembly.table.rows.map(\.id)) == ["os-1", "os-2", "os-3"])
        #expect(assembly.table.vendors.map(\.name) == ["debian"])
    }

    @Test func aNameThatWaitsMeansWhatItMeantAlsoWhereTheFileNoLongerHasThat() {
        let alias = "aliases = [\"os\"]"
        let installed = ["acme": file("acme", ["os-2"]) + system("os-1", alias)]
        let moved = ["acme": file("acme", ["os-9"], server: "b.example.org") + alias + "\n"]
        let assembly = assemble(moved, installed: installed)
        #expect(assembly.changes.map(\.name) == ["os"] && assembly.table.row("os")?.id == "os-1")
        #expect(assembly.table.row("os-9")?.id == "os-9" && assembly.table.row("os-2") == nil)
        // As long as it waits, and without what is installed.
        let first = assemble(installed)
        let second = assemble(moved, after: first.record)
        let third = assemble(moved, after: second.record)
        #expect(third.table.row("os")?.id == "os-1" && third.changes.map(\.name) == ["os"])
    }

    @Test func noCatalogHasSystemsUnderAnothersName() {
        func both(_ first: CatalogLayer, _ second: CatalogLayer) -> VendorTable {
            TableAssembly(installed: table([:]), own: table([:]), catalogs: [first, second]).table
        }
        let trap = CatalogLayer(
            catalog: "a", at: .internet, isApart: true,
            files: ["acme": file("acme", ["b.os-1", "os-1"], server: "evil.example.org")])
        let real = CatalogLayer(catalog: "a.b", at: .internet, isApart: true, files: ["acme": file()])
        for made in [both(trap, real), both(real, trap)] {
            #expect(Set(made.rows.map(\.id)) == ["a.os-1", "a.b.os-1"])
            #expect(made.row("a.b.os-1")?.servers == ["a.example.org"])
            #expect("\(made.faults)".contains("names that begin with 'a.b.' are of catalog a.b"), "\(made.faults)")
        }
    }

    @Test func aKeptSystemOfAnotherCatalogLeadsNoFurtherThanThatCatalogDid() {
        func made(_ catalog: String, _ kind: AddressKind, _ server: String, _ record: TableRecord) -> TableAssembly {
            let files = ["acme": file(server: server)]
            return TableAssembly(
                installed: table([:]), own: table([:]),
                catalogs: [CatalogLayer(catalog: catalog, at: kind, isApart: false, files: files)], record: record)
        }
        let first = made("one", .internet, "10.0.0.1", TableRecord())
        let second = made("two", .privateNetwork, "b.example.org", first.record)
        #expect(second.changes.map(\.name) == ["os-1"])
        #expect(second.table.row("os-1")?.reach(of: "https://10.0.0.1/d/") == .named(by: .internet))
    }

    // MARK: Bounds

    @Test func nothingThatIsKnownIsForgottenForWhatComesLater() {
        var record = assemble(["acme": file() + "aliases = [\"os\"]\n"]).record
        for round in 0..<20 {
            let ids = (0..<499).map { "x-\(round)-\($0)" }
            record = assemble(["acme": file("acme", ids, server: "\(round).example.org")], after: record).record
        }
        #expect(record.systems.count + record.aliases.count == 8000)
        let evil = assemble(
            ["acme": file(server: "b.example.org") + "aliases = [\"os\"]\n"], after: record)
        #expect(evil.changes.map(\.name) == ["os-1"])
        // Nor for what another catalog has.
        let other = CatalogLayer(
            catalog: "other", at: .internet, isApart: true, files: ["acme": file("acme", (0..<499).map { "y-\($0)" })])
        let both = TableAssembly(installed: table([:]), own: table([:]), catalogs: [other], record: record)
        #expect(record.systems.keys.allSatisfy { both.record.systems[$0] != nil })
        #expect(both.record.systems["other.y-0"] != nil)
    }

    @Test func whatAnOlderNameLeadsToIsAsOldAsTheName() {
        let alias = "aliases = [\"os\"]\n"
        var record = assemble(["acme": file() + alias]).record
        record = assemble(["acme": file("acme", ["os-2"]) + alias], after: record).record
        #expect(record.systems["os-2"]?.order == record.aliases["os"]?["x86_64"]?.order)
        for round in 0..<18 {
            let ids = (0..<499).map { "x-\(round)-\($0)" }
            record = assemble(["acme": file("acme", ids)], after: record).record
        }
        let evil = assemble(["acme": file("acme", ["os-2"], server: "b.example.org") + alias], after: record)
        #expect(evil.changes.map(\.name) == ["os-2"])
    }

    @Test func aCatalogsTableHasBoundsThatAFolderDoesNot() {
        func names(_ count: Int) -> String { (0..<count).map { "\"n\($0)\"" }.joined(separator: ", ") }
        let many = (0..<32).map { part in
            system("b-\(part)", "aliases = [\((0..<63).map { "\"n\(part)-\($0)\"" }.joined(separator: ", "))]")
        }.joined()
        let mirrors = (0..<64).map { "\"https://m\($0).example.org/\"" }.joined(separator: ", ")
        let long = String(repeating: "x", count: 300)
        for (text, reason) in [
            (file("bad", ["b"]) + many, "there are more than 2000 aliases"),
            (
                file("bad", ["b"], more: "mirrors = [\(mirrors)]\nbase = \"https://a.example.org/\""),
                "leads to more than 64 servers"
            ),
            (file("bad", ["b"], server: "\(long).org"), "whose name is too long"),
        ] {
            let faults = assemble(["bad": text]).table.faults.map { "\($0)" }
            #expect(faults.count == 1 && faults[0].contains(reason), "\(faults)")
            #expect(table(["bad": text]).faults.isEmpty)
        }
    }

    @Test func aChangeOfManyServersSaysHowManyFirst() {
        func facts(_ servers: [String]) -> TableChange.Side {
            .init(system: "os-1", facts: RowFacts(keys: [], servers: servers, trust: .none, seed: "none"))
        }
        let many = (10..<30).map { "m\($0).example.org" } + [String(repeating: "z", count: 200)]
        let change = TableChange(
            catalog: "cat", name: "os-1", before: facts(["a.example.org"]), after: facts(many))
        let text = change.text
        #expect(
            text.hasSuffix(
                "server a.example.org -> 21 servers: m10.example.org, m11.example.org, m12.example.org, m13.example.org, "
                    + "m14.example.org and 16 more"), "\(text)")
        let long = TableChange(
            catalog: "cat", name: "os-1", before: facts([]), after: facts([String(repeating: "z", count: 200)]))
        #expect(long.text.hasSuffix("also server \(String(repeating: "z", count: 80))..."), "\(long.text)")
    }

    // MARK: Names of files

    @Test(arguments: ["sums", "signature", "torrent", "metalink", "image"])
    func aNameThatLeadsElsewhereIsRefused(_ key: String) {
        let plain = file("bad", ["b"]).replacing("sums = \"SHA256SUMS\"\nsignature = \"SHA256SUMS.gpg\"\n", with: "")
        let rest = ["sums", "signature"].filter { $0 != key }.map { "\($0) = \"x\"\n" }.joined()
        for name in [
            "//evil.example.org/x", "ftp://evil.example.org/x", "https:SUMS", "https://{1}.example.org/x",
            "https://u:p@a.example.org/x", " //evil.example.org/x", "/\\evil.example.org/x",
        ] {
            let text = plain.replacing("[[system]]", with: "\(rest)\(key) = '\(name)'\n[[system]]")
            let table = table(["bad": text])
            #expect(table.rows.isEmpty && "\(table.faults)".contains(": \(key) m"), "\(name): \(table.faults)")
        }
        let good = plain.replacing("[[system]]", with: "\(rest)\(key) = \"../x/{1}\"\n[[system]]")
        #expect(table(["bad": good]).faults.isEmpty)
    }

    @Test func aNameThatAPlaceholderTurnsIntoAnotherServersIsRefused() throws {
        let row = try #require(assemble(["acme": file()]).table.row("os-1"))
        var build = VendorBuild(name: "1", url: "https://cdn.example.org/d/x.img", day: nil)
        build.texts["serial"] = ""
        #expect(try row.url("S", beside: build.url, of: build) == "https://cdn.example.org/d/S")
        #expect(try row.url("https://a.example.org/S", beside: build.url, of: build) == "https://a.example.org/S")
        for template in [
            "/{serial}/evil.example.org/S", "https://evil.example.org/S", "http:{serial}//cdn.example.org/S",
        ] {
            #expect(throws: VendorsError.self, "\(template)") {
                _ = try row.url(template, beside: build.url, of: build)
            }
        }
    }
}

import Catalog
import Curl
import FoundationEssentials
import Testing

@testable import Vendors

/// What catalogs' tables may change of what is installed and known, and what waits for the user.
@Suite struct TableAssemblyTests {
    static let keys = [
        "D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81", "843938DF228D22F7B3742BC0D94AA3F0EFE21092",
    ]

    /// A vendor's file with a signed system for each id.
    func file(
        _ vendor: String = "acme", _ ids: [String] = ["os-1"], server: String = "a.example.org", key: Int = 0,
        more: String = ""
    ) -> String {
        """
        name = "\(vendor)"
        title = "Acme"
        [[key]]
        name = "k"
        fingerprint = "\(Self.keys[key])"
        url = "https://keys.example.org/k"
        [defaults]
        kind = "cloud"
        format = "qcow2"
        upstream = "https://\(server)/d/"
        entry = "{date}"
        sums = "SHA256SUMS"
        signature = "SHA256SUMS.gpg"
        \(more)

        """ + ids.map { "[[system]]\nid = \"\($0)\"\ntitle = \"OS\"\n" }.joined()
    }

    func table(_ files: [String: String]) -> VendorTable {
        var table = VendorTable()
        for (name, text) in files.sorted(by: { $0.key < $1.key }) {
            table.add(Array(text.utf8), file: "\(name).toml", name: name)
        }
        return table
    }

    /// A further system of a file.
    func system(_ id: String, _ more: String = "") -> String {
        "[[system]]\nid = \"\(id)\"\ntitle = \"OS\"\n\(more)\n"
    }

    /// The assembly of one catalog's table, after another.
    func assemble(
        _ files: [String: String], installed: [String: String] = [:], own: [String: String] = [:],
        after record: TableRecord = TableRecord(), allowed: Set<TableChange> = [], isApart: Bool = false
    ) -> TableAssembly {
        TableAssembly(
            installed: table(installed), own: table(own),
            catalogs: [CatalogLayer(catalog: "cat", at: .internet, isApart: isApart, files: files)], record: record,
            allowed: allowed)
    }

    func servers(_ assembly: TableAssembly, _ name: String = "os-1") -> [String] {
        assembly.table.row(name)?.servers.sorted() ?? []
    }

    // MARK: Layers

    @Test func theNamedCatalogsFileTakesThePlaceOfTheInstalledOneAndTheUsersThatOfBoth() {
        let installed = ["acme": file(), "other": file("other", ["x-1"])]
        let named = assemble(["acme": file("acme", ["os-1", "os-2"])], installed: installed)
        #expect(named.table.rows.map(\.id) == ["os-1", "os-2", "x-1"])
        #expect(named.table.row("os-2")?.origin.catalog == "cat" && named.table.row("x-1")?.origin == .folder)
        // What the catalog's file no longer has is gone.
        let less = assemble(["acme": file("acme", ["os-2"])], installed: installed, after: named.record)
        #expect(less.table.rows.map(\.id) == ["os-2", "x-1"] && less.changes.isEmpty)
        let own = assemble(
            ["acme": file("acme", ["os-2"])], installed: installed, own: ["acme": file(server: "mine.example.org")])
        #expect(own.table.rows.map(\.id) == ["os-1", "x-1"])
        #expect(servers(own) == ["mine.example.org"] && own.changes.isEmpty)
    }

    @Test func aUsersSystemTakesThePlaceOfOneOfTheSameIdInAnotherFile() {
        let assembly = assemble(
            ["acme": file("acme", ["os-1", "os-2"])],
            own: ["mine": file("mine", ["os-1"], server: "mine.example.org")])
        #expect(assembly.table.rows.map(\.id) == ["os-2", "os-1"] && assembly.table.faults.isEmpty)
        #expect(servers(assembly) == ["mine.example.org"])
    }

    @Test func anotherCatalogAddsSystemsUnderItsOwnNameAndChangesNoOthers() throws {
        let assembly = assemble(
            ["acme": file(server: "evil.example.org")], installed: ["acme": file()], isApart: true)
        #expect(assembly.table.rows.map(\.id) == ["os-1", "cat.os-1"] && assembly.changes.isEmpty)
        #expect(servers(assembly) == ["a.example.org"] && servers(assembly, "cat.os-1") == ["evil.example.org"])
        let row = try #require(assembly.table.row("cat.os-1"))
        #expect(row.vendor == "cat.acme" && row.group == "cat: Acme")
        #expect(assembly.table.vendor("acme")?.title == "Acme")
        // Later changes of its own are asked about, too.
        let moved = assemble(
            ["acme": file(server: "b.example.org")], installed: ["acme": file()], after: assembly.record, isApart: true)
        #expect(moved.changes.map(\.name) == ["cat.os-1"] && servers(moved, "cat.os-1") == ["evil.example.org"])
        let long = String(repeating: "x", count: 61)
        let tooLong = assemble(["acme": file("acme", [long])], isApart: true)
        #expect(tooLong.table.rows.isEmpty && "\(tooLong.table.faults)".contains("is too long with 'cat.' before it"))
    }

    // MARK: Changes

    @Test func whatIsNotAKeyAServerOrASeedNeedsNoWord() {
        let first = assemble(["acme": file()])
        let second = assemble(["acme": file(more: "size = \"3 GB\"\nmemory = 2048")], after: first.record)
        #expect(second.changes.isEmpty && second.table.row("os-1")?.guest.memoryMiB == 2048)
    }

    @Test func anotherServerWaitsAndTheSystemStaysAsItWas() throws {
        let installed = ["acme": file()]
        let text = file(server: "b.example.org", more: "memory = 2048")
        let assembly = assemble(["acme": text], installed: installed)
        let change = try #require(assembly.changes.first)
        #expect(assembly.changes.count == 1 && change.before.system == "os-1")
        #expect(
            change.text
                == "the table of catalog cat changes where 'os-1' comes from: server a.example.org -> b.example.org")
        // All of it, not only the server.
        #expect(servers(assembly) == ["a.example.org"] && assembly.table.row("os-1")?.guest.memoryMiB == nil)
        let allowed = assemble(["acme": text], installed: installed, allowed: [change])
        #expect(servers(allowed) == ["b.example.org"] && allowed.changes.isEmpty)
        // It counts from now on, and the next change is another one.
        let again = assemble(["acme": text], installed: installed, after: allowed.record)
        #expect(servers(again) == ["b.example.org"] && again.changes.isEmpty)
        let third = assemble(
            ["acme": file(server: "c.example.org")], installed: installed, after: allowed.record, allowed: [change])
        #expect(third.changes.count == 1 && servers(third) == ["b.example.org"])
    }

    @Test func anotherKeyWaitsAndOnlyTheFormerOneCounts() throws {
        let first = assemble(["acme": file("acme", ["os-1", "os-2"])])
        let second = assemble(["acme": file("acme", ["os-1", "os-2"], key: 1)], after: first.record)
        #expect(second.changes.map(\.name) == ["os-1", "os-2"])
        let text = try #require(second.changes.first).text
        #expect(text.contains("key openpgp \(Self.keys[0]) -> openpgp \(Self.keys[1])"), "\(text)")
        let row = try #require(second.table.row("os-1"))
        #expect(second.table.keys(of: row).map(\.key.fingerprint) == [Self.keys[0]])
        // One was allowed, and the other was not: each has its own keys.
        let one = assemble(
            ["acme": file("acme", ["os-1", "os-2"], key: 1)], after: first.record, allowed: [second.changes[0]])
        #expect(one.changes.map(\.name) == ["os-2"])
        #expect(
            one.table.rows.map { one.table.keys(of: $0).map(\.key.fingerprint) } == [[Self.keys[1]], [Self.keys[0]]])
        // It waits as long as it has to: the text that it stands in is kept.
        let later = assemble(["acme": file("acme", ["os-1", "os-2"], key: 1)], after: one.record)
        #expect(later.changes.map(\.name) == ["os-2"] && later.table.rows.count == 2)
    }

    @Test(arguments: [
        ("seed = \"nocloud\"\nuser = \"acme\"", "seed none -> nocloud for acme"),
        ("mirrors = [\"https://m.example.org/\"]\nbase = \"https://a.example.org/\"", "also server m.example.org"),
        ("torrent = \"T\"", "verified when complete -> each block verified by the vendor's signature"),
    ])
    func eachOfThemWaits(_ more: String, _ words: String) {
        let first = assemble(["acme": file()])
        let second = assemble(["acme": file(more: more)], after: first.record)
        #expect(second.changes.map(\.text).first?.contains(words) == true, "\(second.changes.map(\.text))")
    }

    @Test func aSignatureThatIsNoLongerAskedForWaits() {
        let first = assemble(["acme": file()])
        let bare = file().replacing("signature = \"SHA256SUMS.gpg\"\n", with: "")
        let second = assemble(["acme": bare], after: first.record)
        let text = second.changes.first?.text ?? ""
        #expect(text.contains("no longer key openpgp \(Self.keys[0])"), "\(text)")
        #expect(text.contains("verified when complete -> not verified"), "\(text)")
        #expect(second.table.row("os-1")?.proof.trust == .whole)
    }

    @Test func aSystemThatWentIsStillKnownWhenItComesBackFromElsewhere() {
        let first = assemble(["acme": file("acme", ["os-1", "os-2"])])
        let second = assemble(["acme": file("acme", ["os-2"])], after: first.record)
        #expect(second.table.rows.map(\.id) == ["os-2"] && second.changes.isEmpty)
        let third = assemble(
            ["acme": file("acme", ["os-1", "os-2"], server: "b.example.org")], after: second.record)
        #expect(third.changes.map(\.name) == ["os-1", "os-2"])
        // Nothing is left of how it was, so it is not there.
        #expect(third.table.rows.map(\.id) == ["os-2"])
    }

    @Test func aNameThatMovesToAnotherServersSystemWaits() {
        func files(_ holder: String) -> [String: String] {
            func aliases(_ vendor: String) -> String { vendor == holder ? "aliases = [\"os\"]\n" : "" }
            return [
                "acme": file("acme", ["os-1"]) + aliases("acme"),
                "evil": file("evil", ["os-9"], server: "b.example.org") + aliases("evil"),
            ]
        }
        let first = assemble(files("acme"))
        #expect(first.table.row("os")?.id == "os-1")
        let second = assemble(files("evil"), after: first.record)
        #expect(second.table.row("os")?.id == "os-1", "the name means what it meant")
        #expect(
            second.changes.map(\.text) == [
                "the table of catalog cat changes which system 'os' is: os-1 -> os-9; server a.example.org -> b.example.org"
            ])
        let third = assemble(files("evil"), after: first.record, allowed: Set(second.changes))
        #expect(third.table.row("os")?.id == "os-9" && third.changes.isEmpty)
        // The same server and keys: a newer release.
        let same = assemble(
            ["acme": file("acme", ["os-1"]) + "[[system]]\nid = \"os-2\"\ntitle = \"OS\"\naliases = [\"os\"]\n"],
            after: first.record)
        #expect(same.table.row("os")?.id == "os-2" && same.changes.isEmpty)
    }

    @Test func aSystemCannotTakeTheNameOfAnInstalledOnesAlias() {
        let installed = ["acme": file() + "aliases = [\"os\"]\n"]
        let assembly = assemble(["evil": file("evil", ["os"], server: "b.example.org")], installed: installed)
        #expect(assembly.changes.map(\.name) == ["os"] && assembly.table.row("os")?.id == "os-1")
        #expect(assembly.table.rows.map(\.id) == ["os-1"])
    }

    @Test func whatTheProgramItselfBringsNeedsNoWord() {
        let first = assemble(["acme": file()], installed: ["acme": file()])
        // A package update has the new key, and the catalog follows.
        let second = assemble(
            ["acme": file(key: 1)], installed: ["acme": file(key: 1)], after: first.record)
        #expect(second.changes.isEmpty)
        #expect(second.table.rows.map { second.table.keys(of: $0).map(\.key.fingerprint) } == [[Self.keys[1]]])
    }

    @Test func theRecordIsTheSameAfterItWasWritten() throws {
        let first = assemble(["acme": file() + "aliases = [\"os\"]\n"])
        let bytes = try JSONEncoder().encode(first.record)
        let read = try JSONDecoder().decode(TableRecord.self, from: bytes)
        #expect(read == first.record)
        let second = assemble(["acme": file(server: "b.example.org") + "aliases = [\"os\"]\n"], after: read)
        #expect(servers(second, "os") == ["a.example.org"] && second.changes.map(\.name) == ["os-1"])
    }

    @Test func whatTheUserHasAllowedIsNotUndoneByWhatIsInstalled() throws {
        let installed = ["acme": file()]
        let asked = assemble(["acme": file(key: 1)], installed: installed)
        let rotated = assemble(["acme": file(key: 1)], installed: installed, allowed: Set(asked.changes))
        #expect(rotated.changes.isEmpty)
        // The former key again, which the installed table still has: it may be one that leaked.
        let undone = assemble(["acme": file()], installed: installed, after: rotated.record)
        #expect(undone.changes.map(\.name) == ["os-1"])
        #expect(undone.table.rows.map { undone.table.keys(of: $0).map(\.key.fingerprint) } == [[Self.keys[1]]])
        // What an update brings counts all the same, also where the catalog follows later.
        let updated = ["acme": file(server: "new.example.org")]
        let before = assemble(["acme": file(key: 1)], installed: updated, after: rotated.record)
        let after = assemble(updated, installed: updated, after: before.record)
        #expect(before.changes.isEmpty && after.changes.isEmpty && servers(after) == ["new.example.org"])
    }

    // MARK: Bad tables

    @Test func aFileWithAFaultLeavesTheOthers() {
        let bad: [(String, String)] = [
            ("x = 1", "x is not a key that means anything here"), ("= 3", "is not TOML"),
            (
                file("bad", ["b"]).replacing("title = \"Acme\"", with: "title = \"A\\u001b[2Jcme\""),
                "control characters"
            ),
            (file("bad", ["b"], server: "b.example.org").replacing("https://b.", with: "http://b."), "plain http only"),
            (file("bad", ["b"]).replacing("https://keys.", with: "http://keys."), "plain http only"),
            (file("bad", ["b"]).replacing("url = \"https://keys.example.org/k\"\n", with: ""), "url is missing"),
            (file("bad", ["b"]) + "keys = [\"other\"]\n", "names 'other', which is no key of this file"),
            (file("bad", ["b"]) + "user-data = \"x\"\n", "user-data is not a key"),
            (file("bad", (0...500).map { "b-\($0)" }), "there are more than 500 systems"),
            (file("bad", ["b"]) + String(repeating: "#", count: 1 << 20), "more than 1048576 bytes"),
        ]
        for (text, reason) in bad {
            let assembly = assemble(["bad": text, "acme": file()], installed: ["bad": file("bad", ["b"])])
            // The installed one goes on.
            #expect(assembly.table.rows.map(\.id) == ["os-1", "b"] && assembly.table.row("b")?.origin == .folder)
            let faults = assembly.table.faults.map { "\($0)" }
            #expect(faults.count == 1 && faults[0].contains(reason), "\(faults)")
            #expect(faults[0].hasPrefix("the table of catalog cat: bad.toml: "), "\(faults)")
        }
        // On this machine, and where each piece is verified.
        let local = assemble(["acme": file(server: "127.0.0.1:8000").replacing("https://127", with: "http://127")])
        let pieces = assemble([
            "acme": file(more: "torrent = \"T\"").replacing("https://a.", with: "http://a.")
        ])
        #expect(local.table.faults.isEmpty && pieces.table.faults.isEmpty)
        #expect(pieces.table.rows.map { RowFacts($0).servers.first } == ["http://a.example.org"])
    }

    // MARK: Reach

    @Test func aCatalogsTableLeadsNoFurtherThanItsServer() throws {
        func row(_ kind: AddressKind, _ server: String = "a.example.org") throws -> VendorRow {
            let layer = CatalogLayer(catalog: "cat", at: kind, isApart: false, files: ["acme": file(server: server)])
            return try #require(layer.table().rows.first)
        }
        #expect(try row(.internet).reach(of: "https://a.example.org/d/") == .named(by: .internet))
        #expect(try row(.internet, "10.0.0.1").reach(of: "https://10.0.0.1/d/") == .named(by: .internet))
        #expect(try row(.privateNetwork, "10.0.0.1").reach(of: "https://10.0.0.1/d/") == .named(by: .privateNetwork))
        // What a listing there says.
        #expect(try row(.internet, "10.0.0.1").reach(of: "https://10.0.0.2/x") == .named(by: .internet))
        #expect(try row(.privateNetwork).reach(of: "https://10.0.0.2/x") == .named(by: .internet))
        let key = "https://keys.example.org/k"
        #expect(assemble(["acme": file()]).table.reach(ofKey: key) == .named(by: .internet))
        #expect(assemble([:], own: ["acme": file()]).table.reach(ofKey: key) == .written)
    }
}

import Catalog
import Linux
import TestSupport
import Testing

@testable import Publisher

/// The table of vendors that a tree's readers may use.
@Suite(.timeLimit(.minutes(5))) struct PublishedTableTests {
    private let fixture: TreeFixture
    private var vendors: String { fixture.folder.file("vendors") }

    init() throws { fixture = try TreeFixture() }

    private func write(_ name: String, server: String = "https://a.example.org", more: String = "") throws {
        try Folder.make(vendors)
        let text = """
            name = "\(name)"
            title = "Acme"
            [[system]]
            id = "\(name)-1"
            title = "OS"
            kind = "cloud"
            format = "qcow2"
            upstream = "\(server)/d/"
            entry = "{date}"
            \(more)
            """
        try AtomicFile.write(text, to: "\(vendors)/\(name).toml")
    }

    private var tables: VendorTables? {
        get throws {
            try PublishedTree(path: fixture.tree, keys: SigningKeys(folder: fixture.folder.file("keys"))).contents()
                .vendorTables()
        }
    }

    @Test func aTableIsPublishedChangedAndTakenBack() async throws {
        try await fixture.make()
        try write("acme")
        try write("other")
        // What is no table is left alone.
        try AtomicFile.write("x", to: "\(vendors)/README")
        #expect(try await fixture.must("vendors", fixture.tree, vendors) == "published: 2 systems of 2 vendors\n")
        #expect(try tables?.files.keys.sorted() == ["acme", "other"])
        #expect(try await fixture.must("vendors", fixture.tree) == "acme: acme-1\nother: other-1\n")
        #expect(try await fixture.must("vendors", fixture.tree, vendors) == "unchanged: 2 systems of 2 vendors\n")
        // What comes and goes otherwise leaves it.
        try await fixture.must("add", fixture.tree, "debian", "2026-11-23", try fixture.image([1, 7]))
        try await fixture.must("prune", fixture.tree, "--keep-weeks", "26")
        #expect(try tables?.files.count == 2)
        #expect(try await fixture.run("verify", fixture.tree).status == 0)
        TemporaryDirectory.remove("\(vendors)/other.toml")
        try await fixture.must("vendors", fixture.tree, vendors)
        #expect(try tables?.files.keys.sorted() == ["acme"])
        #expect(try await fixture.must("vendors", fixture.tree, "--remove") == "removed\n")
        #expect(try tables == nil)
        #expect(try await fixture.must("vendors", fixture.tree, "--remove") == "there is no table\n")
        #expect(try await fixture.must("vendors", fixture.tree) == "")
    }

    @Test func whatReadersWouldRefuseIsNotPublished() async throws {
        try await fixture.make()
        try write("acme")
        try await fixture.must("vendors", fixture.tree, vendors)
        let before = try tables
        let bad: [(String, String)] = [
            ("x = 3", "x is not a key"), ("[[key]]\nname = \"k\"\nfingerprint = \"12\"\n", "url is missing"),
            ("sums = \"S\"\nsignature = \"S.gpg\"", "keys has none of the signature's kind"),
            ("summary = \"a\\u001bb\"", "control characters"), ("=", "is not TOML"),
        ]
        for (line, reason) in bad {
            try write("bad", more: line)
            let refused = try await fixture.run("vendors", fixture.tree, vendors)
            #expect(refused.status == 65 && refused.stderr.contains(reason), "\(refused.stderr)")
        }
        try write("bad", server: "http://a.example.org")
        let plain = try await fixture.run("vendors", fixture.tree, vendors)
        #expect(plain.status == 65 && plain.stderr.contains("plain http only on this machine"), "\(plain.stderr)")
        try write("bad", more: String(repeating: "#", count: 1 << 20))
        #expect(try await fixture.run("vendors", fixture.tree, vendors).status == 65)
        try AtomicFile.write([0xFF, 0xFE], to: "\(vendors)/bad.toml")
        #expect(try await fixture.run("vendors", fixture.tree, vendors).stderr.contains("is not UTF-8"))
        TemporaryDirectory.remove("\(vendors)/bad.toml")
        for number in 0..<1000 { try AtomicFile.write("", to: "\(vendors)/v\(number).toml") }
        let many = try await fixture.run("vendors", fixture.tree, vendors)
        #expect(many.status == 65 && many.stderr.contains("at most 256"), "\(many.stderr)")
        #expect(try tables == before)
    }

    @Test func wrongArgumentsAreSaid() async throws {
        try await fixture.must("init", fixture.tree)
        #expect(try await fixture.run("vendors", fixture.tree, fixture.folder.file("none")).status == 66)
        try Folder.make(vendors)
        #expect(try await fixture.run("vendors", fixture.tree, vendors).stderr.contains("there is no file NAME.toml"))
        #expect(try await fixture.run("vendors", fixture.tree, vendors, "--remove").status == 64)
        #expect(try await fixture.run("vendors", vendors, vendors).status == 66)
    }

    @Test func everyMirrorHasIt() async throws {
        try await fixture.make()
        try write("acme")
        try await fixture.must("vendors", fixture.tree, vendors)
        for options in [[], ["--distribution", "tiny"]] {
            let copy = fixture.folder.file("copy\(options.count)")
            let made = try await fixture.run(["mirror", fixture.tree, copy] + options)
            #expect(made.status == 0, "\(made.stderr)")
            let names = try Folder.names(in: "\(copy)/targets")
            #expect(names.contains { $0.hasSuffix(".vendors.json") }, "\(names)")
        }
    }
}

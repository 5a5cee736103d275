import Catalog
import Linux
import TestSupport
import Testing
import Upstream

@testable import Vendors

@Suite struct VendorTableTests {
    private let head = "name = \"acme\"\ntitle = \"Acme\"\n"
    private let key =
        "[[key]]\nname = \"k\"\nfingerprint = \"D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81\"\nurl = \"https://h/k\"\n"
    private let system =
        "[[system]]\nid = \"os-1\"\ntitle = \"OS 1\"\nkind = \"cloud\"\nformat = \"qcow2\"\nupstream = \"https://h/d\"\nentry = \"{date}\"\n"

    private func load(_ text: String) -> VendorTable {
        var table = VendorTable()
        table.add(Array(text.utf8), file: "acme.toml", name: "acme")
        return table
    }

    private func fault(_ text: String) -> String { load(text).faults.first.map { "\($0)" } ?? "none" }

    @Test func aWholeRowIsRead() throws {
        let text =
            head + key + """
                [defaults]
                kind = "minimal"
                sums = "SHA256SUMS"
                signature = "{sums}.gpg"
                memory = 1024
                [[system]]
                id = "os-1"
                title = "OS 1 “One”"
                aliases = ["os", "one"]
                release = "1"
                format = "iso"
                upstream = "https://h/d?x=1"
                entry = "{date}{serial}"
                image = "{entry}/os.iso"
                base = "https://h/"
                mirrors = ["https://m/"]
                kept-builds = 3
                size = "600 MB"
                firmware = "uefi"
                cpu-level = "x86-64-v3"
                seed = "nocloud"
                user = "acme"
                support-ends = "2029-05-31"
                unchecked = "all of it"
                """
        let table = load(text)
        #expect(table.faults == [])
        let row = try #require(table.row("one"))
        #expect(row.id == "os-1" && row.group == "Acme" && row.kind == .minimal && row.format == .iso)
        #expect(row.listing.upstream == ["https://h/d/?x=1"])
        #expect(row.proof.trust == .whole && row.proof.keys == ["k"] && table.keys(of: row).map(\.name) == ["k"])
        #expect(row.guest.memoryMiB == 1024 && row.guest.seed == .nocloud && row.guest.cpuLevel == .v3)
        #expect(row.guest.media == .cdrom && row.guest.user == "acme" && row.sizeHint == 600_000_000)
        #expect(row.isShortLived && row.unchecked == "all of it" && row.supportEnds == CalendarDate("2029-05-31"))
        #expect(row.urls(of: "https://h/d/a") == ["https://h/d/a", "https://m/d/a"])
    }

    @Test func anAliasMeansOneSystemForEachProcessor() throws {
        let other = system.replacing("os-1", with: "os-1-arm64")
        let alias = "aliases = [\"os\"]\n"
        let arm = "architecture = \"aarch64\"\n"
        let table = load(head + system + alias + other + alias + arm)
        #expect(table.faults == [])
        #expect(table.row("os", host: "x86_64")?.id == "os-1" && table.row("os", host: "aarch64")?.id == "os-1-arm64")
        #expect(table.row("os", host: "riscv64")?.id == "os-1" && table.row("os-1", host: "aarch64")?.id == "os-1")
        #expect(fault(head + system + alias + other + alias).contains("aliases names 'os'"))
        // An id is one system's whatever its processor.
        #expect(fault(head + system + other + arm + "aliases = [\"os-1\"]\n").contains("aliases names 'os-1'"))
        #expect(fault(head + system + "aliases = [\"os-1-arm64\"]\n" + other + arm).contains("id is another system's"))
        #expect(fault(head + system + system + arm).contains("id is another system's"))
    }

    @Test(arguments: [
        ("nmae = 1\n", "acme.toml: nmae is not a key that means anything here"),
        ("[[system]]\nid = \"A\"\n", "acme.toml: system 1: id must be of the form [a-z0-9][a-z0-9._-]{0,63}"),
        ("[[system]]\nid = \"a\"\nkind = \"x\"\n", "acme.toml: a: kind must be one of"),
        ("[[system]]\nid = \"a\"\nkind = \"cloud\"\nformat = \"vmdk\"\n", "acme.toml: a: format must be one of"),
        ("[defaults]\nid = \"a\"\n", "acme.toml: defaults: id is not a key"),
        ("system = 3\n", "acme.toml: system must be 1 to 1000 tables"), ("= 3", "acme.toml: is not TOML"),
        ("[;x]", "acme.toml: is not TOML: line 3 is malformed"),
        (
            "[[key]]\nname = \"k\"\nfingerprint = \"12\"\nurl = \"https://h/k\"\n",
            "acme.toml: key 1: fingerprint must be that of an OpenPGP key"
        ),
    ])
    func errorsNameFileAndPlace(_ text: String, _ message: String) {
        #expect(fault(head + text).hasPrefix(message), "\(fault(head + text))")
    }

    @Test(arguments: [
        ("upstream = \"ftp://h/\"", "upstream must be an http or https URL"),
        ("upstream = \"https://a:b@h/\"", "upstream may not contain a user name or password"),
        ("upstream = \"https://{number}/\"", "upstream may have at most two folders"),
        ("entry = \"{dat}\"", "entry must be a name"), ("build = \"44-{a}.{1}\"", "build must be a name with"),
        ("build = \"44\"", "build must be a name with"), ("mirrors = [\"https://m/\"]", "base is missing"),
        ("base = \"https://m\"", "base must end with a slash"), ("builds = 0", "builds must be a number from 1 to 200"),
        ("title = \"a\\u001bb\"", "title may not contain control characters"),
        ("title = \"a\\u202eb\"", "title may not contain control characters"),
        ("title = \"\"", "title must have 1 to 4096 bytes"), ("user = \"a b\"", "user must be of the form"),
        ("sums = \"S\"\nsignature = \"S.gpg\"", "keys has none of the signature's kind"),
        (
            "upstream = \"https://h/{number}/\"\nsignature-kind = \"openpgp-clear\"\nsigned = \"listing\"\n[[key]]\nname = \"k\"\nfingerprint = \"D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81\"\nurl = \"https://h/k\"",
            "signed cannot be listing where"
        ),
        ("torrent = \"T\"", "torrent is of no use without signed sums"), ("keys = [\"z\"]", "keys names 'z'"),
        ("signature-kind = \"openpgp\"", "sums is missing"), ("listing = \"simplestreams\"", "product is missing"),
        ("size = \"1.45 GB\"", "size must be a size"), ("size = \"1. GB\"", "size must be a size"),
        ("size = \"1.4\"", "size must be a size"), ("size = \"1234567.1 MB\"", "size must be a size"),
        ("image = \"//h/x\"", "image must be a name"), ("image = \" x\"", "image must be a name"),
        ("image = '\\\\h\\x'", "image must be a name"), ("image = \"x-1+y.z:w\"", "image must be an http or https URL"),
        ("image = \"https://{word}.org/x\"", "image may not have a placeholder"),
        ("user-data = \"x\"", "user-data is not a key"), ("aliases = [\"os-1\"]", "aliases names 'os-1'"),
    ])
    func wrongSystemsAreRefused(_ line: String, _ message: String) {
        let name = line.prefix { $0 != " " }
        let kept = system.split(separator: "\n").filter { !$0.hasPrefix("\(name) ") }.joined(separator: "\n")
        let text = fault("\(head)\(kept)\n\(line)\n")
        #expect(text.contains(": \(message)"), "\(text)")
    }

    @Test(
        arguments: [("1.4 GB", 1_400_000_000), ("0.5MiB", 524_288), ("600 MB", 600_000_000), ("12", 12)]
            as [(String, UInt64)])
    func aSizeMayHaveOneDigitBehindItsPoint(_ text: String, bytes: UInt64) {
        let kept = system.split(separator: "\n").filter { !$0.hasPrefix("size ") }.joined(separator: "\n")
        let table = load("\(head)\(kept)\nsize = \"\(text)\"\n")
        #expect(table.rows.first?.sizeHint == bytes, "\(table.faults)")
    }

    @Test(arguments: ["{entry}/x:y", "1a:x", "a b:c", "/x", "{1}"])
    func whatHasNoSchemeIsANameOrAPath(_ text: String) {
        let kept = system.split(separator: "\n").filter { !$0.hasPrefix("image ") }.joined(separator: "\n")
        #expect(load("\(head)\(kept)\nimage = \"\(text)\"\n").faults == [])
    }

    @Test(arguments: [
        ("{date}", true), ("44-{1}.{9}", true), ("a{entry}b{word}", true), ("", false), ("44", false), ("{0}", false),
        ("{date", false), ("date}", false), ("{{1}}", false), ("{1}}", false), ("{}{1}", false), ("{1}{dat}", false),
    ])
    func aTemplateHasPlaceholdersAndNoOtherBraces(_ text: String, isOne: Bool) {
        #expect(VendorBuild.isTemplate(text) == isOne)
    }

    @Test func filesOfAUserReplaceThoseOfTheSameName() throws {
        let folders = [try TemporaryDirectory(), try TemporaryDirectory()]
        try folders[0].write(Array((head + system).utf8), to: "acme.toml")
        try folders[0].write(
            Array((head + system).replacing("acme", with: "other").replacing("os-1", with: "os-2").utf8),
            to: "other.toml")
        try folders[0].write(Array("x = 1".utf8), to: "broken.toml")
        try folders[1].write(Array((head + system).replacing("OS 1", with: "Mine").utf8), to: "acme.toml")
        try folders[1].write(Array((head + system).replacing("acme", with: "thief").utf8), to: "thief.toml")
        let table = VendorTable.load(folders: folders.map(\.path) + ["/nonexistent"])
        #expect(table.rows.map(\.id) == ["os-1", "os-2"])
        #expect(table.row("os-1")?.title == "Mine")
        #expect(
            table.faults.map { "\($0)" }.contains { $0.hasSuffix("thief.toml: os-1 is a system of acme.toml already") })
        #expect(table.faults.count == 2)
    }

    @Test func aFileMayNotBeLongAndIsNamedByItsVendor() {
        #expect(fault(head + system + String(repeating: "#", count: 1 << 20)).contains("more than 1048576 bytes"))
        #expect(fault("name = \"x\"\ntitle = \"X\"\n" + system).contains("name must be the file's own name"))
    }

    @Test func rowsBecomeACatalogOfTheReservedName() throws {
        let site = try VendorSite()
        site.offer("upstream = \"https://h/\"\nentry = \"{date}\"\naliases = [\"acme-os\"]\nrelease = \"7\"")
        site.offer("upstream = \"https://h/\"\nentry = \"{date}\"", id: "other")
        let copy = site.library(hidden: ["other"]).copy()
        #expect(copy.source.name == "vendors" && copy.aliases == ["acme-os": "os"])
        #expect(copy.document?.distributions.map(\.id) == ["os"])
        #expect(site.library(hidden: ["acme"]).copy().document?.distributions.isEmpty == true)
    }

    @Test func theInstalledTableIsRightAndQuick() throws {
        var share = Substring(#filePath)
        for _ in 0..<3 { share = share.prefix(upTo: share.lastIndex(of: "/") ?? share.startIndex) }
        let start = MonotonicClock.nanoseconds
        let table = VendorTable.load(folders: ["\(share)/share/vendors"])
        let milliseconds = (MonotonicClock.nanoseconds - start) / 1_000_000
        #expect(table.faults == [])
        #expect(table.rows.count >= 60)
        // A list is to be there within a second, in a build without optimization on a busy machine, too.
        #expect(milliseconds < 5000, "\(milliseconds) ms for \(table.rows.count) rows")
        print("table of \(table.rows.count) rows: \(milliseconds) ms")
    }
}

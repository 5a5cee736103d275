import Boot
import Curl
import Linux
import TestSupport
import Testing

@Suite struct ConfigurationTests {
    private func refusal(_ text: String) -> (file: String, key: String, reason: String)? {
        var configuration = Configuration()
        let error = #expect(throws: BootError.self) { try configuration.apply(text, file: "/etc/x.toml") }
        guard case .configuration(let file, let key, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return nil
        }
        return (file, key, reason)
    }

    @Test func aConfigurationBelowWhatIsNoFolderIsNone() throws {
        #expect(try Configuration.load(["/dev/null/oscircular/config.toml"]) == Configuration())
    }

    @Test func laterFilesGoOverEarlierOnesKeyByKey() throws {
        let folder = try TemporaryDirectory()
        let system = try folder.write(
            Array("[guest]\nmemory = 512\ncpus = 2\n[cache]\nlimit = \"20GiB\"\n".utf8), to: "system")
        let user = try folder.write(Array("[guest]\nmemory = 1024\n[network]\nmode = \"none\"\n".utf8), to: "user")
        let configuration = try Configuration.load([system, user])
        #expect(configuration.memoryMiB == 1024)
        #expect(configuration.cpus == 2)
        #expect(configuration.cacheLimit == 20 << 30)
        #expect(configuration.network == "none")
        #expect(configuration.readBound == 20)
    }

    @Test func everySettingIsRead() throws {
        var configuration = Configuration()
        try configuration.apply(
            """
            [cache]
            directory = "/var/x"
            limit = 5000
            [read]
            bound = 7
            [network]
            requests = 3
            mode = "lan"
            [guest]
            memory = 99
            cpus = 4
            accel = "tcg"
            display = "console"
            connect = "qemu:///system"
            shutdown = 8
            reserve = "3GiB"
            user-data = "/etc/mine"
            [exchange]
            after = "remove"
            limit = "3GiB"
            [menu]
            pictures = "cells"
            [prefetch]
            pack = "never"
            [warm]
            use = "never"
            make = "never"
            [vendors]
            enabled = false
            least = "pieces"
            hidden = ["kali"]
            """, file: "f")
        var expected = Configuration()
        expected.cacheDirectory = "/var/x"
        expected.cacheLimit = 5000
        expected.readBound = 7
        expected.parallelRequests = 3
        expected.network = "lan"
        expected.keepsExchange = false
        expected.exchangeLimit = 3 << 30
        expected.memoryMiB = 99
        expected.cpus = 4
        expected.accelerator = "tcg"
        expected.display = "console"
        expected.connect = "qemu:///system"
        expected.shutdownSeconds = 8
        expected.reserve = 3 << 30
        expected.vendors.isEnabled = false
        expected.vendors.least = .pieces
        expected.vendors.hidden = ["kali"]
        expected.userData = "/etc/mine"
        expected.pictures = "cells"
        expected.usesPacks = false
        (expected.warm.use, expected.warm.make) = (.never, .never)
        #expect(configuration == expected)
    }

    @Test func mirrorsAndHostsAreRead() throws {
        var configuration = Configuration()
        try configuration.apply(
            """
            [mirrors]
            debian = ["https://near.example.org/os", "/media/MY STICK/50%"]
            other = ["http://a.example/"]
            [[host]]
            name = "Near.example.org:443"
            bearer-file = "/etc/token"
            ca = "/etc/ca.pem"
            [[host]]
            name = "b.example:8443"
            certificate = "/c.pem"
            key = "/c.key"
            netrc = true
            """, file: "f")
        #expect(
            configuration.mirrors == [
                "debian": ["https://near.example.org/os/", "file:///media/MY%20STICK/50%25/"],
                "other": ["http://a.example/"],
            ])
        #expect(URLText.path(ofFile: "file:///media/MY%20STICK/50%25/") == "/media/MY STICK/50%/")
        var near = HostAccess(name: "near.example.org")
        near.bearerFile = "/etc/token"
        near.authorities = "/etc/ca.pem"
        var other = HostAccess(name: "b.example:8443")
        other.certificate = "/c.pem"
        other.key = "/c.key"
        other.netrc = .ofUser
        #expect(configuration.hosts == [near, other])
        // A later file's word for one catalog counts, and leaves the others alone.
        try configuration.apply("[mirrors]\ndebian = []\n", file: "g")
        #expect(configuration.mirrors == ["debian": [], "other": ["http://a.example/"]])
    }

    @Test(arguments: [
        ("[mirrors]\ndebian = \"https://a/\"\n", "mirrors.debian"), ("[mirrors]\ndebian = [5]\n", "mirrors.debian"),
        ("[mirrors]\ndebian = [\"ftp://a/\"]\n", "mirrors.debian"),
        ("[mirrors]\nDebian = [\"/a\"]\n", "mirrors.Debian"),
        ("[mirrors]\ndebian = [\"stick\"]\n", "mirrors.debian"), ("mirrors = 5\n", "mirrors"),
        ("[[host]]\nnetrc = true\n", "host.name"), ("[[host]]\nname = \"https://a/\"\n", "host.name"),
        ("[[host]]\nname = \"a\"\nbearer = \"/x\"\n", "host.bearer"), ("host = 5\n", "host"),
        ("[[host]]\nname = \"a\"\nbearer-file = \"x\"\n", "host.bearer-file"),
        ("[[host]]\nname = \"a\"\nkey = \"/x\"\n", "host.key"), ("[[host]]\nname = \"a\"\nnetrc = 5\n", "host.netrc"),
        ("[[host]]\nname = \"a\"\nnetrc = true\nbearer-file = \"/x\"\n", "host.netrc"),
    ])
    func wrongMirrorsAndHostsAreRefusedWithTheirKey(text: String, key: String) {
        #expect(refusal(text)?.key == key)
    }

    @Test func theInstalledExampleIsReadWithItsCommentsTakenAway() throws {
        var root = Substring(#filePath)
        for _ in 0..<3 { root = root.prefix(upTo: root.lastIndex(of: "/") ?? root.startIndex) }
        let example = try FileContents.readText("\(root)/share/config.toml", limit: 65_536)
        let settings = example.split(separator: "\n").compactMap { line -> String? in
            let bare = line.hasPrefix("# ") ? line.dropFirst(2) : line
            return bare.hasPrefix("[") || bare.contains(" = ") ? String(bare) : nil
        }
        var configuration = Configuration()
        try configuration.apply(example, file: "example")
        #expect(configuration == Configuration())
        // All of it at once: a token beside a netrc is one thing too many.
        try configuration.apply(
            settings.filter { !$0.hasPrefix("netrc") }.joined(separator: "\n"), file: "example")
        #expect(configuration.hosts.count == 1 && configuration.mirrors["debian"]?.count == 2)
    }

    @Test func filesThatAreAbsentAreFine() throws {
        let folder = try TemporaryDirectory()
        #expect(try Configuration.load([folder.path("a"), folder.path("b/c")]) == Configuration())
    }

    @Test func aFileThatCannotBeReadIsNamed() throws {
        let folder = try TemporaryDirectory()
        let error = #expect(throws: BootError.self) { try Configuration.load([folder.path]) }
        guard case .file(let cause) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(cause.subject.contains(folder.path))
    }

    @Test(arguments: [
        ("[gest]\nmemory = 5\n", "gest"), ("memory = 512\n", "memory"), ("guest = 5\n", "guest"),
        ("[guest]\nmemori = 512\n", "guest.memori"), ("[guest]\ncpus = 2\n[guest.cache]\nlimit = 2\n", "guest.cache"),
    ])
    func whatIsMisspeltIsRefusedWithItsPlace(text: String, key: String) {
        let refusal = refusal(text)
        #expect(refusal?.file == "/etc/x.toml")
        #expect(refusal?.key == key)
    }

    @Test(arguments: [
        ("guest", "memory = \"512\""), ("guest", "memory = true"), ("guest", "memory = 15"),
        ("guest", "memory = 1048577"),
        ("guest", "memory = 512.5"), ("guest", "cpus = 0"), ("guest", "cpus = 513"), ("guest", "shutdown = 0"),
        ("guest", "reserve = \"much\""),
        ("guest", "accel = \"fast\""), ("guest", "accel = 1"), ("guest", "display = \"screen\""),
        ("guest", "connect = 5"), ("read", "bound = 0"), ("read", "bound = 3601"), ("network", "requests = 257"),
        ("network", "requests = -1"), ("network", "mode = \"wan\""), ("cache", "directory = 5"),
        ("menu", "pictures = true"), ("menu", "pictures = \"kitty\""), ("cache", "limit = -1"),
        ("cache", "limit = \"20 XB\""), ("cache", "limit = 1.5"), ("cache", "limit = []"),
    ])
    func wrongValuesAreRefusedWithTheirKey(section: String, line: String) throws {
        let key = try #require(line.split(separator: " ").first)
        #expect(refusal("[\(section)]\n\(line)\n")?.key == "\(section).\(key)")
    }

    @Test(
        arguments: [
            ("guest", "memory = 16", \Configuration.memoryMiB, 16),
            ("guest", "memory = 1048576", \Configuration.memoryMiB, 1_048_576),
            ("guest", "cpus = 512", \Configuration.cpus, 512),
        ] as [(String, String, KeyPath<Configuration, Int?> & Sendable, Int)])
    func boundsThemselvesAreAllowed(
        section: String, line: String, path: KeyPath<Configuration, Int?> & Sendable, value: Int
    ) throws {
        var configuration = Configuration()
        try configuration.apply("[\(section)]\n\(line)\n", file: "f")
        #expect(configuration[keyPath: path] == value)
    }

    @Test func brokenTOMLNamesTheFile() throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write(Array("[guest\nmemory".utf8), to: "broken.toml")
        let error = #expect(throws: BootError.self) { try Configuration.load([path]) }
        guard case .configuration(path, "", let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("not valid TOML"))
    }

    @Test(arguments: [
        "[;read]\n", "[[;read]]", "[ \n0read]", "[", "[\r\nread]", "\u{FEFF}[=]", "\t[ [ *", "a = 1\n[.x]", "a = [}",
        "a = [[\t}", "a = [1, }", "a = [\u{2028}1]", "a = [\u{85}]",
        "a = { b = [ } ]",
    ])
    func whatEndsTheParserIsRefused(text: String) {
        var configuration = Configuration()
        let error = #expect(throws: BootError.self) { try configuration.apply(text, file: "f") }
        guard case .configuration("f", "", let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("not valid TOML: line "))
    }

    @Test func headersMayBeIndentedAndQuotedAndBracketsStandInStrings() throws {
        var configuration = Configuration()
        try configuration.apply(
            " [ \"read\" ] # c }\nbound = 7 # [ '\n\t['guest']\ncpus=3\r\n[network]\r\n[cache]\ndirectory = \"/a\\\"]}\"\n",
            file: "f")
        #expect(configuration.readBound == 7)
        #expect(configuration.cpus == 3)
    }
}

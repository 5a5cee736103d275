import Boot
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
            """, file: "f")
        var expected = Configuration()
        expected.cacheDirectory = "/var/x"
        expected.cacheLimit = 5000
        expected.readBound = 7
        expected.parallelRequests = 3
        expected.network = "lan"
        expected.memoryMiB = 99
        expected.cpus = 4
        expected.accelerator = "tcg"
        expected.display = "console"
        expected.connect = "qemu:///system"
        expected.shutdownSeconds = 8
        #expect(configuration == expected)
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
        ("guest", "accel = \"fast\""), ("guest", "accel = 1"), ("guest", "display = \"screen\""),
        ("guest", "connect = 5"), ("read", "bound = 0"), ("read", "bound = 3601"), ("network", "requests = 257"),
        ("network", "requests = -1"), ("network", "mode = \"wan\""), ("cache", "directory = 5"),
        ("cache", "limit = -1"), ("cache", "limit = \"20 XB\""), ("cache", "limit = 1.5"), ("cache", "limit = []"),
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
        #expect(reason.hasPrefix("no TOML"))
    }

    @Test(arguments: [
        "[;read]\n", "[[;read]]", "[ \n0read]", "[", "[\r\nread]", "\u{FEFF}[=]", "\t[ [ *", "a = 1\n[.x]",
    ])
    func aHeaderWithoutANameIsRefusedAndEndsNothing(text: String) {
        var configuration = Configuration()
        let error = #expect(throws: BootError.self) { try configuration.apply(text, file: "f") }
        guard case .configuration("f", "", let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.hasPrefix("no TOML: line "))
    }

    @Test func headersMayBeIndentedAndQuoted() throws {
        var configuration = Configuration()
        try configuration.apply(" [ \"read\" ] # c\nbound = 7\n\t['guest']\ncpus=3\r\n[network]\r\n", file: "f")
        #expect(configuration.readBound == 7)
        #expect(configuration.cpus == 3)
    }
}

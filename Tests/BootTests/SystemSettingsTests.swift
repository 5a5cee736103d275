import Boot
import Catalog
import Linux
import TestSupport
import Testing

/// Sections `[system."CATALOG/DISTRO"]`: what they take, what they refuse, and what they are put over.
@Suite struct SystemSettingsTests {
    private static func configuration(_ text: String) throws -> Configuration {
        var configuration = Configuration()
        try configuration.apply(text, file: "f")
        return configuration
    }

    private static func refusal(_ text: String) -> (key: String, reason: String)? {
        let error = #expect(throws: BootError.self) { try configuration(text) }
        guard case .configuration("f", let key, let reason) = error else {
            Issue.record("\(text): \(String(describing: error))")
            return nil
        }
        return (key, reason)
    }

    @Test func everySettingOfASystemIsRead() throws {
        let configuration = try Self.configuration(
            """
            [system."demo/debian"]
            memory = 2048
            cpus = 3
            disk = "20GiB"
            home = "work"
            share = "~/a \\"b\\\\ c:ro"
            display = "console"
            network = "none"
            healthy = 240
            clipboard = "on"
            warm = "never"
            """)
        var expected = SystemSettings()
        (expected.memoryMiB, expected.cpus, expected.diskSize) = (2048, 3, 20 << 30)
        (expected.home, expected.display, expected.network) = ("work", .console, "none")
        expected.share = "~/a \"b\\ c:ro"
        expected.healthySeconds = 240
        expected.clipboard = .on
        expected.warm = .never
        #expect(configuration.systems == ["demo/debian": expected])
    }

    @Test func itsTextsAreReadBackAsTheyWere() throws {
        var settings = SystemSettings()
        for (key, text) in [
            (SystemSettings.Key.memory, "64"), (.cpus, "2"), (.disk, "1500"), (.home, "w.1"), (.display, "none"),
            (.network, "lan"), (.share, "/srv/a \"b\\ c:ro"), (.healthy, "0"), (.clipboard, "on"),
            (.warm, "always"),
        ] {
            #expect(settings.set(key, to: text) == nil)
            #expect(settings.text(key) == text)
        }
        #expect(settings.set(.disk, to: "3 gib") == nil && settings.text(.disk) == "3GiB")
        for key in SystemSettings.Key.allCases { #expect(settings.set(key, to: "") == nil) }
        #expect(settings.isEmpty)
    }

    @Test func laterFilesGoOverEarlierOnesKeyByKey() throws {
        var configuration = try Self.configuration("[system.\"demo/debian\"]\nmemory = 512\ncpus = 2\n")
        try configuration.apply("[system.\"demo/debian\"]\nmemory = 1024\n[system.'x/y']\ncpus = 1\n", file: "g")
        #expect(configuration.systems["demo/debian"]?.memoryMiB == 1024)
        #expect(configuration.systems["demo/debian"]?.cpus == 2)
        #expect(configuration.systems["x/y"]?.cpus == 1)
    }

    @Test(arguments: [
        // A bare name could be any catalog's.
        ("[system.debian]\nmemory = 512\n", "system.\"debian\""),
        ("[system.\"demo/debian@2026-11-16\"]\nmemory = 512\n", "system.\"demo/debian@2026-11-16\""),
        ("[system.\"demo/debian/x\"]\nmemory = 512\n", "system.\"demo/debian/x\""),
        ("[system.\"/debian\"]\n", "system.\"/debian\""), ("[system.\"demo/\"]\n", "system.\"demo/\""),
        ("[system.\"demo/Debian\"]\n", "system.\"demo/Debian\""), ("system = 5\n", "system"),
        ("[system]\nmemory = 512\n", "system.\"memory\""),
        ("[system]\n\"demo/debian\" = 5\n", "system.\"demo/debian\""),
        ("[system.\"demo/debian\"]\nmemori = 512\n", "system.\"demo/debian\".memori"),
        ("[system.debian]\nshare = \"/home/me\"\n", "system.\"debian\""),
        ("[system.\"demo/debian\"]\nshare = \"src\"\n", "system.\"demo/debian\".share"),
        ("[system.\"demo/debian\"]\nshare = [\"/src\"]\n", "system.\"demo/debian\".share"),
        ("[system.\"demo/debian\"]\nshare = \"/a\\u0007b\"\n", "system.\"demo/debian\".share"),
        // Not built yet: what has no effect must not look as if it had.
        ("[system.\"demo/debian\"]\npublish = \"8080:80\"\n", "system.\"demo/debian\".publish"),
        ("[system.\"demo/debian\"]\nmemory = 15\n", "system.\"demo/debian\".memory"),
        ("[system.\"demo/debian\"]\nmemory = \"512\"\n", "system.\"demo/debian\".memory"),
        ("[system.\"demo/debian\"]\ncpus = 513\n", "system.\"demo/debian\".cpus"),
        ("[system.\"demo/debian\"]\ndisk = \"much\"\n", "system.\"demo/debian\".disk"),
        ("[system.\"demo/debian\"]\ndisk = 0\n", "system.\"demo/debian\".disk"),
        ("[system.\"demo/debian\"]\nhome = \"../x\"\n", "system.\"demo/debian\".home"),
        ("[system.\"demo/debian\"]\ndisplay = \"screen\"\n", "system.\"demo/debian\".display"),
        ("[system.\"demo/debian\"]\nnetwork = \"wan\"\n", "system.\"demo/debian\".network"),
        ("[system.\"demo/debian\"]\nhealthy = -1\n", "system.\"demo/debian\".healthy"),
        ("[system.\"demo/debian\"]\nhealthy = true\n", "system.\"demo/debian\".healthy"),
        ("[system.\"demo/debian\"]\nclipboard = true\n", "system.\"demo/debian\".clipboard"),
        ("[system.\"demo/debian\"]\nwarm = \"idle\"\n", "system.\"demo/debian\".warm"),
        ("[system.\"demo/debian\"]\nwarm = false\n", "system.\"demo/debian\".warm"),
        ("[warm]\nuse = \"idle\"\n", "warm.use"), ("[warm]\nmake = \"always\"\n", "warm.make"),
        ("[warm]\nused = \"never\"\n", "warm.used"),
        // Nobody switches it on for all systems, or for whatever has a name.
        ("[guest]\nclipboard = \"on\"\n", "guest.clipboard"),
    ])
    func whatIsWrongIsRefusedWithItsKey(text: String, key: String) {
        #expect(Self.refusal(text)?.key == key)
    }

    @Test(arguments: [
        (SystemSettings.Key.memory, "15"), (.memory, "x"), (.cpus, "0"), (.disk, "0"), (.disk, "big"), (.home, "a b"),
        (.home, "-a"), (.display, "tv"), (.network, "wan"), (.healthy, "soon"), (.healthy, "86401"),
        (.clipboard, "yes"), (.warm, "on"),
    ])
    func aFormTakesNoMoreThanAFile(_ key: SystemSettings.Key, _ text: String) {
        var settings = SystemSettings()
        #expect(settings.set(key, to: text) != nil)
        #expect(settings.isEmpty)
    }

    @Test func aSystemsSettingsGoOverThoseForAll() throws {
        let configuration = try Self.configuration(
            """
            [guest]
            memory = 512
            cpus = 2
            display = "window"
            healthy = 90
            [network]
            mode = "lan"
            [warm]
            use = "never"
            [system."demo/debian"]
            memory = 2048
            display = "none"
            healthy = 0
            warm = "always"
            """)
        // Nobody makes what nobody uses.
        #expect(configuration.warm.use == .never && !configuration.warm.makesByItself)
        #expect(configuration.healthySeconds == 90)
        let debian = configuration.applying(configuration.systems["demo/debian"])
        #expect(debian.memoryMiB == 2048 && debian.cpus == 2 && debian.display == "none" && debian.network == "lan")
        #expect(debian.healthySeconds == 0)
        #expect(debian.warm.use == .always && debian.warm.makesByItself)
        #expect(configuration.applying(configuration.systems["other/debian"]) == configuration)
    }

    // MARK: By name

    /// Copies of catalogs with one system each.
    private static func copies(_ catalogs: [(name: String, system: String)]) throws -> [CatalogCopy] {
        try catalogs.map { catalog in
            CatalogCopy(
                source: try CatalogSource(name: catalog.name, location: "/\(catalog.name)"), state: .fresh,
                document: CatalogDocument(
                    name: catalog.name, updated: .now,
                    distributions: [Distribution(id: catalog.system, versions: [])]))
        }
    }

    private static func settings(
        _ name: String, _ configuration: Configuration, _ catalogs: [(name: String, system: String)]
    ) async throws -> BootSettings {
        let copies = try copies(catalogs)
        return try await BootSettings(name: try #require(VersionName(name)), configuration: configuration) {
            try $0.find(in: copies)
        }
    }

    private static let demo = "[guest]\nmemory = 512\n[system.\"demo/debian\"]\nmemory = 2048\ndisk = \"20GiB\"\n"

    @Test(arguments: ["debian", "demo/debian", "debian@2026-11-16"])
    func aNameGetsTheSettingsOfWhatItMeans(_ name: String) async throws {
        let settings = try await Self.settings(name, try Self.configuration(Self.demo), [("demo", "debian")])
        #expect(settings.configuration.memoryMiB == 2048)
        #expect(settings.own.diskSize == 20 << 30)
        // The session cannot find another catalog's under this name.
        #expect(settings.name == (name.contains("@") ? "demo/debian@2026-11-16" : "demo/debian"))
    }

    @Test func anotherCatalogsSystemOfThisNameGetsNone() async throws {
        let settings = try await Self.settings("debian", try Self.configuration(Self.demo), [("other", "debian")])
        #expect(settings.name == "other/debian")
        #expect(settings.own.isEmpty && settings.configuration.memoryMiB == 512)
    }

    @Test func aNameThatMeansNothingIsRefusedBeforeThereIsASession() async throws {
        let configuration = try Self.configuration(Self.demo)
        await #expect(throws: CatalogAccessError.self) {
            try await Self.settings("debian", configuration, [("a", "debian"), ("b", "debian")])
        }
        await #expect(throws: CatalogAccessError.self) {
            try await Self.settings("debain", configuration, [("demo", "debian")])
        }
    }

    @Test func withoutSettingsOfSystemsNothingIsLookedUp() async throws {
        let configuration = try Self.configuration("[guest]\nmemory = 512\n")
        for name in ["debian", "demo/debian", "demo/debian@2026-11-16", "debian@x"] {
            let settings = try await BootSettings(name: try #require(VersionName(name)), configuration: configuration) {
                _ in throw CatalogAccessError.noCatalogs
            }
            #expect(settings.name == name && settings.configuration == configuration && settings.own.isEmpty)
        }
    }
}

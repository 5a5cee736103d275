import Linux
import TestSupport
import Testing

@testable import Boot

/// One system's section is changed in the user's own file, and nothing else of it.
@Suite struct SettingsFileTests {
    private let folder: TemporaryDirectory
    private var path: String { folder.path("config.toml") }

    init() throws { folder = try TemporaryDirectory() }

    private static let system = "demo/debian"

    private static func settings(_ change: (inout SystemSettings) -> Void) -> SystemSettings {
        var settings = SystemSettings()
        change(&settings)
        return settings
    }

    private static let plain = settings {
        $0.memoryMiB = 2048
        $0.home = "work"
    }

    /// What the file is after a change.
    private func changed(_ text: String, _ settings: SystemSettings, of system: String = system) throws -> String {
        try folder.write(Array(text.utf8), to: "config.toml")
        try SettingsFile(path: path).set(settings, of: system)
        return try FileContents.readText(path, limit: 1 << 20)
    }

    private func refusal(_ text: String, _ settings: SystemSettings = plain) throws -> (key: String, reason: String)? {
        let error = #expect(throws: BootError.self) { try changed(text, settings) }
        #expect(try FileContents.readText(path, limit: 1 << 20) == text)
        guard case .configuration(path, let key, let reason) = error else { return nil }
        return (key, reason)
    }

    /// A file as somebody may have written it over the years.
    private static let nasty = """
        # My settings. # twice
        [guest]   # for all
        memory = 512 # [system."demo/debian"]
        connect = 'qemu:///session' # it's "mine"

        [ "system" . 'demo/debian' ] # the one "I" use
          # memory = 1
          memory = 1024   # enough
          cpus=2
          disk = "20GiB"#big

        [system]
        "other/debian.12" = { memory = 700, home = "a.b" } # inline
        'third/x'.cpus = 1
        [mirrors]
        "de.bian" = [ # of several lines
          "/media/a]", # memory = 5
          '/media/"b',
        ]
        [[host]]
        name = "a.example"
        bearer-file = "/a#b\\"c"
        [vendors]
        hidden = ["kali",]
        """

    @Test func ofANastyFileOnlyTheSectionChanges() throws {
        let new = Self.settings {
            $0.memoryMiB = 2048
            $0.cpus = 2
            $0.display = .console
        }
        for lineBreak in ["\n", "\r\n"] {
            let old = Self.nasty.replacing("\n", with: lineBreak)
            let expected = old.replacing("  memory = 1024   # enough", with: "  memory = 2048   # enough")
                .replacing(
                    "  cpus=2\(lineBreak)  disk = \"20GiB\"#big\(lineBreak)",
                    with: "  cpus=2\(lineBreak)  #big\(lineBreak)  display = \"console\"\(lineBreak)")
            #expect(expected != old)
            #expect(try changed(old, new) == expected)
            // Once more changes nothing.
            try SettingsFile(path: path).set(new, of: Self.system)
            #expect(try FileContents.readText(path, limit: 1 << 20) == expected)
        }
    }

    @Test func settingsOfOtherShapesAreChangedWhereTheyStand() throws {
        let memory = Self.settings { $0.memoryMiB = 900 }
        let inline = try changed(Self.nasty, memory, of: "other/debian.12")
        #expect(
            inline
                == Self.nasty.replacing("{ memory = 700, home = \"a.b\" } # inline", with: "{ memory = 900 } # inline"))
        let both = Self.settings {
            $0.cpus = 4
            $0.memoryMiB = 900
        }
        let dotted = try changed(Self.nasty, both, of: "third/x")
        #expect(
            dotted
                == Self.nasty.replacing(
                    "'third/x'.cpus = 1", with: "'third/x'.cpus = 4\n\"third/x\".memory = 900"))
        let top = "system.\"demo/debian\".cpus = 1 # c\n[guest]\ncpus = 2"
        #expect(
            try changed(top, both)
                == "system.\"demo/debian\".cpus = 4 # c\nsystem.\"demo/debian\".memory = 900\n[guest]\ncpus = 2")
    }

    @Test(arguments: [
        ("", ""), ("# only words", "# only words\n\n"), ("[guest]\ncpus = 2\n", "[guest]\ncpus = 2\n\n"),
        ("\u{FEFF}", "\u{FEFF}"),
    ])
    func aSystemWithoutASectionGetsOneAtTheEnd(old: String, before: String) throws {
        let expected = before + "[system.\"demo/debian\"]\nmemory = 2048\nhome = \"work\"\n"
        #expect(try changed(old, Self.plain) == expected)
    }

    @Test func aSectionWithoutSettingsGetsThemBelowItsHeader() throws {
        #expect(
            try changed("[system.\"demo/debian\"]", Self.plain)
                == "[system.\"demo/debian\"]\nmemory = 2048\nhome = \"work\"\n")
        #expect(
            try changed("[system.\"demo/debian\"] # c\n\n[guest]\n", Self.plain)
                == "[system.\"demo/debian\"] # c\nmemory = 2048\nhome = \"work\"\n\n[guest]\n")
    }

    @Test func whatIsTakenAwayLeavesItsComment() throws {
        let old = "[system.\"demo/debian\"]\nmemory = 5000 # why\ncpus = 2\n\n[guest]\n"
        #expect(try changed(old, SystemSettings()) == "[system.\"demo/debian\"]\n# why\n\n[guest]\n")
        #expect(try changed("[guest]\n", SystemSettings()) == "[guest]\n")
    }

    @Test func aFileThatIsWrongIsLeftAlone() throws {
        #expect(try refusal("[guest]\nmemory = \n")?.reason.hasPrefix("not valid TOML") == true)
        #expect(try refusal("[guest]\nmemori = 5\n")?.key == "guest.memori")
        let inline = try refusal("system = { \"demo/debian\" = { cpus = 1 }, \"a/b\" = { cpus = 2 } }\n")
        #expect(inline?.key == "system.\"demo/debian\"")
        #expect(inline?.reason.contains("editor") == true)
        try folder.write([0x23, 0xFF, 0x0A], to: "config.toml")
        #expect(throws: BootError.self) { try SettingsFile(path: path).set(Self.plain, of: Self.system) }
        #expect(try folder.bytes("config.toml") == [0x23, 0xFF, 0x0A])
    }

    @Test func aFileThatIsNotThereIsMadeWithItsFolder() throws {
        let path = folder.path("new/oscircular/config.toml")
        try SettingsFile(path: path).set(Self.plain, of: Self.system)
        #expect(try Configuration.load([path]).systems == [Self.system: Self.plain])
    }

    @Test func modeAndLinksStay() throws {
        try folder.write(Array("# mine\n".utf8), to: "real.toml")
        try Paths.setPermissions(folder.path("real.toml"), 0o666)
        try Paths.makeLink(folder.path("link.toml"), to: "real.toml")
        try SettingsFile(path: folder.path("link.toml")).set(Self.plain, of: Self.system)
        #expect(try Paths.target(ofLink: folder.path("link.toml")) == "real.toml")
        #expect(try FileContents.readText(folder.path("real.toml"), limit: 4096).hasPrefix("# mine\n\n[system."))
        #expect(try Paths.status(folder.path("real.toml"))?.permissions == 0o666)
        #expect(folder.names.sorted() == ["link.toml", "real.toml"])
    }

    /// Whatever a file looks like: either it is refused and stays, or exactly this one system changes.
    @Test func noTextIsDamaged() throws {
        var random = SeededRandom(seed: 81)
        let seeds = [Self.nasty, "system.\"demo/debian\".cpus = 1\n", "[system.\"demo/debian\"]\nhome = \"x\"\n"]
        let pieces = [
            "\"", "'", "[", "]", "{", "}", "\n", "\r", "#", "=", ".", "\\", "system", "demo/debian", " ", "\"\"\"",
            "'''", "1",
        ]
        var accepted = 0
        for _ in 0..<1500 {
            var text = Array(seeds[Int(random.next() % UInt64(seeds.count))].utf8)
            for _ in 0..<(1 + random.next() % 3) {
                let at = Int(random.next() % UInt64(text.count))
                let piece = Array(pieces[Int(random.next() % UInt64(pieces.count))].utf8)
                text.replaceSubrange(at..<min(text.count, at + Int(random.next() % 3)), with: piece)
            }
            let old = String(decoding: text, as: UTF8.self)
            try folder.write(text, to: "config.toml")
            var before = Configuration()
            // What is not valid must be refused below.
            let isValid = (try? before.apply(old, file: path)) != nil
            do {
                try SettingsFile(path: path).set(Self.plain, of: Self.system)
            } catch {
                #expect(try folder.bytes("config.toml") == text)
                continue
            }
            accepted += 1
            before.systems[Self.system] = Self.plain
            #expect(isValid)
            #expect(try Configuration.load([path]) == before, "\(old)")
        }
        #expect(accepted > 100)
    }

    /// Somebody edits the file while a form is open: what the form did not change stays.
    @Test func onlyWhatTheUserChangedIsWritten() throws {
        let seen = Self.plain
        var wanted = seen
        (wanted.cpus, wanted.home) = (3, nil)
        let text = "[system.\"demo/debian\"]\nmemory = 4096\nhome = \"other\"\ndisplay = \"none\"\n"
        try folder.write(Array(text.utf8), to: "config.toml")
        try SettingsFile(path: path).set(wanted, replacing: seen, of: Self.system)
        let new = try Configuration.load([path]).systems[Self.system]
        #expect(new == Self.settings { ($0.memoryMiB, $0.cpus, $0.display) = (4096, 3, BootRequest.Display.none) })
        try SettingsFile(path: path).set(wanted, replacing: wanted, of: Self.system)
        #expect(try Configuration.load([path]).systems[Self.system] == new)
    }

    @Test func noHomeIsASettingToo() throws {
        try folder.write(Array("[system.\"demo/debian\"]\nhome = \"work\"\n".utf8), to: "below.toml")
        try folder.write(Array("[system.\"demo/debian\"]\nhome = \"\"\n".utf8), to: "config.toml")
        let read = try Configuration.load([folder.path("below.toml"), path]).systems[Self.system]
        #expect(read?.home?.isEmpty == true)
        var more = try #require(read)
        more.cpus = 2
        try SettingsFile(path: path).set(more, replacing: read, of: Self.system)
        #expect(try Configuration.load([path]).systems[Self.system] == more)
    }

    @Test(.enabled(if: CurrentUser.isRoot, "SKIPPED: needs root")) func theFileStaysItsOwners() throws {
        try folder.write(Array("".utf8), to: "config.toml")
        try Paths.setOwner(path, 4321, 4322)
        try SettingsFile(path: path).set(Self.plain, of: Self.system)
        let status = try #require(try Paths.status(path))
        #expect(status.owner == 4321 && status.group == 4322)
    }
}

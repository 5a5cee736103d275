import Curses
import Testing
import menu_sample

@testable import Boot
@testable import BootMenu

/// The forms for a system's settings, for a kept machine, and for a boot with a home.
@Suite struct SettingsFormTests {
    static let debian = SystemName(catalog: "example", distribution: "debian")

    static func overview(home: String? = nil) -> SettingsOverview {
        var (own, general, below) = (SystemSettings(), SystemSettings(), SystemSettings())
        own.memoryMiB = 2048
        own.home = home
        general.cpus = 2
        below.network = "none"
        return SettingsOverview(
            system: debian, own: own, below: below, belowFile: "/etc/oscircular/config.toml", general: general,
            homes: ["me", "play"])
    }

    static func settings(columns: Int = 80, rows: Int = 24) -> MenuState {
        var menu = Typing.menu(columns: columns, rows: rows)
        menu.press(.character("E"))
        _ = menu.handle(.settings(overview(), .settings))
        return menu
    }

    static func boot(keeps: Bool, home: String? = nil, columns: Int = 80, rows: Int = 24) -> MenuState {
        var menu = Typing.menu(columns: columns, rows: rows)
        menu.press(.character(keeps ? "K" : "b"))
        _ = menu.handle(.settings(overview(home: home), .boot(Typing.image("debian"), keeps: keeps)))
        return menu
    }

    private static func form(_ menu: MenuState) -> Form? {
        if case .form(let form)? = menu.overlay { form } else { nil }
    }

    // MARK: Settings

    @Test func theFormIsAskedForWithoutWaiting() {
        var menu = Typing.menu()
        #expect(menu.press(.character("E")) == [.loadSettings(Self.debian, .settings)])
        #expect(menu.overlay == nil)
        menu.press(.named(.right))
        #expect(menu.press(.character("E")) == [.loadSettings(Self.debian, .settings)])
        // Whoever has opened something else meanwhile is not interrupted.
        menu.press(.character("/"))
        _ = menu.handle(.settings(Self.overview(), .settings))
        #expect(Self.form(menu) == nil)
    }

    @Test func theAdviceIsTheNewestVersions() {
        var offer = SampleOffer.few()
        guard let place = offer.systems.firstIndex(where: { $0.distribution.id == "debian" }) else {
            return #expect(Bool(false), "no debian")
        }
        let system = offer.systems[place]
        var versions = system.versions
        versions[0].version.guest.memoryMiB = 3072
        offer.systems[place] = SystemSummary(
            source: system.source, distribution: system.distribution, versions: versions)
        var menu = Typing.menu(offer: offer)
        menu.press(.character("E"))
        _ = menu.handle(.settings(Self.overview(), .settings))
        #expect(
            menu.text().contains { $0.contains("Memory") && $0.contains("3072 MiB, its catalog's") }, "\(menu.text())")
    }

    @Test func aFolderThatIsNotThereIsNotSet() throws {
        #expect(throws: SessionFailure.self) { try BootBackend.checkFolder("/no/such/folder", replacing: nil) }
        #expect(throws: SessionFailure.self) { try BootBackend.checkFolder("/etc/passwd:ro", replacing: "/srv") }
        // Another setting can be saved while it is away.
        try BootBackend.checkFolder("/no/such/folder", replacing: "/no/such/folder")
        for text in ["/", "/tmp:ro", "", nil] { try BootBackend.checkFolder(text, replacing: nil) }
    }

    @Test func whatIsSetAndWhatIsInheritedAreTold() {
        let text = Self.settings().text()
        #expect(text.contains { $0.contains("Settings of example/debian") })
        #expect(
            text.contains { $0.contains("Memory") && $0.contains("2048") && $0.contains("1024 MiB, its catalog's") })
        #expect(text.contains { $0.contains("Processors") && $0.contains("else 2, as for all systems") })
        #expect(text.contains { $0.contains("Network") && $0.contains("else none, from /etc/oscirc") })
        #expect(text.contains { $0.contains("Home") && $0.contains("else none") })
    }

    @Test func enterSavesFromAnyField() {
        var menu = Self.settings()
        menu.press(.control("u"))
        menu.type("512")
        menu.press(.named(.tab))
        menu.type("3")
        var wanted = SystemSettings()
        (wanted.memoryMiB, wanted.cpus) = (512, 3)
        #expect(menu.press(.named(.enter)) == [.saveSettings(Self.debian, wanted, replacing: Self.overview().own)])
        #expect(menu.text().contains { $0.contains("saving") })
        // A second Enter does not save twice.
        #expect(menu.press(.named(.enter)).isEmpty)
        // Which rows start warm depends on them.
        #expect(menu.handle(.settingsSaved(Self.debian, failure: nil)) == [.loadOffer(isAsked: false)])
        #expect(menu.overlay == nil && menu.message?.text.contains("are saved") == true)
    }

    @Test func whatCannotBeSavedStaysInTheForm() {
        var menu = Self.settings()
        menu.press(.control("u"))
        menu.type("512")
        menu.press(.named(.enter))
        #expect(
            menu.handle(.settingsSaved(Self.debian, failure: "config.toml: not valid TOML: line 3 is malformed"))
                .isEmpty)
        #expect(Self.form(menu)?.fields[0].text == "512")
        #expect(menu.text().contains { $0.contains("line 3 is malformed") })
    }

    @Test(arguments: [
        (0, "5", "Memory must be"), (1, "none", "Processors must be"), (2, "big", "Disk must be"),
        (3, "A b", "Home must be"),
    ])
    func aWrongValueIsSaidWithItsField(_ field: Int, _ text: String, _ words: String) {
        var menu = Self.settings()
        for _ in 0..<field { menu.press(.named(.tab)) }
        menu.press(.control("u"))
        menu.type(text)
        menu.press(.named(.tab))
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains(words) }, "\(menu.text())")
        #expect(Self.form(menu)?.focus == field)
    }

    @Test func aFormThatComesLateOpensOverNothingElse() {
        var menu = Typing.menu()
        _ = menu.press(.character("E"))
        menu.press(.named(.down))
        _ = menu.handle(.settings(Self.overview(), .settings))
        _ = menu.handle(.settings(Self.overview(), .boot(Typing.image("debian"), keeps: true)))
        #expect(menu.overlay == nil)
    }

    @Test func noHomeStaysWhatTheFileSays() {
        var menu = Typing.menu()
        var overview = Self.overview(home: "")
        overview.below.home = "work"
        _ = menu.handle(.settings(overview, .settings))
        menu.press(.named(.tab))
        menu.type("3")
        var wanted = overview.own
        wanted.cpus = 3
        #expect(menu.press(.named(.enter)) == [.saveSettings(Self.debian, wanted, replacing: overview.own)])
        // A boot that takes the home of another file away says so in the user's own.
        menu = Typing.menu()
        overview.own.home = nil
        _ = menu.handle(.settings(overview, .boot(Typing.image("debian"), keeps: false)))
        menu.press(.named(.tab), .control("u"))
        wanted = overview.own
        wanted.home = ""
        #expect(
            menu.press(.named(.enter)) == [
                .boot(Typing.image("debian"), launch: 1, BootWishes(home: "")),
                .saveSettings(Self.debian, wanted, replacing: overview.own),
            ])
    }

    @Test func nothingChangedSavesNothing() {
        var menu = Self.settings()
        #expect(menu.press(.named(.enter)).isEmpty && menu.overlay == nil)
        menu = Self.settings()
        #expect(menu.press(.named(.escape)).isEmpty && menu.overlay == nil)
    }

    @Test func choicesAreGoneThroughAndNothingElseIsTaken() {
        var menu = Self.settings()
        for _ in 0..<5 { menu.press(.named(.up)) }
        #expect(Self.form(menu)?.focus == 6)
        menu.press(.named(.right))
        #expect(Self.form(menu)?.fields[6].text == "user")
        menu.press(.character(" "), .character("z"), .pasted("wan"))
        #expect(Self.form(menu)?.fields[6].text == "lan")
        menu.press(.character("n"))
        #expect(Self.form(menu)?.fields[6].text == "none")
        menu.press(.named(.right))
        #expect(Self.form(menu)?.fields[6].text == "")
        menu.press(.named(.left), .named(.backspace))
        #expect(Self.form(menu)?.fields[6].text == "")
    }

    @Test func aHomeIsChosenOrTyped() {
        var menu = Self.settings()
        for _ in 0..<3 { menu.press(.named(.tab)) }
        menu.press(.named(.right))
        #expect(Self.form(menu)?.fields[3].text == "me")
        menu.press(.named(.right))
        #expect(Self.form(menu)?.fields[3].text == "play")
        menu.type("2")
        #expect(Self.form(menu)?.fields[3].text == "play2")
    }

    @Test func machinesHaveTheSettingsOfTheirSystem() {
        var menu = MachineTests.menu(at: "build")
        #expect(
            menu.press(.character("E"))
                == [.loadSettings(SystemName(catalog: "example", distribution: "alpine"), .settings)])
    }

    // MARK: Keep, and boot with

    @Test func keepingTakesANameThatIsFree() {
        var menu = Self.boot(keeps: true)
        #expect(menu.text().contains { $0.contains("Keep debian 2026-11-16 as a machine") })
        #expect(
            menu.press(.named(.enter)) == [
                .boot(Typing.image("debian"), launch: 1, BootWishes(keep: "debian", home: ""))
            ])
        #expect(menu.text()[0].contains("debian: debian 2026-11-16"))
        _ = menu.handle(.machines([MachineItem(name: "debian", base: Typing.image("debian"))]))
        menu.press(.named(.escape))
        _ = menu.handle(.settings(Self.overview(), .boot(Typing.image("debian"), keeps: true)))
        #expect(Self.form(menu)?.fields[0].text == "debian-2")
        menu.press(.named(.backspace), .named(.backspace))
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("there is a machine debian already") })
    }

    @Test func aDiskAndAHomeGoWithTheBootAndTheHomeIsRemembered() {
        var menu = Self.boot(keeps: true)
        menu.press(.named(.tab))
        menu.type("20GiB")
        menu.press(.named(.tab))
        menu.type("new")
        var own = Self.overview().own
        own.home = "new"
        #expect(
            menu.press(.named(.enter)) == [
                .boot(
                    Typing.image("debian"), launch: 1, BootWishes(keep: "debian", diskSize: 20 << 30, home: "new")),
                .saveSettings(Self.debian, own, replacing: Self.overview().own),
            ])
    }

    @Test func aLineThatIsPaidByTheByteAsksBeforeABaseIsFetched() {
        var menu = Typing.menu()
        var overview = Self.overview()
        overview.isMetered = true
        _ = menu.handle(.settings(overview, .boot(Typing.image("debian"), keeps: true)))
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("paid by the byte") })
        var wishes = BootWishes(keep: "debian", home: "")
        wishes.fetchesBase = false
        var other = menu
        #expect(other.press(.named(.enter)) == [.boot(Typing.image("debian"), launch: 1, wishes)])
        wishes.fetchesBase = true
        #expect(menu.press(.named(.right), .named(.enter)) == [.boot(Typing.image("debian"), launch: 1, wishes)])
    }

    @Test func aMachineOfWhatIsNotVerifiedAsks() {
        var menu = Self.boot(keeps: true)
        menu.press(.named(.enter))
        _ = menu.handle(.launchAsksKeep(1, UnverifiedBoot(Typing.image("debian"), level: .whole, least: .whole)))
        var refusing = menu
        #expect(refusing.press(.named(.enter)).isEmpty && refusing.top.screen == .systems)
        var wishes = BootWishes(keep: "debian", home: "")
        wishes.keepsUnverified = true
        #expect(menu.press(.named(.right), .named(.enter)) == [.boot(Typing.image("debian"), launch: 2, wishes)])
    }

    @Test func theHomeOfASystemIsOfferedAndNotSavedAgain() {
        var menu = Self.boot(keeps: false, home: "me")
        #expect(Self.form(menu)?.fields.map(\.text) == ["", "me", ""])
        #expect(menu.press(.named(.enter)) == [.boot(Typing.image("debian"), launch: 1, BootWishes(home: "me"))])
    }

    @Test func aHomeThatIsTakenAwayIsForgottenForTheSystem() {
        var menu = Self.boot(keeps: false, home: "me")
        menu.press(.named(.tab), .control("u"))
        #expect(
            menu.press(.named(.enter)) == [
                .boot(Typing.image("debian"), launch: 1, BootWishes(home: "")),
                .saveSettings(Self.debian, Self.overview().own, replacing: Self.overview(home: "me").own),
            ])
        // That it was not remembered is said, and the boot goes on.
        _ = menu.handle(.settingsSaved(Self.debian, failure: "the disk is full"))
        #expect(menu.message?.text.contains("the disk is full") == true && menu.top.screen == .launch(1))
    }

    @Test func aSystemThatHasNotHadTheHomeAsksOnce() {
        var menu = Self.boot(keeps: false, home: "me")
        menu.press(.named(.enter))
        let question = HomeQuestion(
            home: "me", catalog: "example", distribution: "debian", version: "2026-11-16", isOthers: true,
            isUnverified: false)
        _ = menu.handle(.launchAsksHome(1, question))
        #expect(menu.top.screen == .systems)
        #expect(menu.text().contains { $0.contains("Give debian the home me?") })
        // The first answer is no.
        var refusing = menu
        #expect(refusing.press(.named(.enter)).isEmpty)
        var wishes = BootWishes(home: "me")
        wishes.allowsHome = question
        #expect(
            menu.press(.named(.right), .named(.enter)) == [.boot(Typing.image("debian"), launch: 2, wishes)])
    }

    @Test func withoutAKnownBuildNothingIsKept() {
        var menu = VendorScreens.first()
        VendorScreens.find("debian-13", &menu)
        #expect(menu.press(.character("K")).isEmpty)
        #expect(menu.message?.text.contains("not known yet") == true)
    }

    // MARK: What is opened

    @Test func aSystemsDisplayGoesOverTheOneForAllButNotOverTheCommandLine() {
        for (isAsked, expected) in [(false, true), (true, false)] {
            var menu = Typing.menu(facts: MachineFacts(isOpeningAsked: isAsked))
            menu.press(.named(.enter))
            _ = menu.handle(.launched(1, session: "abcd1234"))
            let effects = menu.handle(.launchUp(1, Typing.guest().status, opening: .console))
            #expect(effects.contains(.console(session: "abcd1234")) == expected)
        }
    }
}

import Boot
import BootMenu
import Curses
import Testing
import menu_sample

/// Kept machines in the menu: rows, starting, and what is done to them.
@Suite struct MachineTests {
    /// A menu whose user keeps three machines.
    static func menu(columns: Int = 80, rows: Int = 24, offer: MenuOffer = SampleOffer.few()) -> MenuState {
        var menu = Typing.menu(columns: columns, rows: rows, offer: offer)
        _ = menu.handle(.machines(SampleOffer.machines()))
        return menu
    }

    /// The same with a machine's row chosen.
    static func menu(at name: String, columns: Int = 80, rows: Int = 24) -> MenuState {
        var menu = menu(columns: columns, rows: rows)
        menu.press(.named(.home))
        while menu.chosenMachine?.name != name { menu.press(.named(.down)) }
        return menu
    }

    private static func guest(_ machine: String) -> Guest {
        var guest = Typing.guest()
        guest.status.machine = machine
        guest.status.home = "me"
        return guest
    }

    private static let base = Typing.image("debian")

    // MARK: Rows

    @Test func machinesStandAboveTheSystemsAndTheChosenRowStays() {
        let menu = Self.menu()
        #expect(menu.chosenImage == Typing.image("debian"))
        let rows = menu.text()
        let places = ["− Kept machines", "    build ", "    old ", "    work ", "│   alpine ", "▸ debian "].map {
            name in
            rows.firstIndex { $0.contains(name) }
        }
        #expect(!places.contains(nil) && places.compactMap(\.self) == places.compactMap(\.self).sorted(), "\(rows)")
        #expect(rows.contains { $0.contains("work") && $0.contains("62 % of its base here") })
        #expect(rows.contains { $0.contains("old") && $0.contains("warning: example no") })
        #expect(rows.contains { $0.contains("Kept machines") && $0.contains("3 machines, 1 with a warning") })
    }

    @Test func withoutMachinesThereIsNoHeading() {
        #expect(!Typing.menu().text().contains { $0.contains("Kept machines") })
    }

    @Test func theHeadingFoldsAndManyMachinesBeginFolded() {
        var menu = Self.menu(at: "old")
        menu.press(.named(.left))
        #expect(menu.chosenMachine == nil && !menu.text().contains { $0.contains("warning: ") })
        menu.press(.named(.enter), .named(.down), .named(.down))
        #expect(menu.chosenMachine?.name == "old")
        var many = Typing.menu(offer: SampleOffer.both())
        _ = many.handle(.machines((1...40).map { MachineItem(name: "m\($0)", base: Self.base) }))
        #expect(many.text().contains { $0.contains("40 machines") })
        #expect(!many.text().contains { $0.contains(" m1 ") })
        #expect(many.chosenImage == Typing.image("debian"))
    }

    @Test func aMachineIsFoundByItsNameAndItsSystem() {
        var menu = Self.menu()
        menu.press(.character("/"))
        menu.type("work")
        #expect(menu.chosenMachine?.name == "work", "\(menu.text())")
        menu.press(.named(.escape), .character("/"))
        menu.type("debian")
        #expect(menu.text().filter { $0.contains("debian") && $0.contains("│ ") }.count >= 3)
    }

    @Test func aMachineThatIsGoneLeavesTheChoiceWhereItWas() {
        var menu = Self.menu(at: "work")
        _ = menu.handle(.machines([]))
        #expect(menu.top.rows.count == 6 && menu.chosenMachine == nil)
    }

    // MARK: Starting

    @Test func enterStartsAMachineFromItsOwnBase() {
        var menu = Self.menu(at: "work")
        #expect(menu.press(.named(.enter)) == [.boot(Self.base, launch: 1, BootWishes(start: "work", home: "me"))])
        #expect(menu.text()[0].contains("work: debian 2026-11-16"))
        // A second time shows the start that there is.
        menu.press(.named(.escape))
        #expect(menu.chosenMachine?.name == "work")
        #expect(menu.press(.named(.enter)).isEmpty && menu.top.screen == .launch(1))
    }

    @Test func enterOnAMachineThatRunsShowsItsGuest() {
        var menu = Self.menu(at: "work")
        _ = menu.handle(.guests([Self.guest("work")]))
        #expect(menu.text().contains { $0.contains("work") && $0.contains("running 2 min") })
        menu.press(.named(.enter))
        #expect(menu.top.screen == .guest("abcd1234"))
        let text = menu.text()
        #expect(text[0].contains("work: debian"))
        #expect(text.contains { $0.contains("machine") && $0.contains("work") })
        #expect(text.contains { $0.contains("home") && $0.contains("me") })
    }

    @Test func runningGuestsSayWhoseMachineAndHomeTheyAre() {
        var menu = Self.menu()
        _ = menu.handle(.guests([Self.guest("work"), Typing.guest("alpine", id: "wxyz9876")]))
        menu.press(.named(.tab))
        let text = menu.text()
        #expect(text.contains { $0.contains("work: debian") && $0.contains("running") })
        #expect(text.contains { $0.contains("machine    work") } && text.contains { $0.contains("home       me") })
    }

    @Test func aMachineThatAnotherProgramHasSaysSo() {
        var menu = Typing.menu()
        var machine = MachineItem(name: "busy", base: Self.base)
        machine.isInUse = true
        _ = menu.handle(.machines([machine]))
        #expect(menu.text().contains { $0.contains("busy") && $0.contains("in use") })
    }

    @Test func aMachineThatCannotBeUsedSaysWhy() {
        var menu = Typing.menu()
        _ = menu.handle(.machines([MachineItem(name: "bad", base: nil, problem: "its record\u{1b}[2J was cut off")]))
        menu.press(.named(.home), .named(.down))
        #expect(menu.text().contains { $0.contains("cannot be used") })
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("its record·[2J was cut off") })
    }

    @Test func theQuestionAboutAnUnverifiedVersionKeepsWhatWasWished() {
        var menu = Self.menu(at: "work")
        menu.press(.named(.enter))
        let question = UnverifiedBoot(Self.base, level: .none, least: .whole)
        _ = menu.handle(.launchAsks(1, question))
        #expect(
            menu.press(.named(.right), .named(.enter))
                == [.boot(Self.base, launch: 2, allowing: question, BootWishes(start: "work", home: "me"))])
    }

    // MARK: Changes

    private static func screen() -> MenuState {
        var menu = menu(at: "work")
        menu.press(.named(.right))
        return menu
    }

    @Test func aMachinesScreenListsItsSnapshotsNewestFirst() {
        let menu = Self.screen()
        #expect(menu.top.screen == .machine("work"))
        #expect(menu.chosenSnapshot?.name == "before-upgrade")
        let text = menu.text()
        #expect(text.contains { $0.contains("based on   example/debian@2026-11-16") })
        #expect(text.contains { $0.contains("1.3 GB written here of 21 GB; 62 % of its base here") })
        #expect(text.contains { $0.contains("home       me") })
    }

    @Test(
        arguments: [
            (.character("s"), "2026-11-22", .snapshot("2026-11-22")), (.character("c"), "work-2", .clone("work-2")),
            (.character("w"), "work.qcow2", .export("work.qcow2")),
        ] as [(ScreenInput, String, MachineChange)])
    func aFormSuggestsWhatEnterTakes(_ key: ScreenInput, _ text: String, _ change: MachineChange) {
        var menu = Self.screen()
        #expect(menu.press(key).isEmpty)
        #expect(menu.text().contains { $0.contains(text) })
        #expect(menu.press(.named(.enter)) == [.change(machine: "work", change)])
        #expect(menu.overlay == nil)
    }

    @Test func renamingTakesTheScreenAlong() {
        var menu = Self.screen()
        menu.press(.character("n"), .control("u"))
        menu.type("play")
        #expect(menu.press(.named(.enter)) == [.change(machine: "work", .rename("play"))])
        #expect(menu.handle(.machineChanged("work", .rename("play"), failure: nil)) == [.loadMachines])
        #expect(menu.top.screen == .machine("play") && menu.chosenMachine?.name == "play")
    }

    @Test(arguments: [("old", "already"), ("", "enter a name"), ("a b", "letters"), ("../x", "letters")])
    func aNameThatCannotBeIsRefusedInTheForm(_ name: String, _ words: String) {
        var menu = Self.screen()
        menu.press(.character("n"), .control("u"))
        menu.type(name)
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains(words) }, "\(menu.text())")
    }

    @Test func growingTakesASize() {
        var menu = Self.screen()
        menu.press(.character("+"))
        menu.type("much")
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("must be a size") })
        menu.press(.control("u"))
        menu.type("40GiB")
        #expect(menu.press(.named(.enter)) == [.change(machine: "work", .grow(40 << 30))])
    }

    @Test func goingBackAsksAndCanKeepThePresent() {
        var menu = Self.screen()
        menu.press(.character("R"))
        // The first answer does nothing.
        #expect(menu.press(.named(.enter)).isEmpty)
        menu.press(.named(.down), .character("R"), .named(.right))
        #expect(
            menu.press(.named(.enter)) == [.change(machine: "work", .revert("fresh", keeping: "before-fresh"))])
    }

    @Test func forgettingAsks() {
        for keys in [[ScreenInput.character("d")], [.named(.right), .character("d")]] {
            var menu = Self.menu(at: "work")
            for key in keys { menu.press(key) }
            #expect(menu.text().contains { $0.contains("1.3 GB") && $0.contains("2 snapshots") }, "\(menu.text())")
            #expect(menu.press(.named(.enter)).isEmpty)
            menu.press(.character("d"), .named(.right))
            #expect(menu.press(.named(.enter)) == [.change(machine: "work", .forget)])
            #expect(menu.handle(.machineChanged("work", .forget, failure: nil)) == [.loadMachines])
            #expect(menu.top.screen == .systems && menu.machine("work") == nil)
        }
    }

    @Test func removingASnapshotAsks() {
        var menu = Self.screen()
        menu.press(.character("x"), .named(.right))
        #expect(menu.press(.named(.enter)) == [.change(machine: "work", .removeSnapshot("before-upgrade"))])
    }

    @Test func aMachineThatRunsOrIsBeingChangedIsLeftAlone() {
        var menu = Self.screen()
        _ = menu.handle(.guests([Self.guest("work")]))
        for key: ScreenInput in [.character("s"), .character("R"), .character("n"), .character("d"), .character("x")] {
            #expect(menu.press(key).isEmpty && menu.overlay == nil)
            #expect(menu.message?.text.contains("shut it down first") == true)
        }
        _ = menu.handle(.guests([]))
        menu.press(.character("w"), .named(.enter))
        #expect(menu.text()[0].contains("being exported"))
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.message?.text.contains("being exported") == true)
        #expect(menu.press(.character("s")).isEmpty && menu.overlay == nil)
    }

    @Test func whatFailsIsSaidInFull() {
        var menu = Self.screen()
        menu.press(.character("s"), .named(.enter))
        let reason =
            "work cannot be changed: " + String(repeating: "the disk is full, ", count: 6) + "so free some room"
        _ = menu.handle(.machineChanged("work", .snapshot("2026-11-22"), failure: reason))
        #expect(menu.text().contains { $0.contains("so free some room") }, "\(menu.text())")
        menu.press(.named(.enter))
        #expect(menu.overlay == nil && menu.changing.isEmpty)
    }
}

import BootMenu
import Curses
import Testing
import menu_sample

/// Running guests, dialogs and the ways out.
@Suite struct GuestKeyTests {
    private static func running() -> MenuState {
        var menu = Typing.menu()
        _ = menu.handle(.guests([Typing.guest(), Typing.guest("alpine", id: "wxyz9876")]))
        return menu
    }

    @Test func guestsAreReachedByKeys() {
        var menu = Self.running()
        #expect(menu.press(.named(.tab)) == [.loadGuests])
        #expect(menu.press(.character("c")) == [.console(session: "abcd1234")])
        #expect(menu.press(.named(.down), .character("s")) == [.order(.stop, session: "wxyz9876")])
        #expect(menu.press(.character("p")) == [.order(.pause, session: "wxyz9876")])
    }

    @Test func aPausedGuestGoesOnByTheSameKey() {
        var menu = Typing.menu()
        var guest = Typing.guest()
        guest.status.state = .paused
        _ = menu.handle(.guests([guest]))
        #expect(menu.press(.named(.tab), .character("p")).last == .order(.resume, session: "abcd1234"))
    }

    @Test(arguments: [ScreenInput.named(.escape), .named(.enter), .character("q"), .character("y"), .pasted("y\n")])
    func forcingIsNotDoneByAccident(_ key: ScreenInput) {
        var menu = Self.running()
        menu.press(.named(.tab), .character("x"))
        #expect(menu.press(key).isEmpty)
    }

    @Test func forcingTakesAChoice() {
        var menu = Self.running()
        menu.press(.named(.tab), .character("x"), .named(.right))
        #expect(menu.press(.named(.enter)) == [.order(.force, session: "abcd1234")])
    }

    @Test func everyDialogThatDestroysStartsAtCancelAndEscapeNeverActs() {
        for keys: [ScreenInput] in [
            [.named(.tab), .character("x")], [.character("d")], [.named(.right), .character("d")],
            [.named(.end), .character("d")],
        ] {
            var menu = Self.running()
            for key in keys { menu.press(key) }
            guard case .dialog(let dialog)? = menu.overlay else {
                Issue.record("\(keys) asks nothing")
                continue
            }
            #expect(dialog.buttons[dialog.selected].action == .close)
            #expect(menu.press(.named(.escape)).isEmpty)
            #expect(menu.overlay == nil)
        }
    }

    @Test func withoutADisplayNoWindowIsOffered() {
        var menu = Self.running()
        menu.press(.named(.tab))
        #expect(menu.press(.character("w")).isEmpty)
        #expect(menu.message?.text.contains("no display") == true)
        menu.facts.hasDisplay = true
        #expect(menu.press(.character("w")) == [.window(session: "abcd1234")])
        #expect(menu.isOffered(.window))
        var blind = Typing.guest()
        blind.status.screen = nil
        _ = menu.handle(.guests([blind]))
        #expect(!menu.isOffered(.window) && menu.press(.character("w")).isEmpty)
        #expect(menu.message?.text.contains("without a screen") == true)
    }

    @Test func leavingWithGuestsSaysThatTheyGoOn() {
        var menu = Self.running()
        #expect(menu.press(.character("q")).isEmpty)
        #expect(menu.text().contains { $0.contains("2 guests keep running") })
        #expect(menu.press(.named(.escape)).isEmpty)
        #expect(menu.press(.character("q"), .named(.enter)) == [.quit])
    }

    @Test func leavingWithNothingRunningAsksNothing() {
        var menu = Typing.menu()
        #expect(menu.press(.character("q")) == [.quit])
        menu = Typing.menu()
        #expect(menu.press(.function(10)) == [.quit])
        menu = Typing.menu()
        #expect(menu.press(.character("?"), .control("c")) == [.quit])
    }

    @Test func theShellIsOffWhereThereIsNone() {
        var menu = Typing.menu(facts: MachineFacts(mayShowShell: false))
        #expect(menu.press(.control("z")).isEmpty)
        menu.press(.character("?"))
        #expect(!menu.text().joined().contains("Ctrl-Z"))
        menu = Typing.menu()
        #expect(menu.press(.control("z")) == [.suspend])
    }

    @Test(arguments: [
        (LoginFacts(parent: "login", parentID: 300, isSessionLeader: false), true),
        (LoginFacts(parent: "systemd", parentID: 1, isSessionLeader: true), true),
        (LoginFacts(parent: "agetty", parentID: 40, isSessionLeader: false), true),
        (LoginFacts(parent: "sshd", parentID: 40, isSessionLeader: true), true),
        (LoginFacts(parent: "bash", parentID: 400, isSessionLeader: true), true),
        (LoginFacts(parent: "bash", parentID: 400, isSessionLeader: false), false),
        (LoginFacts(parent: "make", parentID: 400, isSessionLeader: false), false),
    ])
    func aLoginsFirstProcessIsKnown(_ facts: LoginFacts, _ isFirst: Bool) {
        #expect(facts.isLoginsFirst == isFirst)
    }

    @Test func everyFunctionKeyHasALetterTwin() {
        for binding in KeyBinding.all {
            let functions = binding.keys.filter { if case .function = $0 { true } else { false } }
            let letters = binding.keys.filter { if case .character = $0 { true } else { false } }
            #expect(functions.isEmpty || !letters.isEmpty, "\(binding.help)")
        }
    }

    @Test func noKeyMeansTwoThingsOnOneScreen() {
        for kind in MenuScreen.Kind.allCases {
            let keys = KeyBinding.all.filter { $0.screens.contains(kind) }.flatMap(\.keys)
            #expect(Set(keys).count == keys.count, "\(kind): \(keys)")
        }
    }

    @Test func theHelpNamesEveryKeyOfTheScreenItWasAskedOn() {
        for (keys, kind) in [
            ([ScreenInput](), MenuScreen.Kind.systems), ([.named(.right)], .versions), ([.named(.tab)], .guests),
        ] {
            var menu = Typing.menu(columns: 120, rows: 70)
            for key in keys { menu.press(key) }
            menu.press(.character("?"))
            let text = menu.text().joined(separator: "\n")
            for binding in KeyBinding.all where binding.screens.contains(kind) {
                #expect(text.contains(binding.help), "\(kind) has no \(binding.help)")
            }
        }
    }
}

import BootMenu
import Curses
import GuestDomain
import Testing

@testable import Boot

/// `y` on a guest: the clipboard, which is off for every system until it is switched on for that one.
@Suite struct ClipboardKeyTests {
    private static func menu(
        _ screen: GuestScreen.Kind = .spice, isShared: Bool = false, columns: Int = 80
    ) -> MenuState {
        var menu = Typing.menu(columns: columns)
        var guest = Typing.guest()
        guest.status.screen = screen
        guest.status.sharesClipboard = isShared ? true : nil
        _ = menu.handle(.guests([guest]))
        menu.press(.named(.tab))
        return menu
    }

    private static func overview(
        _ own: SystemSettings.Clipboard? = nil, below: SystemSettings.Clipboard? = nil
    ) -> SettingsOverview {
        var (mine, others) = (SystemSettings(), SystemSettings())
        mine.memoryMiB = 2048
        mine.clipboard = own
        others.clipboard = below
        return SettingsOverview(
            system: SettingsFormTests.debian, own: mine, below: others, belowFile: "/etc/oscircular/config.toml",
            general: SystemSettings(), homes: [])
    }

    private static let wanted = MenuEffect.loadSettings(SettingsFormTests.debian, .clipboard(session: "abcd1234"))

    /// Presses `y`, gives the answer, and chooses the button that is chosen after these keys.
    private static func answer(
        _ menu: inout MenuState, _ overview: SettingsOverview, _ keys: ScreenInput...
    ) -> [MenuEffect] {
        #expect(menu.press(.character("y")) == [wanted])
        _ = menu.handle(.settings(overview, .clipboard(session: "abcd1234")))
        for key in keys { menu.press(key) }
        return menu.press(.named(.enter))
    }

    @Test func itIsSwitchedOnForTheSystemByAChoice() throws {
        var menu = Self.menu()
        var on = Self.overview().own
        on.clipboard = .on
        let effects = Self.answer(&menu, Self.overview(), .named(.right))
        #expect(effects == [.saveSettings(SettingsFormTests.debian, on, replacing: Self.overview().own)])
    }

    @Test func enterAloneChangesNothing() {
        var menu = Self.menu()
        #expect(Self.answer(&menu, Self.overview()).isEmpty)
        #expect(menu.overlay == nil)
    }

    @Test func whatItMeansIsSaidFirst() {
        for (isShared, words) in [(false, "This guest stays without it"), (true, "This guest has the clipboard now")] {
            var menu = Self.menu(isShared: isShared)
            menu.press(.character("y"))
            _ = menu.handle(.settings(Self.overview(), .clipboard(session: "abcd1234")))
            let text = menu.text().joined(separator: " ").split(separator: " ").joined(separator: " ")
            #expect(text.contains("passwords too"), "\(text)")
            guard case .dialog(let dialog)? = menu.overlay else {
                Issue.record("nothing is asked")
                return
            }
            #expect(dialog.text.contains(words) && dialog.buttons[dialog.selected].action == .close)
        }
    }

    @Test func itIsSwitchedOffByTheSameKey() {
        var menu = Self.menu(isShared: true)
        var off = Self.overview(.on).own
        off.clipboard = nil
        #expect(
            Self.answer(&menu, Self.overview(.on))
                == [.saveSettings(SettingsFormTests.debian, off, replacing: Self.overview(.on).own)])
        // What another file switches on is switched off in words.
        menu = Self.menu()
        off.clipboard = .off
        #expect(
            Self.answer(&menu, Self.overview(below: .on))
                == [.saveSettings(SettingsFormTests.debian, off, replacing: Self.overview(below: .on).own)])
    }

    @Test func withoutSPICEThereIsNone() {
        var menu = Self.menu(.vnc)
        #expect(menu.press(.character("y")).isEmpty)
        #expect(menu.message?.text.contains("no screen with a clipboard") == true)
        #expect(!menu.text().joined().contains("clipboard  "))
    }

    @Test func anAnswerThatComesTooLateAsksNothing() {
        var menu = Self.menu()
        menu.press(.character("y"), .named(.escape))
        _ = menu.handle(.settings(Self.overview(), .clipboard(session: "abcd1234")))
        #expect(menu.overlay == nil)
    }

    @Test func aGuestThatHasItSaysSo() {
        for isShared in [true, false] {
            var menu = Self.menu(isShared: isShared)
            #expect(menu.text().contains { $0.contains("shared with this desktop") } == isShared)
            menu.press(.named(.enter))
            #expect(menu.text().contains { $0.contains("shared with this desktop") } == isShared)
        }
    }
}

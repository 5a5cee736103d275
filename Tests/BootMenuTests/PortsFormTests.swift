import BootMenu
import Curses
import Testing
import menu_sample

@testable import Boot

/// A running guest's published ports in the menu.
@Suite struct PortsFormTests {
    private static func menu(_ ports: [String] = []) -> MenuState {
        var menu = Typing.menu()
        var guest = Typing.guest()
        let shown = ports.compactMap(SessionStatus.Port.init(argument:))
        guest = {
            var status = guest.status
            status.ports = shown.isEmpty ? nil : shown
            return Guest(status)
        }()
        _ = menu.handle(.guests([guest]))
        menu.press(.named(.tab))
        return menu
    }

    @Test func theyAreShownWithTheGuest() {
        var menu = Self.menu(["8080:80", "0.0.0.0:53:5353/udp"])
        #expect(menu.text().contains { $0.contains("127.0.0.1:8080 to 80, 0.0.0.0:53 to 5353 (udp)") })
        menu.press(.named(.enter))
        #expect(menu.text().contains { $0.contains("ports") && $0.contains("127.0.0.1:8080 to 80") })
    }

    @Test func whatIsNewIsPublishedAndWhatIsGoneTakenBack() {
        var menu = Self.menu(["8080:80", "2222:22"])
        menu.press(.character("f"))
        #expect(menu.text().contains { $0.contains("Published ports of debian") })
        #expect(menu.text().contains { $0.contains("8080:80 2222:22") })
        menu.press(.control("u"))
        menu.type("8080:80, 9000:90/udp")
        #expect(
            menu.press(.named(.enter))
                == [.changePorts(session: "abcd1234", adding: ["9000:90/udp"], removing: ["2222:22"])])
        #expect(menu.overlay == nil)
    }

    @Test func whatIsNoPortStaysInTheForm() {
        var menu = Self.menu()
        menu.press(.character("f"))
        menu.type("80")
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("write it as [ADDRESS:]PORT:GUESTPORT") })
        menu.press(.control("u"))
        #expect(menu.press(.named(.enter)).isEmpty, "nothing is to be changed")
        #expect(menu.overlay == nil)
    }
}

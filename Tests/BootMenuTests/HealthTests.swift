import BootMenu
import Catalog
import Curses
import Testing
import menu_sample

@testable import Boot

/// What the menu says of a version that did not come up here, and what it boots in its place.
@Suite struct HealthTests {
    /// The sample's offer, whose newest debian did not come up, and the one before did.
    static func offer() throws -> MenuOffer {
        var offer = SampleOffer.few()
        let place = try #require(offer.systems.firstIndex { $0.name.distribution == "debian" })
        offer.systems[place].versions[0].unhealthy = HealthRecord.Unhealthy(
            version: "2026-11-16", time: try #require(Timestamp("2026-11-17T08:00:00Z")), why: .late, seconds: 200)
        offer.systems[place].versions[1].lastHealthy = 1_794_000_000
        return offer
    }

    private static func menu(columns: Int = 80, rows: Int = 24) throws -> MenuState {
        Typing.menu(columns: columns, rows: rows, offer: try offer())
    }

    @Test func enterOnTheSystemBootsTheLastThatCameUp() throws {
        var menu = try Self.menu()
        #expect(menu.chosenImage == Typing.image("debian", "2026-11-09"))
        #expect(
            menu.press(.named(.enter)).contains {
                if case .boot(let image, _, _, _) = $0 { image == Typing.image("debian", "2026-11-09") } else { false }
            })
    }

    @Test func itsRowsSayWhy() throws {
        var menu = try Self.menu()
        let strip = menu.text().filter { $0.contains("2026-11-16 did not reach its login on 2026-11-17: passed over") }
        #expect(strip.count == 1, "\(menu.text().joined(separator: "\n"))")
        menu.press(.named(.right))
        // The chosen row is not the bad one.
        #expect(menu.chosenImage == Typing.image("debian", "2026-11-09"))
        #expect(menu.text().contains { $0.contains("2026-11-16") && $0.contains("did not come up") })
        menu.press(.named(.up))
        #expect(menu.text().contains { $0.contains("here on 2026-11-17; Enter tries it again") })
        // Whoever wants it gets it.
        #expect(
            menu.press(.named(.enter)).contains {
                if case .boot(let image, _, _, _) = $0 { image == Typing.image("debian") } else { false }
            })
    }

    @Test(arguments: [(40, 10), (24, 5), (100, 30), (200, 50)])
    func smallAndLargeScreensShowIt(columns: Int, rows: Int) throws {
        var menu = try Self.menu(columns: columns, rows: rows)
        menu.press(.named(.right))
        for line in menu.text() { #expect(line.count <= columns) }
        #expect(menu.chosenImage == Typing.image("debian", "2026-11-09"))
    }

    @Test func aNewerVersionIsChosenAgain() throws {
        var offer = try Self.offer()
        let place = try #require(offer.systems.firstIndex { $0.name.distribution == "debian" })
        // As if the bad one were not the newest.
        let bad = offer.systems[place].versions[0].unhealthy
        offer.systems[place].versions[0].unhealthy = nil
        offer.systems[place].versions[1].unhealthy = bad
        #expect(Typing.menu(offer: offer).chosenImage == Typing.image("debian"))
    }

    @Test func aSystemWithoutALoginOnItsConsoleSaysThatItIsNotJudged() throws {
        var offer = SampleOffer.few()
        let place = try #require(offer.systems.firstIndex { $0.name.distribution == "debian" })
        offer.systems[place].isUnjudged = true
        var menu = Typing.menu(offer: offer)
        menu.press(.character("i"))
        #expect(menu.text().contains { $0.contains("judged") && $0.contains("no login was seen on its serial") })
    }

    @Test func theUserIsToldAndTheGuestInItsPlaceSaysSo() throws {
        var menu = try Self.menu()
        _ = menu.handle(.guests([Typing.guest()]))
        let rollback = Rollback(
            session: "abcd1234", distribution: "debian", version: "2026-11-16",
            reason: "did not reach its login within 200 seconds", log: "/var/lib/oscircular/logs/unhealthy.log",
            successor: "wxyz9876", instead: "2026-11-09", home: "work", backup: nil)
        var next = Typing.guest("debian", "2026-11-09", id: "wxyz9876")
        next.status.rolledBackFrom = rollback
        let effects = menu.handle(.guests([next]))
        #expect(effects.contains(.explainEnd(session: "abcd1234", Typing.image("debian"))))
        _ = menu.handle(.explained(Typing.image("debian"), GuestEnd(reason: rollback.text, isRolledBack: true)))
        #expect(menu.text().contains { $0.contains("debian 2026-11-16 did not come up") })
        menu.press(.named(.escape), .named(.tab), .named(.enter))
        #expect(menu.text().contains { $0.contains("instead") && $0.contains("of 2026-11-16, which did not reach") })
    }
}

import Boot
import BootMenu
import Catalog
import Curses
import Testing
import menu_sample

/// Whoever runs a version that its publisher took back is told.
@Suite struct WithdrawnTests {
    @Test func aGuestOfAWithdrawnVersionSaysSo() throws {
        var offer = SampleOffer.few()
        let place = try #require(offer.systems.firstIndex { $0.name.distribution == "debian" })
        let version = WithdrawnVersion(
            id: try #require(VersionID("2026-11-16")), when: try #require(Timestamp("2026-11-20T00:00:00Z")),
            why: "no\u{1b}[31m ssh")
        offer.systems[place].withdrawn = [WithdrawnSummary(version: version)]
        var state = Typing.menu(offer: offer)
        _ = state.handle(.guests([Typing.guest(), Typing.guest("alpine", id: "wxyz9876")]))
        state.press(.named(.tab))
        func lines(_ state: MenuState) -> [String] { state.text().filter { $0.contains("withdrawn on 2026-11-20") } }
        #expect(lines(state).count == 1, "\(state.text())")
        #expect(!lines(state).joined().contains("\u{1b}"))
        state.press(.named(.enter))
        #expect(lines(state).count == 1, "\(state.text())")
        // The other one was not.
        state.press(.named(.escape), .named(.down))
        #expect(lines(state).isEmpty, "\(state.text())")
    }
}

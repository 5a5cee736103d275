import Boot
import BootMenu
import Catalog
import Curses
import Testing
import menu_sample

/// Warm starts in the menu: what rows say, `c` for a start without one, and `w` for what the next ones need.
@Suite struct WarmKeyTests {
    private static let debian = Typing.image("debian")

    /// A menu on the chosen system's row.
    private static func menu(
        isWarm: Bool = true, canPark: Bool = true, isWhole: Bool = true, columns: Int = 80
    ) -> MenuState {
        var offer = SampleOffer.few(warm: isWarm ? ["debian"] : [])
        for (place, system) in offer.systems.enumerated() where system.distribution.id == "debian" {
            var (distribution, versions) = (system.distribution, system.versions)
            distribution.guest.seed = canPark ? .nocloud : nil
            if isWhole { versions[0].offline = .whole }
            offer.systems[place] = SystemSummary(
                source: system.source, distribution: distribution, versions: versions)
        }
        return Typing.menu(columns: columns, offer: offer)
    }

    private static func row(_ menu: MenuState) -> String { menu.text().first { $0.contains("▸ debian") } ?? "" }

    // MARK: Rows

    @Test func aRowSaysThatItStartsInASecond() {
        #expect(Self.row(Self.menu()).contains("starts in a second"))
        #expect(Self.row(Self.menu(isWarm: false)).contains("fully cached"))
        var menu = Self.menu()
        #expect(menu.text().contains { $0.contains("in a second, from a guest made ahead; c boots it cold") })
        menu.press(.named(.right))
        #expect(menu.text().contains { $0.contains("2026-11-16") && $0.contains("starts in a second") })
        // Only that version.
        #expect(menu.text().filter { $0.contains("starts in a second") }.count == 1)
    }

    @Test func aGuestThatRunsOrAFetchIsSaidFirst() {
        var menu = Self.menu()
        _ = menu.handle(.guests([Typing.guest()]))
        #expect(Self.row(menu).contains("running 2 min"))
    }

    @Test func aGuestSaysHowItStarted() {
        var menu = Self.menu(columns: 100)
        var guest = Typing.guest()
        (guest.status.start, guest.status.startSeconds) = (.warm, 1.2)
        _ = menu.handle(.guests([guest]))
        menu.press(.named(.tab), .named(.enter))
        #expect(menu.text().contains { $0.contains("running 2 min, started warm in 1.2 s") })
    }

    // MARK: Without a warm start

    @Test func theKeyForAColdBootIsOfferedWhereTheRowStartsWarm() {
        #expect(Self.menu(columns: 200).text().last?.contains("c boot cold") == true)
        #expect(Self.menu(isWarm: false, columns: 200).text().last?.contains("boot cold") == false)
    }

    @Test func cBootsWithoutTheWarmStateAndEnterWithIt() {
        var menu = Self.menu()
        var cold = BootWishes()
        cold.bootsCold = true
        #expect(menu.press(.character("c")) == [.boot(Self.debian, launch: 1, cold)])
        var usual = Self.menu()
        #expect(usual.press(.named(.enter)) == [.boot(Self.debian, launch: 1)])
    }

    @Test func cOnAVersionIsForThatVersion() {
        var menu = Self.menu()
        menu.press(.named(.right), .named(.down))
        var cold = BootWishes()
        cold.bootsCold = true
        #expect(menu.press(.character("c")) == [.boot(Typing.image("debian", "2026-11-09"), launch: 1, cold)])
    }

    @Test func aSecondGuestIsAskedAboutAndBootsColdAsWell() {
        var menu = Self.menu()
        _ = menu.handle(.guests([Typing.guest()]))
        #expect(menu.press(.character("c")).isEmpty)
        var cold = BootWishes()
        cold.bootsCold = true
        #expect(menu.press(.named(.right), .named(.enter)) == [.boot(Self.debian, launch: 1, cold)])
    }

    @Test func onAGuestTheKeyIsItsConsoleAsEver() {
        var menu = Self.menu()
        _ = menu.handle(.guests([Typing.guest()]))
        menu.press(.named(.tab))
        #expect(menu.press(.character("c")) == [.console(session: "abcd1234")])
    }

    // MARK: Making

    @Test func wPreparesWhatIsHere() {
        var menu = Self.menu(isWarm: false)
        #expect(Self.menu(isWarm: false, columns: 200).text().last?.contains("w make warm") == true)
        #expect(menu.press(.character("w")) == [.makeWarm(Self.debian, number: 1)])
        #expect(Self.row(menu).contains("being prepared"))
        _ = menu.handle(.fetched(1, done: 21_000_000, total: 84_000_000, rate: 0))
        #expect(Self.row(menu).contains("fetching, 25 %"))
        _ = menu.handle(.warming(1, .booting))
        #expect(Self.row(menu).contains("booting it once"))
        _ = menu.handle(.warming(1, .saving))
        #expect(Self.row(menu).contains("saving its memory"))
        // The row is read anew.
        #expect(menu.handle(.fetchEnded(1, .done)) == [.loadOffer(isAsked: false)])
        #expect(menu.text().contains { $0.contains("debian 2026-11-16 starts in a second from now on") })
        #expect(menu.fetches.isEmpty)
    }

    @Test func wAsksBeforeItFetchesAWholeImage() {
        var menu = Self.menu(isWarm: false, isWhole: false)
        #expect(menu.press(.character("w")).isEmpty)
        #expect(menu.text().contains { $0.contains("Let debian 2026-11-16 start in a second?") })
        #expect(menu.text().contains { $0.contains("up to 888 MB more") })
        #expect(menu.press(.named(.enter)) == [.makeWarm(Self.debian, number: 1)])
        var other = Self.menu(isWarm: false, isWhole: false)
        other.press(.character("w"))
        #expect(other.press(.named(.escape)).isEmpty && other.fetches.isEmpty)
    }

    @Test func wTwiceOffersToStop() {
        var menu = Self.menu(isWarm: false)
        menu.press(.character("w"))
        _ = menu.handle(.warming(1, .booting))
        #expect(menu.press(.character("w")).isEmpty)
        #expect(menu.text().contains { $0.contains("debian 2026-11-16 is being prepared") })
        #expect(menu.press(.named(.right), .named(.enter)) == [.stopFetch(1)])
        _ = menu.handle(.fetchEnded(1, .stopped))
        #expect(menu.text().contains { $0.contains("stopped preparing debian 2026-11-16") })
    }

    @Test func whatCannotSleepOrIsWarmIsSaidAndNothingIsMade() {
        var deaf = Self.menu(isWarm: false, canPark: false)
        #expect(deaf.press(.character("w")).isEmpty)
        #expect(deaf.text().contains { $0.contains("does not know how to sleep and wake") })
        #expect(Self.menu(isWarm: false, canPark: false, columns: 200).text().last?.contains("make warm") == false)
        var warm = Self.menu()
        #expect(warm.press(.character("w")).isEmpty)
        #expect(warm.text().contains { $0.contains("starts in a second already") })
        #expect(Self.menu(columns: 200).text().last?.contains("make warm") == false)
    }

    @Test func whatNobodyHasSignedIsNeverMadeWarm() {
        var offer = SampleOffer.few(warm: ["alpine"])
        for place in offer.systems.indices { offer.systems[place].versions[0].trust = TrustLevel.none }
        var menu = Typing.menu(offer: offer)
        #expect(menu.press(.character("w")).isEmpty)
        #expect(menu.text().contains { $0.contains("debian 2026-11-16 cannot be verified, so it always boots") })
    }

    @Test func whyItCouldNotBeMadeIsSaid() {
        var menu = Self.menu(isWarm: false)
        menu.press(.character("w"))
        _ = menu.handle(.fetchEnded(1, .failed("the disk is full")))
        #expect(menu.text().contains { $0.contains("debian 2026-11-16 could not be prepared: the disk is full") })
        #expect(menu.log.last?.isFailure == true)
    }

    @Test func leavingTheMenuSaysWhatEndsWithIt() {
        var menu = Self.menu(isWarm: false)
        menu.press(.character("w"), .character("q"))
        #expect(menu.text().contains { $0.contains("1 version will not be prepared for a warm start") })
    }
}

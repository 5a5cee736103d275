import Boot
import BootMenu
import Curses
import Testing
import menu_sample

/// What happens outside, and what the menu makes of it.
@Suite struct EventTests {
    @Test func aStartIsFollowedToItsEnd() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        #expect(menu.text().first?.contains("booting") == true)
        #expect(menu.watched == nil)
        var guest = Typing.guest()
        (guest.status.phase, guest.status.state) = (.mount, .starting)
        _ = menu.handle(.guests([guest]))
        #expect(menu.watched?.session == "abcd1234")
        #expect(menu.text().contains { $0.contains("▸ mount") })
        #expect(menu.handle(.launchUp(1, Typing.guest().status)) == [.loadGuests, .loadOffer(isAsked: false)])
        #expect(menu.text().first?.contains("running 2 min") == true)
    }

    @Test func whatAGuestDoesNotGetIsSaidWhenItRuns() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        var status = Typing.guest().status
        status.lowered = "the guest gets 2 of 255 processors"
        _ = menu.handle(.launchUp(1, status))
        #expect(menu.message?.text == "the guest gets 2 of 255 processors")
        #expect(menu.message?.isFailure == false)
    }

    @Test func aStartIsFollowedThoughNoSurveyHasSeenItYet() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        var status = Typing.guest().status
        for (phase, row) in [(SessionStatus.Phase.index, "▸ index"), (.mount, "▸ mount"), (.guest, "▸ guest")] {
            (status.phase, status.state) = (phase, .starting)
            _ = menu.handle(.launchStatus(1, status))
            #expect(menu.text().contains { $0.contains(row) })
        }
        #expect(menu.watched?.session == "abcd1234")
        #expect(menu.press(.character("s")) == [.order(.stop, session: "abcd1234")])
        _ = menu.handle(.launchUp(1, Typing.guest().status))
        // One that comes late changes nothing.
        _ = menu.handle(.launchStatus(1, status))
        #expect(menu.text().first?.contains("running 2 min") == true)
        var paused = Typing.guest()
        paused.status.state = .paused
        _ = menu.handle(.guests([paused]))
        #expect(menu.text().first?.contains("paused") == true)
    }

    @Test func aGuestIsThereAsSoonAsItRunsThoughAnotherDoesNotAnswer() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        let silent = Guest(Typing.guest("alpine", id: "wxyz9876").status, isSilent: true)
        _ = menu.handle(.guests([silent]))
        _ = menu.handle(.launchUp(1, Typing.guest().status))
        #expect(menu.guests.map(\.id) == ["abcd1234", "wxyz9876"])
        #expect(menu.text().first?.contains("running 2 min") == true)
        #expect(menu.press(.character("c")) == [.console(session: "abcd1234")])
        menu.press(.named(.escape))
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("debian 2026-11-16 is already running") })
        menu.press(.named(.escape))
        #expect(menu.press(.character("q")).isEmpty)
        #expect(menu.text().contains { $0.contains("2 guests keep running") })
    }

    @Test func theChosenGuestStaysChosenWhenAnotherComesUp() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        _ = menu.handle(.guests([Typing.guest("alpine", id: "wxyz9876")]))
        menu.press(.named(.escape), .named(.tab))
        _ = menu.handle(.launchUp(1, Typing.guest().status))
        #expect(menu.chosenGuest?.id == "wxyz9876")
        #expect(menu.top.position.selected == 1)
    }

    @Test(arguments: [
        (MachineFacts.Opening.window, MenuEffect.window(session: "abcd1234")),
        (.console, .console(session: "abcd1234")),
    ]) func aGuestIsShownAsSoonAsItRunsWhereTheUserWantsThat(_ opening: MachineFacts.Opening, _ effect: MenuEffect) {
        var menu = Typing.menu()
        menu.facts.opening = opening
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        #expect(
            menu.handle(.launchUp(1, Typing.guest().status)) == [.loadGuests, .loadOffer(isAsked: false), effect])
        // Whoever has turned to something else meanwhile is not interrupted.
        var busy = Typing.menu()
        busy.facts.opening = opening
        busy.press(.named(.enter))
        _ = busy.handle(.launched(1, session: "abcd1234"))
        busy.press(.character("?"))
        #expect(busy.handle(.launchUp(1, Typing.guest().status)) == [.loadGuests, .loadOffer(isAsked: false)])
    }

    @Test func aGuestThatEndsTakesItsScreenAlong() {
        var menu = Typing.menu()
        _ = menu.handle(.guests([Typing.guest()]))
        menu.press(.named(.tab), .named(.enter))
        #expect(menu.top.screen == .guest("abcd1234"))
        #expect(
            menu.handle(.guests([])) == [
                .loadOffer(isAsked: false), .explainEnd(session: "abcd1234", Typing.image("debian")),
            ])
        #expect(menu.top.screen == .guests)
        #expect(menu.message?.text == "debian 2026-11-16 has ended")
    }

    @Test func aFailedStartSaysWhyOnItsScreenAndInTheLog() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        let reason = "no QEMU: " + String(repeating: "install it ", count: 30)
        _ = menu.handle(.launchFailed(1, reason, nil))
        #expect(menu.text().contains { $0.contains("no QEMU") })
        menu.press(.character("L"))
        // Whole, though it needs several lines.
        #expect(menu.text().joined(separator: " ").components(of: "install it") == 30)
        #expect(menu.guests.isEmpty)
    }

    @Test func aFailedStartShowsHowFarItWas() {
        for knows in [true, false] {
            var menu = Typing.menu()
            menu.press(.named(.enter))
            _ = menu.handle(.launched(1, session: "abcd1234"))
            var guest = Typing.guest()
            guest.status.phase = .index
            _ = menu.handle(.guests([guest]))
            guest.status.phase = .guest
            // Its own last status where there is one, else what was heard before.
            _ = menu.handle(.launchFailed(1, "no QEMU", knows ? guest.status : nil))
            _ = menu.handle(.guests([]))
            #expect(menu.text().contains { $0.contains(knows ? "✗ guest" : "✗ index") }, "\(menu.text())")
            #expect(menu.guests.isEmpty)
            #expect(menu.press(.character("s")).isEmpty)
            #expect(menu.text().last?.contains("stop") == false)
        }
    }

    @Test func aVersionThatStartsIsNotBootedTwiceThoughItsSessionDoesNotAnswerYet() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        menu.press(.named(.escape))
        #expect(menu.press(.named(.enter)).isEmpty)
        // The first button shows the one that starts.
        menu.press(.named(.enter))
        #expect(menu.top.screen == .launch(1))
    }

    @Test func aGuestThatEndedBeforeASurveyFoundItIsReported() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        _ = menu.handle(.launchUp(1, Typing.guest().status))
        #expect(
            menu.handle(.guests([])) == [
                .loadOffer(isAsked: false), .explainEnd(session: "abcd1234", Typing.image("debian")),
            ])
        #expect(menu.message?.text == "debian 2026-11-16 has ended")
        #expect(menu.top.screen == .systems)
    }

    @Test func aGuestThatSaidNothingAndEndedIsNotShownAsBooting() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        _ = menu.handle(.launchUp(1, nil))
        _ = menu.handle(.guests([]))
        #expect(menu.text().contains { $0.contains("This guest has ended") })
        #expect(!menu.text().contains { $0.contains("booting") })
    }

    @Test func aSessionWhoseStartFailedIsNotAmongTheGuestsWhileItCleansUp() {
        var menu = Typing.menu()
        menu.press(.named(.enter))
        _ = menu.handle(.launched(1, session: "abcd1234"))
        var guest = Typing.guest()
        (guest.status.phase, guest.status.state) = (.mount, .starting)
        _ = menu.handle(.guests([guest]))
        _ = menu.handle(.launchFailed(1, "no QEMU", guest.status))
        // A survey that was under way, or one before its process is gone.
        _ = menu.handle(.guests([guest, Typing.guest("alpine", id: "wxyz9876")]))
        #expect(menu.guests.map(\.id) == ["wxyz9876"])
        menu.press(.named(.escape))
        #expect(menu.press(.named(.enter)) == [.boot(Typing.image("debian"), launch: 2)])
    }

    @Test func aFetchShowsItsProgressAndItsEnd() {
        var menu = Typing.menu()
        menu.press(.character("o"))
        #expect(menu.press(.named(.enter)) == [.fetch(Typing.image("debian"), .bootSet, number: 1)])
        _ = menu.handle(.fetched(1, done: 21_000_000, total: 84_000_000, rate: 9_100_000))
        menu.press(.named(.down), .named(.up))
        #expect(menu.text().contains { $0.contains("fetching, 25 %") })
        #expect(menu.text().contains { $0.contains("21 MB of 84 MB 9.1 MB/s about 7 s") })
        #expect(menu.handle(.fetchEnded(1, .done)) == [.loadOffer(isAsked: false)])
        #expect(menu.message?.text == "the boot set of debian 2026-11-16 is cached")
    }

    @Test func aFetchCanBeStopped() {
        var menu = Typing.menu()
        menu.press(.character("o"), .named(.right))
        #expect(menu.press(.named(.enter)) == [.fetch(Typing.image("debian"), .whole, number: 1)])
        menu.press(.character("o"))
        #expect(menu.press(.named(.enter)).isEmpty)
        menu.press(.character("o"), .named(.right))
        #expect(menu.press(.named(.enter)) == [.stopFetch(1)])
    }

    @Test func aCatalogIsAddedThroughTheForm() {
        var menu = Typing.menu()
        menu.press(.character("a"))
        menu.type("home")
        #expect(menu.press(.named(.enter), .named(.enter), .named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("enter the catalog's address") })
        menu.type("https://os.example.org/")
        #expect(
            menu.press(.named(.enter), .named(.enter)) == [
                .addCatalog(CatalogRequest(name: "home", url: "https://os.example.org/"))
            ])
        _ = menu.handle(.catalogRefused("the server does not answer"))
        #expect(menu.text().contains { $0.contains("the server does not answer") })
        _ = menu.handle(.catalogAdded("home"))
        #expect(menu.overlay == nil)
    }

    @Test func aPublisherIsTrustedOnlyWhenTheUserSaysSo() {
        var menu = Typing.menu()
        let request = CatalogRequest(name: "home", url: "https://os.example.org/", fingerprint: "0123abcd")
        _ = menu.handle(.catalogAsks(request, isPrivate: true))
        #expect(menu.text().contains { $0.contains("0123abcd") })
        #expect(menu.press(.named(.enter)).isEmpty)
        _ = menu.handle(.catalogAsks(request, isPrivate: true))
        menu.press(.named(.right))
        #expect(menu.press(.named(.enter)) == [.addCatalog(request)])
    }

    @Test func aFingerprintOverPlainHTTPIsWarnedOf() {
        var menu = Typing.menu()
        let request = CatalogRequest(name: "home", url: "http://os.example.org/", fingerprint: "0123abcd")
        _ = menu.handle(.catalogAsks(request, isPrivate: false))
        #expect(menu.text().contains { $0.contains("Over http") })
        _ = menu.handle(.catalogAsks(request, isPrivate: true))
        #expect(!menu.text().contains { $0.contains("Over http") })
    }

    @Test func theLogHoldsAThousandEntriesAtMost() {
        var menu = Typing.menu()
        for number in 0..<1500 { _ = menu.handle(.failed("failure \(number)")) }
        #expect(menu.log.count == 1000 && menu.log.last?.text == "failure 1499")
    }

    @Test func clicksChooseAndASecondOneBoots() {
        var menu = Typing.menu()
        let frame = MenuView.frame(of: menu, glyphs: .unicode)
        #expect(frame.target(row: 2, column: 10) == .row(0))
        #expect(menu.handle(.hit(.row(0), isDouble: false)).isEmpty)
        #expect(menu.handle(.hit(.row(0), isDouble: true)) == [.boot(Typing.image("alpine"), launch: 1)])
    }

    @Test func hintsAndButtonsCanBeClicked() {
        var menu = Typing.menu()
        let frame = MenuView.frame(of: menu, glyphs: .unicode)
        let targets = Set((0..<80).compactMap { frame.target(row: 23, column: $0) })
        #expect(targets.isSuperset(of: [.command(.activate), .command(.help), .command(.quit)]))
        _ = menu.handle(.hit(.command(.offline), isDouble: false))
        // Not what lies below a dialog.
        _ = menu.handle(.hit(.row(0), isDouble: true))
        guard case .dialog(let dialog)? = menu.overlay else {
            Issue.record("no dialog")
            return
        }
        #expect(menu.handle(.hit(.button(dialog.buttons.count - 1), isDouble: false)).isEmpty)
        #expect(menu.overlay == nil)
    }
}

extension String {
    /// How often a text occurs.
    fileprivate func components(of text: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}

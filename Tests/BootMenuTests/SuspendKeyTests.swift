import Boot
import BootMenu
import Curses
import Testing

/// Suspending guests, and going on with them.
@Suite struct SuspendKeyTests {
    private static func guest(_ change: (inout SessionStatus) -> Void = { _ in }) -> Guest {
        var guest = Typing.guest()
        guest.status.state = .suspended
        guest.status.suspended = .init(time: "2026-11-22T10:00:00Z", memory: 42_000_000, disk: 3_000_000)
        change(&guest.status)
        return guest
    }

    private static func menu(_ guest: Guest) -> MenuState {
        var menu = Typing.menu()
        _ = menu.handle(.guests([guest]))
        menu.press(.named(.tab))
        return menu
    }

    private static func resumption(_ effects: [MenuEffect]) -> BootWishes.Resumption? {
        for case .boot(_, _, _, let wishes) in effects { return wishes.resumes }
        return nil
    }

    @Test func aGuestThatRunsIsSuspendedByOneKey() {
        var menu = Self.menu(Typing.guest())
        #expect(menu.press(.character("S")) == [.order(.suspend, session: "abcd1234")])
        #expect(menu.text().last?.contains("S suspend") == true, "\(menu.text())")
        var early = Typing.guest()
        early.status.phase = .mount
        menu = Self.menu(early)
        #expect(menu.press(.character("S")) == [])
    }

    @Test func theScreenOfOneThatIsSuspendedSaysWhatIsStored() {
        var menu = Self.menu(Typing.guest())
        menu.press(.named(.enter))
        _ = menu.handle(.guests([Self.guest()]))
        #expect(menu.text().contains { $0.contains("42 MB of memory, 3.0 MB of disk") }, "\(menu.text())")
        #expect(!menu.text().contains { $0.contains("mount") || $0.contains("boot set") }, "\(menu.text())")
    }

    @Test(arguments: [ScreenInput.named(.enter), .character("S"), .character("p"), .named(.right)])
    func aSuspendedGuestGoesOn(_ key: ScreenInput) {
        var menu = Self.menu(Self.guest())
        #expect(menu.text().contains { $0.contains("suspended") && $0.contains("debian") }, "\(menu.text())")
        #expect(menu.text().contains { $0.contains("42 MB of memory") }, "\(menu.text())")
        #expect(Self.resumption(menu.press(key)) == .init(session: "abcd1234", isCold: false))
        guard case .launch = menu.top.screen else { return #expect(Bool(false), "\(menu.top.screen)") }
    }

    @Test func whatIsForGuestsThatRunIsNotDoneToIt() {
        var menu = Self.menu(Self.guest())
        for key in "scwfPy" {
            #expect(menu.press(.character(key)) == [] && menu.overlay == nil, "\(key)")
            #expect(menu.message?.text.contains("is suspended") == true)
        }
        #expect(!menu.isOffered(.ports))
        // It is no guest that runs, for its system and for who leaves.
        menu.press(.named(.escape))
        #expect(menu.guest(of: Typing.image("debian")) == nil)
        #expect(menu.press(.character("q")) == [.quit])
    }

    @Test func itIsThrownAwayOnlyByAChoice() {
        var menu = Self.menu(Self.guest())
        menu.press(.character("x"))
        #expect(menu.text().contains { $0.contains("Throw debian 2026-11-16 away?") }, "\(menu.text())")
        #expect(menu.press(.named(.enter)) == [])
        menu.press(.character("x"), .named(.right))
        #expect(menu.press(.named(.enter)) == [.forgetSuspended(session: "abcd1234")])
        menu = Self.menu(Self.guest { $0.machine = "work" })
        menu.press(.character("x"))
        #expect(menu.text().contains { $0.contains("keeps its disk") }, "\(menu.text())")
    }

    @Test func aMemoryThatDoesNotFitIsAskedAboutAndNothingIsLost() {
        var menu = Self.menu(Self.guest())
        menu.press(.named(.enter))
        guard case .launch(let number) = menu.top.screen else { return #expect(Bool(false), "\(menu.top.screen)") }
        _ = menu.handle(.launched(number, session: "abcd1234"))
        let misfit = SuspendMisfit(session: "abcd1234", reason: "it was saved by QEMU 10.0.2", machine: nil)
        _ = menu.handle(.launchAsksCold(number, misfit))
        #expect(menu.text().contains { $0.contains("Start its disk cold?") }, "\(menu.text())")
        #expect(menu.press(.named(.enter)) == [], "it begins at Cancel")
        _ = menu.handle(.guests([Self.guest()]))
        #expect(menu.guests.map(\.id) == ["abcd1234"])
        menu.press(.named(.enter))
        guard case .launch(let again) = menu.top.screen else { return #expect(Bool(false), "\(menu.top.screen)") }
        _ = menu.handle(.launchAsksCold(again, misfit))
        menu.press(.named(.right))
        #expect(Self.resumption(menu.press(.named(.enter))) == .init(session: "abcd1234", isCold: true))
    }

    @Test func oneWhoseFolderIsGoneCanGoOnWithoutIt() {
        var menu = Self.menu(Self.guest())
        menu.press(.named(.enter))
        guard case .launch(let number) = menu.top.screen else { return #expect(Bool(false), "\(menu.top.screen)") }
        _ = menu.handle(.launched(number, session: "abcd1234"))
        let loss = ShareLoss(session: "abcd1234", reason: "there is no folder /srv/x")
        _ = menu.handle(.launchAsksWithoutShare(number, loss))
        #expect(menu.text().contains { $0.contains("there is no folder /srv/x") }, "\(menu.text())")
        menu.press(.named(.right))
        let effects = menu.press(.named(.enter))
        #expect(Self.resumption(effects) == .init(session: "abcd1234", isCold: false))
        guard case .boot(_, _, _, let wishes)? = effects.last else { return #expect(Bool(false), "\(effects)") }
        #expect(wishes.share?.isEmpty == true)
    }

    @Test func anotherFolderIsSharedOrTheGuestGoesOnWithoutIt() {
        for (steps, share, isAllowed) in [(1, "", false), (2, nil, true)] as [(Int, String?, Bool)] {
            var menu = Self.menu(Self.guest())
            menu.press(.named(.enter))
            guard case .launch(let number) = menu.top.screen else { return #expect(Bool(false), "\(menu.top.screen)") }
            _ = menu.handle(.launched(number, session: "abcd1234"))
            _ = menu.handle(
                .launchAsksShare(
                    number,
                    ShareQuestion(
                        folder: SharedFolder(path: "/srv/x", isReadOnly: false), catalog: "example",
                        distribution: "debian", version: "2026-11-16", isReplaced: true)))
            for _ in 0..<steps { menu.press(.named(.right)) }
            let effects = menu.press(.named(.enter))
            guard case .boot(_, _, _, let wishes)? = effects.last else { return #expect(Bool(false), "\(effects)") }
            #expect(wishes.share == share && wishes.allowsShare == isAllowed && wishes.resumes != nil)
        }
    }

    @Test func whatWasSaidOfTheSuspendingIsNotLeftStanding() {
        var menu = Self.menu(Typing.guest())
        menu.press(.character("S"))
        #expect(menu.message?.text.contains("being suspended") == true)
        _ = menu.handle(.guests([Typing.guest()]))
        #expect(menu.message?.text.contains("being suspended") == true)
        _ = menu.handle(.guests([Self.guest()]))
        #expect(menu.message?.text.contains("is suspended") == true, "\(menu.message?.text ?? "")")
    }

    @Test func aResumptionThatFailedLeavesItInTheList() {
        var menu = Self.menu(Self.guest())
        menu.press(.named(.enter))
        guard case .launch(let number) = menu.top.screen else { return #expect(Bool(false), "\(menu.top.screen)") }
        _ = menu.handle(.launched(number, session: "abcd1234"))
        _ = menu.handle(.launchFailed(number, "no server answers", nil))
        _ = menu.handle(.guests([Self.guest()]))
        #expect(menu.guests.map(\.id) == ["abcd1234"])
    }

    @Test func aGuestThatCouldNotBeSuspendedSaysWhy() {
        var menu = Self.menu(Typing.guest())
        var failed = Typing.guest()
        failed.status.suspension = .init(failure: "the disk is full")
        _ = menu.handle(.guests([failed]))
        #expect(menu.message?.text == "debian 2026-11-16 was not suspended: the disk is full")
        menu.press(.named(.down))
        _ = menu.handle(.guests([failed]))
        #expect(menu.message == nil, "it is said once")
    }

    @Test func aSuspendedMachineGoesOnByItsOwnRow() {
        var menu = Typing.menu()
        _ = menu.handle(.machines([MachineItem(name: "work", base: Typing.image("debian"))]))
        _ = menu.handle(.guests([Self.guest { $0.machine = "work" }]))
        menu.press(.named(.home), .named(.down))
        #expect(menu.chosenMachine?.name == "work")
        #expect(menu.text().contains { $0.contains("work") && $0.contains("suspended") }, "\(menu.text())")
        #expect(Self.resumption(menu.press(.named(.enter))) == .init(session: "abcd1234", isCold: false))
    }
}

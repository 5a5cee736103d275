import Boot
import BootMenu
import Catalog
import Curses
import GuestDomain
import Testing
import Vendors
import menu_sample

/// What the menu does with the systems that vendors offer on their own servers.
@Suite struct VendorTests {
    private let debian = VendorScreens.debian
    private let newest = VendorScreens.image()

    /// The numbers of the looks among effects.
    private func looks(_ effects: [MenuEffect]) -> [Int] {
        effects.compactMap { if case .look(let number) = $0 { number } else { nil } }
    }

    @Test(arguments: [(80, 24), (100, 30)])
    func everyScreenIsAsItWasReviewed(columns: Int, rows: Int) throws {
        for (name, state) in VendorScreens.screens(columns: columns, rows: rows) {
            try Snapshot.expect(state.text(), "\(columns)x\(rows)-\(name)")
        }
    }

    // MARK: The list

    @Test func whoFollowsNoCatalogSeesVendorsAndIsAskedNothing() {
        var menu = Typing.menu(offer: nil)
        let effects = menu.handle(.offer(SampleOffer.vendors()))
        #expect(effects.isEmpty)
        #expect(menu.overlay == nil && menu.message == nil)
        #expect(!menu.text().joined().contains("No catalog yet"))
        #expect(menu.text().contains { $0.contains("Alpine") && $0.contains("2 systems") })
        let off = Typing.menu(offer: MenuOffer(isPriced: true))
        #expect(off.text().joined().contains("No catalog yet"))
    }

    @Test func catalogsSystemsComeBeforeVendors() throws {
        var offer = SampleOffer.both()
        offer.catalogs.append(
            CatalogItem(name: "attic", url: "http://127.0.0.1:1/", state: .unreachable, error: "refused"))
        let menu = Typing.menu(offer: offer)
        let rows = menu.text()
        let ubuntu = try #require(rows.firstIndex { $0.contains(" ubuntu ") })
        let attic = try #require(rows.firstIndex { $0.contains("attic") })
        let alma = try #require(rows.firstIndex { $0.contains("AlmaLinux") })
        #expect(ubuntu < attic && attic < alma)
    }

    @Test func enterAndTheArrowsUnfoldAndFoldAVendor() {
        var menu = VendorScreens.first()
        let folded = menu.top.rows.count
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.top.rows.count == folded + 3)
        // From a system back to its vendor.
        menu.press(.named(.down), .named(.down), .named(.left))
        #expect(menu.top.rows.count == folded)
        #expect(menu.text().contains { $0.contains("▸ + AlmaLinux") })
        menu.press(.named(.right))
        #expect(menu.top.rows.count == folded + 3)
        // Once unfolded, the same key goes on into it.
        menu.press(.named(.right))
        #expect(menu.text().contains { $0.contains("▸     alma-10") })
    }

    @Test func aVendorOfOneSystemNeedsNoHeading() {
        let menu = VendorScreens.first()
        #expect(menu.text().contains { $0.contains("amazon-2023") })
        #expect(!menu.text().contains { $0.contains("+ Amazon") })
    }

    @Test func aFewSystemsBeginUnfolded() {
        var offer = SampleOffer.vendors()
        offer.systems.removeAll { $0.group != "Debian" }
        let menu = Typing.menu(offer: offer)
        #expect(menu.top.rows.count == 7)
    }

    @Test func findingShowsTheBestMatchFirstAndNoHeading() throws {
        var menu = VendorScreens.first()
        menu.press(.character("/"))
        menu.type("fedora")
        #expect(menu.text().contains { $0.contains("▸ fedora-44 ") })
        #expect(menu.top.rows.count == 7)
        menu.press(.named(.enter))
        // All rows again: the vendor of the chosen one is unfolded.
        menu.press(.named(.escape))
        #expect(menu.text().contains { $0.contains("▸     fedora-44 ") })
        // A vendor's name finds all that it has.
        menu.press(.character("/"))
        menu.type("opensuse")
        #expect(menu.text().contains { $0.contains("tumbleweed") })
    }

    @Test func theVersionThatRanLastIsChosenThoughItsVendorIsFolded() {
        var offer = SampleOffer.vendors()
        offer.lastUsed = SystemName(catalog: "vendors", distribution: "ubuntu-24.04")
        let menu = Typing.menu(offer: offer)
        #expect(menu.text().contains { $0.contains("▸     ubuntu-24.04 ") })
    }

    // MARK: Other processors

    @Test func whatIsForAnotherProcessorIsOneRowAtTheEnd() throws {
        for emulation in [Emulation.possible, .missing(["qemu-system-arm"])] {
            let offer = SampleOffer.otherProcessors(emulation)
            var menu = Typing.menu(offer: offer)
            #expect(menu.groups.last?.name == "For aarch64" && menu.groups.last?.members.count == 3)
            menu.press(.named(.end))
            let row = try #require(menu.text().first { $0.contains("For aarch64") })
            #expect(row.contains("3 systems"))
            #expect(row.contains(emulation == .possible ? "runs by emulation: slow" : "needs the package qemu-system-"))
            // A search finds this machine's own first.
            menu.press(.character("/"))
            menu.type("debian-13")
            #expect(menu.text().contains { $0.contains("▸ debian-13 ") })
            #expect(menu.text().contains { $0.contains("debian-13-arm64") })
        }
    }

    @Test func aFewSystemsBeginUnfoldedButForThoseOfOtherProcessors() {
        var offer = SampleOffer.otherProcessors(.possible)
        offer.systems.removeAll { $0.group != "Debian" }
        let menu = Typing.menu(offer: offer)
        #expect(menu.text().contains { $0.contains("debian-12 ") })
        #expect(!menu.text().contains { $0.contains("debian-12-arm64 ") })
    }

    @Test func whatCannotRunSaysWhatIsMissingAndBootsNothing() {
        var menu = Typing.menu(offer: SampleOffer.otherProcessors(.missing(["qemu-system-arm", "qemu-efi-aarch64"])))
        VendorScreens.find("debian-13-arm64", &menu)
        #expect(menu.text().contains { $0.contains("▸ debian-13-arm64") && $0.contains("needs qemu-system-arm") })
        // Nobody is asked for what cannot boot, and nothing is.
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.launches.isEmpty)
        let text = menu.text().joined(separator: " ")
        #expect(text.contains("debian-13-arm64 cannot boot here") && text.contains("qemu-efi-aarch64"), "\(text)")
    }

    @Test func aSlowSystemSaysSoInItsRowAndDetailsAndBoots() {
        for (columns, rows) in [(80, 24), (100, 30)] {
            var menu = VendorScreens.processors(columns: columns, rows: rows, .possible)
            menu.press(.named(.down))
            #expect(menu.text().contains { $0.contains("debian-13-arm64") && $0.contains("slow, ") })
            // The pane is narrow.
            #expect(menu.text().contains { $0.contains("aarch64, runs by") })
            var details = menu
            details.press(.character("i"))
            #expect(details.text().contains { $0.contains("aarch64, runs by emulation: slow") })
            #expect(menu.press(.named(.enter)).contains { if case .boot = $0 { true } else { false } })
        }
    }

    @Test func hidingAVendorHidesWhatItHasForOtherProcessorsToo() {
        var offer = SampleOffer.otherProcessors(.possible)
        offer.hiddenVendors = ["Debian"]
        var menu = Typing.menu(offer: offer)
        menu.press(.character("/"))
        menu.type("arm64")
        #expect(menu.top.rows.isEmpty)
        menu.press(.named(.escape))
        #expect(menu.groups.first { $0.name == "For aarch64" }?.members.count == 1)
        // All of a processor can be hidden, too.
        offer.hiddenVendors = ["For aarch64"]
        menu = Typing.menu(offer: offer)
        menu.press(.character("/"))
        menu.type("aarch64")
        #expect(menu.top.rows.isEmpty)
    }

    // MARK: Asking

    @Test func aVendorIsAskedOnceWhenItsRowIsLookedAt() throws {
        var menu = VendorScreens.first()
        // The row that is chosen when the menu opens was not chosen by anybody.
        #expect(menu.handle(.tick(menu.now + 1)).isEmpty)
        menu.press(.character("/"))
        menu.type("debian-13")
        let first = try #require(looks(menu.press(.named(.enter), .named(.down))).last)
        let second = try #require(looks(menu.press(.named(.up))).last)
        // Whoever only passes by asks nobody.
        #expect(menu.handle(.looked(first)).isEmpty)
        #expect(menu.handle(.looked(second)) == [.askVendor(debian, isAsked: false)])
        #expect(menu.text().contains { $0.contains("asking Debian") })
        #expect(menu.handle(.vendorAnswered(debian, failure: nil)) == [.loadOffer(isAsked: false)])
        _ = menu.handle(.offer(VendorScreens.listed()))
        #expect(menu.text().contains { $0.contains("▸ debian-13 ") && $0.contains("2026-11-16") })
        // Its answer is good for a day.
        #expect(looks(menu.press(.named(.down), .named(.up))).count == 1)
        let tomorrow = menu.now + 2 * 86_400
        #expect(looks(menu.handle(.tick(tomorrow))).count == 1)
    }

    @Test func aVendorThatCannotBeReadSaysSoInItsRow() {
        var menu = VendorScreens.first()
        VendorScreens.find("debian-13", &menu)
        let effects = menu.press(.named(.right))
        #expect(effects.contains(.askVendor(debian, isAsked: false)))
        _ = menu.handle(.vendorAnswered(debian, failure: VendorFailure("the page names no build")))
        #expect(menu.text().contains { $0.contains("the page names no build") })
        // Nothing is shown over the screen, and nobody asks again by himself.
        #expect(menu.message == nil && menu.overlay == nil)
        #expect(looks(menu.press(.named(.escape))).isEmpty)
        #expect(menu.text().contains { $0.contains("list cannot be read") })
        #expect(menu.press(.character("r")).contains(.askVendor(debian, isAsked: true)))
        // Once it answers, the row says so no longer.
        _ = menu.handle(.vendorAnswered(debian, failure: nil))
        _ = menu.handle(.offer(VendorScreens.listed()))
        #expect(!menu.text().contains { $0.contains("list cannot be read") })
    }

    @Test func aVendorThatDoesNotAnswerNowIsNoTroubleWhileItsBuildsAreKnown() {
        var menu = VendorScreens.first()
        VendorScreens.find("debian-13", &menu)
        menu.press(.named(.right))
        _ = menu.handle(.vendorAnswered(debian, failure: VendorFailure("no route to host", isPassing: true)))
        menu.press(.named(.escape))
        #expect(menu.text().contains { $0.contains("debian-13 ") && $0.contains("does not answer") })
        _ = menu.handle(.offer(VendorScreens.listed()))
        #expect(menu.text().contains { $0.contains("▸ debian-13 ") && $0.contains("at most") })
        #expect(menu.log.isEmpty && menu.message == nil)
    }

    @Test func enterOnARowWithoutBuildsBootsAsSoonAsTheyAreKnown() {
        var menu = VendorScreens.first()
        VendorScreens.find("debian-13", &menu)
        #expect(menu.press(.named(.enter)) == [.askVendor(debian, isAsked: true)])
        #expect(menu.text().contains { $0.contains("asking Debian for the builds") })
        _ = menu.handle(.vendorAnswered(debian, failure: nil))
        let effects = menu.handle(.offer(VendorScreens.listed()))
        #expect(effects.contains { if case .boot(newest, _, nil, _) = $0 { true } else { false } }, "\(effects)")
    }

    @Test func anotherKeyMeansThatNothingBoots() {
        var menu = VendorScreens.first()
        VendorScreens.find("debian-13", &menu)
        menu.press(.named(.enter), .named(.down))
        _ = menu.handle(.vendorAnswered(debian, failure: nil))
        let effects = menu.handle(.offer(VendorScreens.listed()))
        #expect(!effects.contains { if case .boot = $0 { true } else { false } })
        #expect(menu.top.screen == .systems)
    }

    @Test func whoWaitsForBuildsHearsThatTheyCannotBeRead() {
        var menu = VendorScreens.first()
        VendorScreens.find("debian-13", &menu)
        menu.press(.named(.enter))
        _ = menu.handle(.vendorAnswered(debian, failure: VendorFailure("its server does not answer")))
        #expect(menu.message?.text == "debian-13 cannot be booted: its server does not answer")
        #expect(menu.message?.isFailure == true)
    }

    // MARK: Versions and what is sure of them

    @Test func anOlderBuildBootsWithOneKey() {
        var menu = VendorScreens.known()
        menu.press(.named(.right), .named(.down))
        let effects = menu.press(.named(.enter))
        #expect(
            effects.contains {
                if case .boot(VendorScreens.image("2026-11-09"), _, nil, _) = $0 { true } else { false }
            })
    }

    @Test(arguments: [
        ("2026-11-16", true, "verified when complete"), ("2026-11-16", false, "not yet verified"),
        ("2026-11-09", true, "each block verified "), ("2026-11-02", true, "each block verified "),
        ("2026-10-26", true, " verified "), ("2026-10-19", true, "not verified "),
        ("2026-10-12", true, "no longer offered, 40 % here"), ("2026-10-05", true, "not the vendor's file"),
    ])
    func aBuildsRowSaysHowSureItIs(_ day: String, _ fetchesRest: Bool, _ words: String) {
        for (columns, rows) in [(80, 24), (100, 30), (200, 50)] {
            var menu = VendorScreens.known(
                columns: columns, rows: rows, facts: MachineFacts(fetchesRest: fetchesRest))
            menu.press(.named(.right))
            let row = menu.text().first { $0.contains(day) && $0.contains("2026\(day.dropFirst(5).prefix(2))") }
            #expect(row?.contains(words) == true, "\(columns): \(menu.text())")
        }
    }

    @Test func anUnverifiedBootAsksAndTheFirstAnswerIsNo() throws {
        var menu = VendorScreens.known()
        menu.press(.named(.enter))
        let launch = try #require(menu.launches.keys.first)
        let question = UnverifiedBoot(newest, level: .none, least: .whole)
        _ = menu.handle(.launchAsks(launch, question))
        #expect(menu.top.screen == .systems && menu.launches.isEmpty)
        #expect(menu.text().joined(separator: " ").contains("has not signed this image"))
        var no = menu
        #expect(no.press(.named(.enter)).allSatisfy { if case .boot = $0 { false } else { true } })
        menu.press(.named(.right))
        let effects = menu.press(.named(.enter))
        #expect(effects.contains { if case .boot(newest, _, question, _) = $0 { true } else { false } }, "\(effects)")
    }

    @Test func aChangeOfTheTableIsAskedAboutAndTheFirstAnswerIsNone() throws {
        func side(_ server: String) -> TableChange.Side {
            .init(system: "debian-13", facts: RowFacts(keys: [], servers: [server], trust: .none, seed: "none"))
        }
        let change = TableChange(
            catalog: "os", name: "debian-13", before: side("a.example.org"), after: side("b.example.org"))
        var menu = VendorScreens.known()
        menu.press(.named(.enter))
        let launch = try #require(menu.launches.keys.first)
        _ = menu.handle(.launchAsksOfTable(launch, change))
        #expect(menu.top.screen == .systems && menu.launches.isEmpty)
        let text = menu.text().joined(separator: " ")
        #expect(text.contains("A catalog changes debian-13") && text.contains("a.example.org"), "\(menu.text())")
        var none = menu
        #expect(none.press(.named(.enter)).isEmpty)
        for (steps, isAllowed) in [(1, false), (2, true)] {
            var menu = menu
            for _ in 0..<steps { menu.press(.named(.right)) }
            let effects = menu.press(.named(.enter))
            #expect(effects.first == .answer(change, isAllowed: isAllowed), "\(effects)")
            #expect(effects.contains { if case .boot(newest, _, nil, _) = $0 { true } else { false } }, "\(effects)")
        }
    }

    @Test func aWrongImageIsSaidUntilTheUserHasReadIt() {
        var menu = VendorScreens.known()
        menu.press(.character("a"))
        _ = menu.handle(.explained(newest, GuestEnd(reason: "a.example sent another file", isWrongImage: true)))
        // A form is not taken away while somebody types.
        #expect(!menu.text().joined().contains("not the vendor's file"))
        menu.press(.named(.escape))
        #expect(menu.text().joined().contains("debian-13 2026-11-16 is not the vendor's file"))
        _ = menu.handle(.tick(menu.now + 3600))
        menu.press(.character("x"), .named(.down))
        #expect(menu.text().joined().contains("a.example sent another file"))
        menu.press(.named(.enter))
        #expect(menu.overlay == nil)
        // One that ended for another reason is a message and no more.
        _ = menu.handle(.explained(newest, GuestEnd(reason: "it crashed")))
        #expect(menu.overlay == nil && menu.message?.text == "debian-13 2026-11-16 ended: it crashed")
    }

    // MARK: Hiding, logins, networks

    @Test func aHiddenVendorIsGoneFromTheListAndFromFindingAndComesBack() {
        var menu = VendorScreens.known()
        #expect(menu.press(.character("H")).contains(.hideVendor("Debian", true)))
        var finding = menu
        finding.press(.character("/"))
        finding.type("debian-13")
        #expect(finding.top.rows.isEmpty)
        menu.press(.named(.end))
        #expect(menu.text().contains { $0.contains("▸ + 1 hidden vendor") })
        menu.press(.named(.enter), .named(.down))
        #expect(menu.text().contains { $0.contains("▸   Debian") })
        #expect(menu.press(.named(.enter)).contains(.hideVendor("Debian", false)))
        #expect(menu.text().contains { $0.contains("Debian") && $0.contains("debian-13") || $0.contains("− Debian") })
        #expect(!menu.text().contains { $0.contains("hidden vendor") })
    }

    @Test func aHiddenVendorIsNotAsked() {
        var offer = SampleOffer.vendors()
        offer.hiddenVendors = ["Amazon"]
        var menu = Typing.menu(offer: offer)
        menu.press(.named(.end), .named(.enter), .named(.down))
        #expect(looks(menu.press(.named(.up), .named(.down))).isEmpty)
    }

    @Test func thePasswordIsShownWhenItIsAskedFor() {
        var menu = VendorScreens.known()
        var guest = Typing.guest("debian-13", id: "abcd1234")
        guest.status.catalog = "vendors"
        _ = menu.handle(.guests([guest]))
        menu.press(.named(.tab))
        #expect(menu.press(.character("P")) == [.login(session: "abcd1234", newest)])
        #expect(!menu.text().joined().contains("correct-horse"))
        _ = menu.handle(.login(newest, GuestLogin(user: "debian", password: "correct-horse-42")))
        #expect(menu.text().contains { $0.contains("User: debian") })
        #expect(menu.text().contains { $0.contains("Password: correct-horse-42") })
        menu.press(.named(.escape))
        // It is nowhere afterwards.
        menu.press(.character("L"))
        #expect(!menu.text().joined().contains("correct-horse"))
    }

    @Test(arguments: [
        (SessionStatus.NetworkTrouble.Kind.unplugged, "no network"), (.exposed, "network exposed"),
    ])
    func aGuestSaysWhatIsWrongWithItsNetwork(_ kind: SessionStatus.NetworkTrouble.Kind, _ word: String) {
        var menu = Typing.menu()
        var guest = Typing.guest()
        guest.status.network = .init(kind: kind, text: "the guest's network is not as it should be")
        guest.status.lastError = guest.status.network?.text
        _ = menu.handle(.guests([guest]))
        #expect(menu.text().contains { $0.contains("debian") && $0.contains(word) }, "\(menu.text())")
        menu.press(.named(.tab))
        #expect(menu.text().contains { $0.contains("debian") && $0.contains(word) })
        #expect(menu.text().count { $0.contains("not as it should be") } == 1)
        menu.press(.named(.enter))
        // Once, though it is the last error as well.
        #expect(menu.text().count { $0.contains("not as it should be") } == 1, "\(menu.text())")
    }

    @Test func textsOfVendorsDoNotSteerTheTerminal() {
        var offer = SampleOffer.vendors()
        let bad = "\u{1b}[31mRed\u{7}\u{202e}turned"
        for place in offer.systems.indices.prefix(8) {
            offer.systems[place].group = bad
            offer.systems[place] = SampleOffer.listed(offer.systems[place])
            offer.systems[place].versions[0].build = bad
            offer.systems[place].versions[6].fault = bad
            offer.systems[place].versions[0].signedBy = bad
        }
        var menu = Typing.menu(offer: offer)
        var screens = [menu]
        for key in [ScreenInput.named(.enter), .named(.down), .named(.right), .character("i"), .named(.escape)] {
            menu.press(key)
            screens.append(menu)
        }
        _ = menu.handle(.vendorAnswered(offer.systems[0].name, failure: VendorFailure(bad)))
        screens.append(menu)
        _ = menu.handle(.login(newest, GuestLogin(user: bad, password: bad)))
        screens.append(menu)
        for screen in screens {
            let unsafe = MenuView.frame(of: screen, glyphs: .unicode).rows.joined().flatMap(\.text.unicodeScalars)
                .filter { [.control, .format].contains($0.properties.generalCategory) }
            #expect(unsafe.isEmpty, "\(screen.top.screen)")
        }
    }

    @Test func aSearchFindsAllItsWords() {
        var menu = VendorScreens.first()
        VendorScreens.find("deb nocloud", &menu)
        #expect(menu.text().contains { $0.contains("▸ debian-13-nocloud") }, "\(menu.text())")
    }

    @Test func onALineThatIsPaidByTheByteNothingWillBeVerified() {
        var offer = VendorScreens.listed()
        offer.isMetered = true
        var menu = Typing.menu(offer: offer)
        VendorScreens.find("debian-13", &menu)
        menu.press(.named(.right))
        #expect(menu.text().contains { $0.contains("2026-11-16") && $0.contains("not yet verified") }, "\(menu.text())")
    }

    @Test func aRefusalSaysWhatCanBeDoneInTheMenu() {
        let text = UnverifiedBoot(newest, level: .whole, least: .pieces).refusal
        #expect(text.contains("press o") && text.contains("(pieces)") && !text.contains("--"))
        #expect(!UnverifiedBoot(newest, level: .none, least: .whole).refusal.contains("press o"))
    }
}

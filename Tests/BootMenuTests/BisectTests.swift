import Boot
import BootMenu
import Catalog
import Curses
import Testing
import menu_sample

/// The bisect's screen: from the first marks to the version that is found.
@Suite struct BisectTests {
    static let name = SystemName(catalog: "example", distribution: "alpine")

    /// The bisect's screen of a system with three versions, or of Debian with 24.
    static func menu(
        _ distribution: String = "debian", said: [(Int, Bisection.Verdict)]? = nil, columns: Int = 80, rows: Int = 24
    ) -> MenuState {
        var menu = Typing.menu(columns: columns, rows: rows)
        menu.press(.named(.home))
        // On a screen that is too small for anything keys do nothing.
        for _ in 0..<10 where menu.chosenImage?.distribution != distribution { menu.press(.named(.down)) }
        menu.press(.named(.right), .character("B"))
        if let said, let system = menu.system(SystemName(catalog: "example", distribution: distribution)) {
            _ = menu.handle(.bisect(system.name, SampleOffer.bisect(of: system, said: said)))
        }
        return menu
    }

    private static func row(_ menu: MenuState, _ version: String) -> String {
        menu.text().first { $0.contains(version) && !$0.contains("Next is") } ?? ""
    }

    @Test func twoMarksBeginIt() {
        var menu = Self.menu("alpine")
        #expect(menu.top.screen == .bisect(Self.name))
        #expect(menu.text().contains { $0.contains("Which version brought a fault?") })
        #expect(menu.press(.character("s")) == [], "nothing can be skipped yet")
        #expect(menu.press(.character("b")) == [])
        #expect(Self.row(menu, "2026-11-16").contains("bad"))
        menu.press(.named(.end))
        #expect(
            menu.press(.character("g")) == [.beginBisect(Self.name, good: "2026-11-02", bad: "2026-11-16")])
    }

    @Test func aMarkMovesToAnotherVersion() {
        var menu = Self.menu("alpine")
        menu.press(.character("b"), .character("g"))
        #expect(Self.row(menu, "2026-11-16").contains("good") && !menu.text().contains { $0.contains("is bad") })
    }

    @Test func theOneToTryIsChosenAndEnterBootsItAsATrial() {
        var menu = Self.menu(said: [])
        #expect(menu.text().contains { $0.contains("about 5 boots to go") })
        let next = try? #require(menu.bisects[SystemName(catalog: "example", distribution: "debian")]?.summary.next)
        #expect(menu.chosenImage?.version == next && next != nil)
        let effects = menu.press(.named(.enter))
        guard case .boot(let image, _, _, let wishes)? = effects.first else {
            Issue.record("nothing boots: \(effects)")
            return
        }
        #expect(image.version == next && wishes.isTrial && wishes.home == "" && wishes.share == "")
        #expect(wishes.keep == nil)
        menu.press(.named(.escape))
        #expect(menu.top.screen.kind == .bisect)
    }

    @Test func keysSayHowTheChosenVersionIs() throws {
        var menu = Self.menu(said: [])
        let name = SystemName(catalog: "example", distribution: "debian")
        let next = try #require(menu.bisects[name]?.summary.next)
        #expect(menu.press(.character("g")) == [.markBisect(name, version: next, .good)])
        #expect(menu.press(.character("b")) == [.markBisect(name, version: next, .bad)])
        #expect(menu.press(.character("s")) == [.markBisect(name, version: next, .skip)])
        // On other screens they mean what they meant.
        menu.press(.named(.escape), .named(.end), .character("g"))
        #expect(menu.top.position.selected == 0)
    }

    @Test func anAnswerMovesTheChoiceToTheNextOne() throws {
        var menu = Self.menu(said: [])
        let name = SystemName(catalog: "example", distribution: "debian")
        let system = try #require(menu.system(name))
        _ = menu.handle(.bisect(name, SampleOffer.bisect(of: system, said: [(11, .bad)])))
        #expect(menu.chosenImage?.version == menu.bisects[name]?.summary.next)
        let row = Self.row(menu, system.versions.reversed()[11].key.version)
        #expect(row.contains("bad"))
        // What did not change moves nothing.
        menu.press(.named(.home))
        _ = menu.handle(.bisect(name, SampleOffer.bisect(of: system, said: [(11, .bad)])))
        #expect(menu.top.position.selected == 0)
    }

    @Test func theEndSaysWhatWasFound() {
        let menu = Self.menu("alpine", said: [(1, .good)])
        let text = menu.text().joined(separator: "\n")
        #expect(text.contains("2026-11-16 is the first bad version; 2026-11-09, the one before it, is good."))
        #expect(text.contains("openssl 3.0.17"), "the publisher's notes")
        #expect(menu.text()[0].hasSuffix("found"))
        let skipped = Self.menu("alpine", said: [(1, .skip)]).text().joined(separator: "\n")
        #expect(skipped.contains("The first bad version is one of 2026-11-09, 2026-11-16."))
    }

    @Test func onlyWhatWasSaidIsForgotten() {
        var menu = Self.menu("alpine")
        #expect(!menu.isOffered(.resetBisect))
        menu.press(.character("b"))
        #expect(menu.isOffered(.resetBisect))
        #expect(Self.menu("alpine", said: []).isOffered(.resetBisect))
    }

    @Test func forgettingAsksFirst() {
        var menu = Self.menu("alpine", said: [])
        menu.press(.character("d"))
        #expect(menu.press(.named(.enter)) == [], "the first answer does nothing")
        menu.press(.character("d"), .named(.right))
        #expect(menu.press(.named(.enter)) == [.resetBisect(Self.name)])
        _ = menu.handle(.bisect(Self.name, nil))
        #expect(menu.text().contains { $0.contains("Which version brought a fault?") })
    }

    @Test func theScreenOfASystemThatIsGoneStillShowsWhatWasSaid() {
        var menu = Self.menu("alpine", said: [])
        _ = menu.handle(.offer(MenuOffer(isPriced: true)))
        #expect(Self.row(menu, "2026-11-09").contains("try this one"))
    }
}

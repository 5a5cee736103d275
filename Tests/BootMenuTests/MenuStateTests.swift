import Boot
import BootMenu
import Curses
import Testing
import menu_sample

/// What keys do on the lists.
@Suite struct MenuStateTests {
    @Test func theSystemUsedLastIsChosen() {
        #expect(Typing.menu().chosenImage == Typing.image("debian"))
    }

    @Test func aRowTheUserChoseStaysChosenWhenTheOfferChanges() {
        var menu = Typing.menu()
        menu.press(.named(.home))
        _ = menu.handle(.offer(SampleOffer.few()))
        #expect(menu.chosenImage == Typing.image("alpine"))
        // And when rows come before it.
        var offer = SampleOffer.few()
        offer.systems.insert(
            SampleOffer.system("aaa", title: "First", weeks: 0), at: 0)
        _ = menu.handle(.offer(offer))
        #expect(menu.chosenImage == Typing.image("alpine"))
    }

    @Test(
        arguments: [
            (.waiting, .blocks, "waiting: blocks"), (.waiting, .space, "waiting: space"),
            (.waiting, .disk, "waiting: disk"), (.paused, nil, "paused"), (nil, nil, "does not answer"),
        ] as [(SessionStatus.State?, SessionStatus.Wait?, String)])
    func aSystemsRowSaysHowItsGuestIs(_ state: SessionStatus.State?, _ wait: SessionStatus.Wait?, _ words: String) {
        var menu = Typing.menu()
        var guest = Typing.guest()
        guest.status.state = state ?? .running
        guest.status.waitingFor = wait
        guest.isSilent = state == nil
        _ = menu.handle(.guests([guest]))
        let rows = menu.text().filter { $0.contains(words) }
        #expect(rows.contains { $0.contains("debian") }, "\(menu.text())")
    }

    @Test func enterBootsTheNewestVersionAndShowsItsStart() {
        var menu = Typing.menu()
        #expect(menu.press(.named(.enter)) == [.boot(Typing.image("debian"), launch: 1)])
        #expect(menu.top.screen == .launch(1))
    }

    @Test func enterOnAnOlderVersionBootsThatOne() {
        var menu = Typing.menu()
        #expect(
            menu.press(.named(.right), .named(.down), .named(.enter)) == [
                .price(SystemName(catalog: "example", distribution: "debian")),
                .boot(Typing.image("debian", "2026-11-09"), launch: 1),
            ])
    }

    @Test func escapeGoesBackAndLeavesTheGuestAlone() {
        var menu = Typing.menu()
        menu.press(.character("v"), .named(.enter))
        #expect(menu.press(.named(.escape)).isEmpty)
        #expect(menu.top.screen.kind == .versions)
        #expect(menu.press(.named(.escape), .named(.escape), .named(.escape)).isEmpty)
        #expect(menu.top.screen == .systems)
    }

    @Test func aVersionThatRunsIsNotBootedTwiceByAccident() {
        var menu = Typing.menu()
        _ = menu.handle(.guests([Typing.guest()]))
        #expect(menu.press(.named(.enter)).isEmpty)
        // The first button looks at the one that runs.
        menu.press(.named(.enter))
        #expect(menu.top.screen == .guest("abcd1234"))
        menu.press(.named(.escape), .named(.enter), .named(.right))
        #expect(menu.press(.named(.enter)) == [.boot(Typing.image("debian"), launch: 1)])
    }

    @Test(arguments: [
        (ScreenInput.named(.down), "hostile"), (.character("j"), "hostile"), (.named(.up), "alpine"),
        (.character("k"), "alpine"), (.named(.home), "alpine"), (.character("g"), "alpine"),
        (.named(.pageUp), "alpine"), (.control("b"), "alpine"), (.wheel(1), "hostile"),
    ])
    func theListMoves(_ key: ScreenInput, to name: String) {
        var menu = Typing.menu()
        menu.press(key)
        #expect(menu.chosenImage == Typing.image(name))
    }

    @Test func theEndIsTheCatalogThatDoesNotAnswer() {
        var menu = Typing.menu()
        menu.press(.character("G"))
        #expect(menu.chosenImage == nil)
        #expect(menu.press(.named(.enter)).isEmpty)
        #expect(menu.text().contains { $0.contains("connection refused") })
        // It can be let go, if the user says so; the first answer is no.
        menu.press(.named(.escape), .character("d"))
        #expect(menu.press(.named(.enter)).isEmpty)
        menu.press(.character("d"), .named(.right))
        #expect(menu.press(.named(.enter)) == [.removeCatalog("attic")])
    }

    @Test func findingFiltersAsItIsTyped() {
        var menu = Typing.menu()
        menu.press(.character("/"))
        menu.type("UBu")
        #expect(menu.top.rows.count == 1)
        #expect(menu.chosenImage == Typing.image("ubuntu"))
        menu.press(.named(.enter))
        #expect(menu.press(.named(.enter)) == [.boot(Typing.image("ubuntu"), launch: 1)])
        // Back on the list the filter is still there; Esc clears it.
        menu.press(.named(.escape))
        #expect(menu.top.rows.count == 1)
        menu.press(.named(.escape))
        #expect(menu.top.rows.count == 6)
        #expect(menu.chosenImage == Typing.image("ubuntu"))
    }

    @Test func escapeWhileFindingClears() {
        var menu = Typing.menu()
        menu.press(.function(3))
        menu.type("nothing has this")
        #expect(menu.text().contains { $0.contains("No match for") })
        menu.press(.named(.escape))
        #expect(menu.top.rows.count == 6 && menu.overlay == nil)
    }

    @Test func findingWorksAmongVersions() {
        var menu = Typing.menu()
        menu.press(.named(.right), .character("/"))
        menu.type("12.13")
        #expect(menu.chosenImage == Typing.image("debian", "2026-10-26"))
    }

    @Test func pastedTextFindsButCommandsNothing() {
        var menu = Typing.menu()
        #expect(menu.press(.pasted("qqq\nd\n")).isEmpty)
        #expect(menu.top.screen == .systems && menu.overlay == nil)
        menu.press(.character("/"), .pasted("ubuntu\nrm -rf"))
        #expect(menu.top.filter == "ubuntu")
        menu.press(.pasted(String(repeating: "x", count: 1_000_000)))
        #expect(menu.top.filter.count <= 1024)
    }

    @Test func pinningAsksForTheOppositeOfWhatIs() {
        var menu = Typing.menu()
        #expect(menu.press(.character(" ")) == [.pin(Typing.image("debian"), true)])
        var offer = SampleOffer.few()
        offer.systems[1].versions[0].isPinned = true
        _ = menu.handle(.offer(offer))
        #expect(menu.press(.character(" ")) == [.pin(Typing.image("debian"), false)])
        #expect(menu.text().contains { $0.contains("pinned") })
    }

    @Test func twoCatalogsWithTheSameSystemShowWhoseItIs() {
        var offer = SampleOffer.few()
        offer.systems.append(
            SampleOffer.system("debian", of: "other", title: "Another", weeks: 24))
        let menu = Typing.menu(offer: offer)
        #expect(menu.text().contains { $0.contains("other/debian") })
        #expect(menu.text().contains { $0.contains("example/debian") })
    }

    @Test func aScreenTooSmallForAnythingCanBeLeft() {
        for (columns, rows) in [(1, 1), (10, 2), (23, 30), (80, 4)] {
            var menu = Typing.menu(columns: columns, rows: rows)
            #expect(menu.press(.named(.enter), .character("d")).isEmpty)
            #expect(menu.press(.character("q")) == [.quit])
        }
    }

    @Test func theListIsDrawnBeforeAnythingIsKnown() {
        let menu = Typing.menu(offer: nil)
        #expect(menu.text().contains { $0.contains("reading the catalogs") })
        #expect(menu.start() == [.loadOffer(isAsked: false), .loadGuests, .loadMachines])
    }

    @Test func everySizeKeepsTheChosenRowOnTheScreen() {
        let offer = SampleOffer.many(systems: 60, versions: 2)
        var menu = Typing.menu(offer: offer)
        for row in [0, 30, 59, 17] {
            menu.press(.named(.home))
            for _ in 0..<row { menu.press(.named(.down)) }
            for (columns, rows) in [(80, 24), (40, 10), (200, 50), (24, 5), (100, 14), (1, 1), (80, 24)] {
                _ = menu.handle(.resized(ScreenSize(columns: columns, rows: rows)))
                guard columns >= 24 else { continue }
                // A narrow list clips the name.
                let name = columns < 40 ? "▸ system-" : "▸ system-\(1000 + row)"
                #expect(menu.text().contains { $0.contains(name) }, "row \(row) at \(columns)x\(rows)")
            }
        }
    }
}

import Boot
import BootMenu
import Curses
import Testing
import menu_sample

/// Every screen as text, at the sizes and with the characters that people have.
@Suite struct SnapshotTests {
    static let sizes = [(80, 24), (100, 30), (200, 50), (40, 10), (24, 5)]

    /// Screens by name, each reached by keys.
    private static func screens(columns: Int, rows: Int) -> [(name: String, state: MenuState)] {
        let base = Typing.menu(columns: columns, rows: rows)
        func after(_ change: (inout MenuState) -> Void) -> MenuState {
            var state = base
            change(&state)
            return state
        }
        let running = after { _ = $0.handle(.guests([Typing.guest(), Typing.guest("alpine", id: "wxyz9876")])) }
        return [
            ("systems", base), ("systems-running", running),
            ("systems-dead-catalog", after { $0.press(.named(.end)) }),
            ("systems-empty", Typing.menu(columns: columns, rows: rows, offer: MenuOffer(isPriced: true))),
            ("systems-reading", Typing.menu(columns: columns, rows: rows, offer: nil)),
            ("versions", after { $0.press(.named(.right), .named(.down), .character(" ")) }),
            (
                "find",
                after {
                    $0.press(.character("/"))
                    $0.type("ub")
                }
            ),
            ("boot", after { booting(&$0) }),
            ("boot-failed", after { failing(&$0) }),
            (
                "guest",
                after {
                    _ = $0.handle(.guests([Typing.guest()]))
                    $0.press(.named(.tab), .named(.enter))
                    picture(&$0)
                }
            ),
            (
                "guests",
                after {
                    $0 = running
                    $0.press(.named(.tab))
                }
            ),
            ("cache", after { cache(&$0) }), ("details", after { $0.press(.character("i")) }),
            ("help", after { $0.press(.character("?")) }),
            (
                "log",
                after {
                    failing(&$0)
                    $0.press(.character("L"))
                }
            ),
            ("offline", after { $0.press(.character("o")) }),
            (
                "force",
                after {
                    $0 = running
                    $0.press(.named(.tab), .character("x"))
                }
            ),
            (
                "add",
                after {
                    $0.press(.character("a"))
                    $0.type("home")
                    $0.press(.named(.tab))
                    $0.type("http://127.0.0.1/")
                }
            ),
            ("systems-warm", warm(columns: columns, rows: rows)),
            ("versions-warm", warm(columns: columns, rows: rows, .named(.right))),
            ("machines", MachineTests.menu(columns: columns, rows: rows)),
            ("machine", machine(columns: columns, rows: rows)),
            ("bisect", BisectTests.menu(columns: columns, rows: rows)),
            (
                "bisect-open",
                BisectTests.menu(said: [(11, .bad), (5, .good), (8, .skip)], columns: columns, rows: rows)
            ),
            ("bisect-found", BisectTests.menu("alpine", said: [(1, .good)], columns: columns, rows: rows)),
            ("settings", SettingsFormTests.settings(columns: columns, rows: rows)),
            ("keep", SettingsFormTests.boot(keeps: true, columns: columns, rows: rows)),
            ("trust", after { _ = $0.handle(.catalogAsks(plainRequest, isPrivate: false)) }),
            (
                "leave",
                after {
                    $0 = running
                    $0.press(.character("q"))
                }
            ),
        ]
    }

    /// Screens with a picture of a guest's screen.
    private static func pictured(columns: Int, rows: Int) -> [(name: String, state: MenuState)] {
        [false, true].map { isOnList in
            var state = Typing.menu(columns: columns, rows: rows)
            _ = state.handle(.guests([Typing.guest(), Typing.guest("alpine", id: "wxyz9876")]))
            state.press(.named(.tab))
            if !isOnList { state.press(.named(.enter)) }
            screen(&state)
            if !isOnList { picture(&state) }
            return (isOnList ? "guests-screen" : "guest-screen", state)
        }
    }

    private static func all(columns: Int, rows: Int) -> [(name: String, state: MenuState)] {
        screens(columns: columns, rows: rows) + pictured(columns: columns, rows: rows)
            + VendorScreens.screens(columns: columns, rows: rows)
    }

    private static let plainRequest = CatalogRequest(
        name: "home", url: "http://os.example.org/", fingerprint: String(repeating: "0123456789abcdef", count: 4))

    private static func booting(_ state: inout MenuState) {
        state.press(.named(.enter))
        var status = Typing.guest().status
        (status.state, status.phase, status.accel) = (.starting, .bootSet, nil)
        (status.rate, status.bytesFetched) = (9_100_000, 61_300_000)
        status.bootSet?.done = 245
        status.lastError = "https://mirror.example.org/blocks/ab/abcd.cacnk: 503; trying the next mirror"
        _ = state.handle(.launched(1, session: status.id))
        _ = state.handle(.guests([Guest(status)]))
        picture(&state)
    }

    /// A system that starts warm, after these keys.
    private static func warm(columns: Int, rows: Int, _ keys: ScreenInput...) -> MenuState {
        var menu = Typing.menu(columns: columns, rows: rows, offer: SampleOffer.few(warm: ["debian"]))
        for key in keys { menu.press(key) }
        return menu
    }

    /// The screen of a kept machine.
    private static func machine(columns: Int, rows: Int) -> MenuState {
        var menu = MachineTests.menu(columns: columns, rows: rows)
        // On a screen that is too small for anything keys do nothing.
        for _ in 0..<10 where menu.chosenMachine?.name != "work" { menu.press(.named(.up)) }
        menu.press(.named(.right))
        return menu
    }

    private static func picture(_ state: inout MenuState) {
        guard let watched = state.watched else { return }
        let cells = (0..<watched.cells).map { cell -> BlockMap.Cell in
            let share = cell * 100 / watched.cells
            if share < 20 { return cell % 9 == 0 ? .read : .here }
            if share < 24 { return .arriving }
            return share < 80 ? .missing : .hole
        }
        _ = state.handle(.picture(session: watched.session, cells: cells))
    }

    /// What the chosen guest's screen shows, as a picture of cells.
    private static func screen(_ state: inout MenuState) {
        _ = state.handle(.pictures(.cells(.cube)))
        guard let picture = SampleScreen.picture else { return }
        _ = state.handle(.screen(SeenScreen(session: "abcd1234", picture: picture, age: 0)))
    }

    private static func failing(_ state: inout MenuState) {
        state.press(.named(.enter))
        _ = state.handle(
            .launchFailed(
                1,
                "could not reach https://os.example.org/blocks/: connection refused. Check the address and that the server is up.",
                nil))
    }

    private static func cache(_ state: inout MenuState) {
        state.press(.character("C"))
        let items = state.offer.systems.filter { ["alpine", "debian", "ubuntu"].contains($0.name.distribution) }
            .compactMap { system in
                system.versions.first.map { newest in
                    var version = newest
                    version.offline = system.name.distribution == "ubuntu" ? .whole : .no
                    version.isPinned = system.name.distribution == "debian"
                    return CacheItem(version, own: 4_000_000)
                }
            }
        _ = state.handle(
            .cache(
                CacheOverview(
                    directory: "/var/cache/oscircular", limit: 20_000_000_000, used: 3_400_000_000, blocks: 13_000,
                    repaired: 1, items: items)))
    }

    @Test(arguments: sizes)
    func everyScreenIsAsItWasReviewed(_ size: (columns: Int, rows: Int)) throws {
        let (columns, rows) = size
        for (name, state) in Self.screens(columns: columns, rows: rows) + Self.pictured(columns: columns, rows: rows) {
            try Snapshot.expect(state.text(), "\(size.columns)x\(size.rows)-\(name)")
        }
    }

    @Test func asciiTwinsNeedNoOtherCharacter() throws {
        for (name, state) in Self.all(columns: 80, rows: 24) {
            let rows = state.text(.ascii)
            // What catalogs say stays as they say it; all other characters are ASCII.
            let own = rows.filter { row in !["新", "“", "幅", "é", "中"].contains { row.contains($0) } }
            #expect(own.allSatisfy { $0.utf8.allSatisfy { $0 < 128 } }, "\(name): \(rows)")
            if ["systems", "boot", "offline", "vendors-known"].contains(name) {
                try Snapshot.expect(rows, "ascii-\(name)")
            }
        }
    }

    @Test func noRowIsWiderThanTheScreenAndNoneIsMissing() {
        for (columns, rows) in Self.sizes + [(1, 1), (2, 3), (23, 4), (50, 14), (51, 13), (99, 20), (500, 200)] {
            for (name, state) in Self.all(columns: columns, rows: rows) {
                for glyphs in [Glyphs.unicode, .ascii] {
                    let frame = MenuView.frame(of: state, glyphs: glyphs)
                    #expect(frame.rows.count == rows)
                    for row in frame.rows {
                        let ends = row.map { $0.column + ScreenText.width($0.text) }
                        #expect(
                            ends.allSatisfy { $0 <= columns }, "\(name) at \(columns)x\(rows): \(ScreenText.of(row))")
                    }
                }
            }
        }
    }

    @Test func rowsDoNotDrawOverThemselves() {
        for (columns, rows) in Self.sizes + [(50, 14), (99, 20), (500, 200)] {
            for (name, state) in Self.all(columns: columns, rows: rows) {
                for row in MenuView.frame(of: state, glyphs: .unicode).rows {
                    var end = 0
                    for run in row.sorted(by: { $0.column < $1.column }) {
                        #expect(run.column >= end, "\(name) at \(columns)x\(rows): \(ScreenText.of(row))")
                        end = run.column + ScreenText.width(run.text)
                    }
                }
            }
        }
    }

    @Test func nothingFromACatalogSteersTheTerminal() {
        for (columns, rows) in Self.sizes {
            for (name, state) in Self.all(columns: columns, rows: rows) {
                let unsafe = MenuView.frame(of: state, glyphs: .unicode).rows.joined().flatMap(\.text.unicodeScalars)
                    .filter {
                        [.control, .format].contains($0.properties.generalCategory)
                    }
                #expect(unsafe.isEmpty, "\(name) shows \(unsafe)")
            }
        }
    }

    @Test func everyScreenSaysWhatCanBeDone() {
        for (columns, rows) in Self.sizes.dropLast() {
            for (name, state) in Self.all(columns: columns, rows: rows) {
                let last = state.text().last ?? ""
                let words = ["help", "close", "cancel", "clear", "back", "quit"]
                #expect(words.contains { last.contains($0) }, "\(name) at \(columns)x\(rows): \(last)")
            }
        }
    }
}

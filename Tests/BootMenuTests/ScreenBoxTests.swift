import Boot
import Curses
import GuestDomain
import Testing
import menu_sample

@testable import BootMenu

/// Where and when the menu shows a guest's screen.
@Suite struct ScreenBoxTests {
    /// Two guests run, and the second one's screen (the guests' list) or the first one's (its own) is open.
    private func menu(
        _ form: PictureForm = .cells(.cube), columns: Int = 80, rows: Int = 24, onList: Bool = false
    ) -> MenuState {
        var menu = Typing.menu(columns: columns, rows: rows)
        _ = menu.handle(.guests([Typing.guest(), Typing.guest("alpine", id: "wxyz9876")]))
        _ = menu.handle(.pictures(form))
        menu.press(.named(.tab))
        if !onList { menu.press(.named(.enter)) }
        return menu
    }

    private func screen(_ session: String = "abcd1234", age: Int = 0) throws -> MenuEvent {
        .screen(SeenScreen(session: session, picture: try #require(SampleScreen.picture), age: age))
    }

    private func frame(_ menu: MenuState) -> Frame { MenuView.frame(of: menu, glyphs: .unicode) }

    /// Whether cells have colours of their own.
    private func isPictured(_ menu: MenuState) -> Bool { frame(menu).rows.joined().contains { $0.colors != nil } }

    @Test func theShownGuestIsAskedForAsMuchAsThereIsRoomFor() {
        let wanted = menu().wantedScreen
        #expect(wanted?.session == "abcd1234" && wanted?.width == 36 && wanted?.height == 22)
        let kitty = menu(.kitty(CellSize(width: 10, height: 20))).wantedScreen
        #expect(kitty?.width == 360 && kitty?.height == 220)
        let large = menu(columns: 200, rows: 50).wantedScreen
        #expect(large?.width == 96 && large?.height == 74)
    }

    @Test func inTheListItIsTheChosenOne() throws {
        var menu = menu(onList: true)
        #expect(menu.wantedScreen?.session == "abcd1234")
        _ = menu.handle(try screen())
        #expect(isPictured(menu))
        menu.press(.named(.down))
        #expect(menu.wantedScreen?.session == "wxyz9876")
        #expect(!isPictured(menu))
        _ = menu.handle(try screen("wxyz9876"))
        #expect(isPictured(menu))
        // A list that needs the room keeps it.
        _ = menu.handle(.guests((10..<22).map { Typing.guest(id: "abcd12\($0)") }))
        #expect(menu.wantedScreen == nil)
    }

    @Test func nobodyIsAskedWhereNothingCouldBeShown() throws {
        #expect(menu(.off).wantedScreen == nil)
        #expect(menu(columns: 40, rows: 10).wantedScreen == nil)
        #expect(menu(columns: 80, rows: 18).wantedScreen == nil)
        var other = menu()
        other.press(.named(.tab))
        #expect(other.wantedScreen == nil)
        for change: (inout Guest) -> Void in [{ $0.status.phase = .guest }, { $0.isSilent = true }] {
            var menu = menu()
            _ = menu.handle(try screen())
            var guest = Typing.guest()
            change(&guest)
            _ = menu.handle(.guests([guest]))
            #expect(menu.wantedScreen == nil && !isPictured(menu))
        }
    }

    @Test func withoutAPictureTheMapOfTheImageHasAllTheRoom() throws {
        var menu = menu()
        #expect(menu.watched?.cells == 72 * 8)
        _ = menu.handle(try screen("wxyz9876"))
        #expect(menu.watched?.cells == 72 * 8)
        _ = menu.handle(try screen())
        // The picture of 16 x 10 takes 35 columns of 36, and its box and gap four.
        #expect(menu.watched?.cells == (72 - 39) * 8)
    }

    @Test func anOldPictureSaysSo() throws {
        var menu = menu()
        _ = menu.handle(try screen(age: 3))
        #expect(menu.text().contains { $0.contains("╭ screen ─") })
        _ = menu.handle(try screen(age: 75))
        #expect(menu.text().contains { $0.contains("╭ screen 1 min ago ─") })
    }

    @Test(arguments: [false, true]) func aPictureOfPixelsHasEmptyCellsInABox(_ onList: Bool) throws {
        for (columns, rows) in [(80, 24), (100, 30), (200, 50), (60, 20)] {
            for form in [PictureForm.kitty(CellSize(width: 10, height: 20)), .sixel(CellSize(width: 7, height: 16))] {
                var menu = menu(form, columns: columns, rows: rows, onList: onList)
                _ = menu.handle(try screen())
                guard menu.wantedScreen != nil else { continue }
                let frame = frame(menu)
                let area = try #require(frame.picture)
                for row in area.row..<(area.row + area.rows) {
                    let runs = frame.rows[row].map { ($0.column, $0.column + ScreenText.width($0.text), $0.text) }
                    #expect(!runs.contains { $0.0 < area.column + area.columns && $0.1 > area.column }, "\(runs)")
                    // What keeps ncurses from clearing it with the rest of the line.
                    #expect(runs.contains { $0.0 == area.column + area.columns && $0.2 == "│" }, "\(runs)")
                }
            }
        }
    }

    @Test func aDialogIsNotCoveredByAPictureOfPixels() throws {
        var menu = menu(.kitty(CellSize(width: 10, height: 20)))
        _ = menu.handle(try screen())
        #expect(frame(menu).picture != nil)
        menu.press(.character("x"))
        #expect(frame(menu).picture == nil)
        menu.press(.named(.escape))
        #expect(frame(menu).picture != nil)
    }

    @Test(arguments: [
        (720, 400), (640, 480), (1280, 800), (16_384, 1), (1, 16_384), (1, 1), (300, 301),
    ]) func everyPictureFitsWithItsProportions(_ width: Int, _ height: Int) throws {
        let pixels = [UInt8](repeating: 7, count: width * height * 3)
        let picture = try #require(ScreenPicture(width: width, height: height, pixels: pixels))
        let room = PictureArea(row: 0, column: 0, columns: 36, rows: 12)
        for form in [
            PictureForm.cells(.cube), .kitty(CellSize(width: 9, height: 18)), .sixel(CellSize(width: 9, height: 18)),
        ] {
            let area = ScreenBox.fit(picture, form, in: room)
            #expect((1...36).contains(area.columns) && (1...12).contains(area.rows))
            if (100...2000).contains(width) {
                let share = Double(area.columns * height) / Double(2 * area.rows * width)
                #expect(abs(share - 1) < 0.1, "\(area) \(form)")
            }
        }
        let area = ScreenBox.fit(picture, .cells(.cube), in: room)
        let drawn = CellPicture.rows(picture.scaled(within: area.columns, area.rows * 2), .cube, .unicode)
        #expect(drawn.count == area.rows)
    }
}

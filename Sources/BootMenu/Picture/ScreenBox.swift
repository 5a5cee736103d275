import Curses
import GuestDomain

extension MenuState {
    /// The guest whose screen is shown as a picture, beside its other facts or below the list; nil where there is none, or no picture.
    private var pictured: Guest? {
        let shown = top.screen.kind == .guests ? chosenGuest : guest(on: top.screen)
        guard let shown, shown.status.phase == .up, !shown.isSilent, !shown.isSuspended else { return nil }
        return shown
    }

    /// The session whose screen is wanted, and how many pixels there is room for.
    package var wantedScreen: (session: String, width: Int, height: Int)? {
        guard let guest = pictured, let cell = pictures.pixelsOfCell, let room = layout.screenRoom else { return nil }
        return (guest.id, room.columns * cell.width, room.rows * cell.height)
    }

    /// The picture that is shown.
    var shownScreen: SeenScreen? {
        guard pictures != .off, let screen, screen.session == pictured?.id else { return nil }
        return screen
    }
}

extension Layout {
    /// Cells for the picture of a guest's screen at most, within its box; nil where there is too little room.
    var screenRoom: PictureArea? {
        let area: PictureArea
        switch state.top.screen.kind {
        case .guest:
            let rows = bodyHeight - 10
            area = PictureArea(
                row: bodyTop + 9, column: 0, columns: min(size.columns / 2 - 4, rows * 4), rows: rows)
        case .guests:
            let taken = min(listHeight, state.guests.count)
            let rows = listHeight - taken - 2
            area = PictureArea(
                row: listTop + taken + 1, column: 0, columns: min(innerWidth(size.columns) - 4, rows * 4), rows: rows)
        default: return nil
        }
        return area.rows >= 6 && area.columns >= 20 ? area : nil
    }

    /// Columns that the box of the picture that is shown takes on a guest's screen, with the gap before it; 0 without one.
    var screenBoxWidth: Int {
        guard state.top.screen.kind == .guest, let room = screenRoom, let screen = state.shownScreen else { return 0 }
        return ScreenBox.fit(screen.picture, state.pictures, in: room).columns + 4
    }
}

/// A guest's screen, as a picture in a box at the right.
enum ScreenBox {
    /// - Parameters:
    ///   - top: the row of the box's upper border.
    ///   - end: the row below the last one that it may take.
    ///   - right: the column of its right border.
    static func draw(
        _ state: MenuState, _ layout: Layout, top: Int, end: Int, right: Int, on page: inout Page
    ) {
        guard let screen = state.shownScreen, var room = layout.screenRoom else { return }
        room.rows = min(room.rows, end - top - 2)
        guard room.rows > 0 else { return }
        var area = fit(screen.picture, state.pictures, in: room)
        (area.row, area.column) = (top + 1, right - area.columns)
        page.box(
            top: top, left: area.column - 1, width: area.columns + 2, height: area.rows + 2,
            title: screen.age == 0 ? "screen" : "screen \(Format.duration(Int64(screen.age))) ago")
        if case .cells(let palette) = state.pictures {
            let small = screen.picture.scaled(within: area.columns, area.rows * 2)
            for (row, runs) in CellPicture.rows(small, palette, page.glyphs).enumerated() {
                page.put(runs, row: area.row + row, column: area.column)
            }
        } else if state.overlay == nil {
            // A dialog would be below it.
            page.setPicture(area)
        }
    }

    /// The cells that the picture takes, with its own proportions.
    static func fit(_ picture: ScreenPicture, _ form: PictureForm, in room: PictureArea) -> PictureArea {
        guard let cell = form.pixelsOfCell else { return room }
        let (width, height) = (room.columns * cell.width, room.rows * cell.height)
        var size = picture.size(within: width, height)
        // Others show each of its pixels, and a cell of which they need a part is theirs.
        var share = (width: cell.width - 1, height: cell.height - 1)
        if case .kitty = form {
            // Kitty stretches it to whole cells, also one of few pixels.
            size =
                picture.width * height >= width * picture.height
                ? (width, picture.height * width / picture.width) : (picture.width * height / picture.height, height)
            share = (cell.width / 2, cell.height / 2)
        }
        var area = room
        area.columns = min(room.columns, max(1, (size.width + share.width) / cell.width))
        area.rows = min(room.rows, max(1, (size.height + share.height) / cell.height))
        return area
    }
}

import Curses
import GuestDomain

/// What the user wants of pictures; `menu.pictures` in the configuration.
package enum PictureSetting: String, Sendable, CaseIterable {
    /// As good as the terminal can.
    case auto
    /// Of cells, on every terminal.
    case cells
    case off
}

/// How pictures of guests' screens are shown on this terminal.
package enum PictureForm: Sendable, Hashable {
    case off
    /// Half a cell for each pixel, in the terminal's colours.
    case cells(Palette)
    case kitty(CellSize)
    case sixel(CellSize)

    /// Kitty scales pictures to cells itself: only their proportions matter where the size of cells is not known.
    private static let usualCell = CellSize(width: 10, height: 20)

    /// - Parameters:
    ///   - setting: ``PictureSetting/off`` also where there are only ASCII characters, or no colours.
    ///   - abilities: what the terminal says of itself.
    ///   - cell: pixels of a cell; nil where they are not known.
    ///   - colors: the terminal's number of colours.
    package init(_ setting: PictureSetting, _ abilities: TerminalAbilities, cell: CellSize?, colors: Int) {
        if setting == .auto, abilities.kitty {
            self = .kitty(cell ?? PictureForm.usualCell)
        } else if setting == .auto, abilities.sixel, let cell {
            self = .sixel(cell)
        } else if setting != .off, let palette = Palette(colors: colors) {
            self = .cells(palette)
        } else {
            self = .off
        }
    }

    /// Pixels of a picture that a cell has room for; nil where there are no pictures.
    var pixelsOfCell: CellSize? {
        switch self {
        case .off: nil
        case .cells: CellSize(width: 1, height: 2)
        case .kitty(let cell), .sixel(let cell): cell
        }
    }

    /// A picture of pixels in these cells; nil for those of cells.
    func placed(_ picture: ScreenPicture, in area: PictureArea) -> PlacedPicture? {
        let (rows, columns) = (area.row..<(area.row + area.rows), area.column..<(area.column + area.columns))
        switch self {
        case .off, .cells: return nil
        case .kitty:
            return PlacedPicture(
                rows: rows, columns: columns,
                drawing: KittyPicture.drawing(picture, columns: area.columns, rows: area.rows),
                removal: KittyPicture.removal)
        case .sixel(let cell):
            let fitting = picture.scaled(within: area.columns * cell.width, area.rows * cell.height)
            return PlacedPicture(rows: rows, columns: columns, drawing: SixelPicture.drawing(fitting))
        }
    }
}

/// Cells that a picture takes, or may take.
package struct PictureArea: Sendable, Hashable {
    package var row: Int
    package var column: Int
    package var columns: Int
    package var rows: Int
}

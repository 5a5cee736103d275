import Curses
import GuestDomain

/// A picture of cells: each shows two pixels, one above the other.
enum CellPicture {
    /// The picture's rows of cells, from column 0 on, as runs of one look.
    static func rows(_ picture: ScreenPicture, _ palette: Palette, _ glyphs: Glyphs) -> [[ScreenRun]] {
        stride(from: 0, to: picture.height, by: 2).map { top in
            // A last row of pixels alone fills its cells.
            let bottom = min(top + 1, picture.height - 1)
            var runs: [ScreenRun] = []
            for column in 0..<picture.width {
                let cell = cell(
                    palette.nearest(color(picture, top, column)), palette.nearest(color(picture, bottom, column)),
                    glyphs)
                if let last = runs.last, last.colors == cell.colors, last.text.hasSuffix(cell.text) {
                    runs[runs.count - 1].text += cell.text
                } else {
                    runs.append(ScreenRun(column: column, text: cell.text, colors: cell.colors))
                }
            }
            return runs
        }
    }

    /// The same two colours are one pair, whichever is above: terminals have few.
    private static func cell(_ top: Int32, _ bottom: Int32, _ glyphs: Glyphs) -> (text: String, colors: ScreenColors) {
        if top == bottom { return (glyphs.full, ScreenColors(ink: top, ground: top)) }
        return top < bottom
            ? (glyphs.upperHalf, ScreenColors(ink: top, ground: bottom))
            : (glyphs.lowerHalf, ScreenColors(ink: bottom, ground: top))
    }

    private static func color(_ picture: ScreenPicture, _ row: Int, _ column: Int) -> Palette.Color {
        let place = (row * picture.width + column) * 3
        let pixels = picture.pixels
        return Palette.Color(red: pixels[place], green: pixels[place + 1], blue: pixels[place + 2])
    }
}

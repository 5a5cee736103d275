import Boot

/// The characters that the screens draw with: Unicode's, or ASCII twins of the same width.
package struct Glyphs: Sendable, Hashable {
    let topLeft, topRight, bottomLeft, bottomRight, horizontal, vertical, teeLeft, teeRight: String
    let selected, done, current, failed, then, more: String
    /// A heading that hides what is below it, and one that shows it.
    let folded, unfolded: String
    let here, arriving, read, missing, hole: String
    let full, empty: String
    /// For pictures: each half of a cell has a colour.
    let upperHalf, lowerHalf: String
    /// Eighths of a cell, from one to seven; none in ASCII.
    let eighths: [String]
    let up, down, left, right: String
    let quoteStart, quoteEnd: String
    /// Takes the place of characters that must not reach the terminal.
    let control: Unicode.Scalar

    package static let unicode = Glyphs(
        topLeft: "╭", topRight: "╮", bottomLeft: "╰", bottomRight: "╯", horizontal: "─", vertical: "│", teeLeft: "├",
        teeRight: "┤", selected: "▸", done: "✓", current: "▸", failed: "✗", then: "›", more: "…", folded: "+",
        unfolded: "−", here: "▪",
        arriving: "◆", read: "●", missing: "▫", hole: "·", full: "█", empty: "░",
        upperHalf: "▀", lowerHalf: "▄",
        eighths: ["▏", "▎", "▍", "▌", "▋", "▊", "▉"], up: "↑", down: "↓", left: "←", right: "→", quoteStart: "“",
        quoteEnd: "”",
        control: "·")

    package static let ascii = Glyphs(
        topLeft: "+", topRight: "+", bottomLeft: "+", bottomRight: "+", horizontal: "-", vertical: "|", teeLeft: "+",
        teeRight: "+", selected: ">", done: "*", current: ">", failed: "x", then: ">", more: "~", folded: "+",
        unfolded: "-", here: "#",
        arriving: "+", read: "@", missing: "o", hole: ".", full: "#", empty: ".",
        upperHalf: "\"", lowerHalf: "_", eighths: [], up: "Up",
        down: "Down", left: "Left", right: "Right", quoteStart: "\"",
        quoteEnd: "\"", control: ".")

    /// A text in quotes, shortened if it is long.
    func quoted(_ text: String) -> String { quoteStart + clip(text, to: 40).text + quoteEnd }

    /// The glyph for a cell of an image's picture.
    func glyph(of cell: BlockMap.Cell) -> String {
        switch cell {
        case .hole: hole
        case .missing: missing
        case .here: here
        case .arriving: arriving
        case .read: read
        }
    }

    /// A bar of a fixed number of cells; empty where there is no total.
    func bar(done: UInt64, total: UInt64, cells: Int) -> String {
        guard total > 0, cells > 0 else { return "" }
        let parts = eighths.isEmpty ? 1 : 8
        let filled = Int(Double(min(done, total)) / Double(total) * Double(cells * parts))
        let (whole, rest) = (filled / parts, filled % parts)
        var text = String(repeating: full, count: whole)
        if rest > 0 { text += eighths[rest - 1] }
        return text + String(repeating: empty, count: cells - whole - (rest > 0 ? 1 : 0))
    }
}

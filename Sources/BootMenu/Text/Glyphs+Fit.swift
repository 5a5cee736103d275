/// Fits text into cells. Texts come from anywhere, so control characters are replaced.
extension Glyphs {
    /// Whether a character could control the terminal or change the direction of the text after it.
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x7F { return scalar.value < 0x20 }
        if scalar.value < 0x300 { return scalar.value < 0xA0 || scalar.value == 0xAD }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: return true
        default: return false
        }
    }

    /// The character, or its replacement.
    private func safe(_ scalar: Unicode.Scalar) -> Unicode.Scalar { Glyphs.isUnsafe(scalar) ? control : scalar }

    /// Cells that the text takes on the screen.
    func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + CellWidth.of(safe($1)) }
    }

    /// As much of the text as fits, ending in `…` if that is not all. Reads no more of it than it shows.
    /// - Returns: the text and its width, which may be one less than asked for before a wide character.
    func clip(_ text: String, to limit: Int) -> (text: String, width: Int) {
        guard limit > 0 else { return ("", 0) }
        let moreWidth = more.unicodeScalars.count
        var shown = String.UnicodeScalarView()
        var (length, width) = (0, 0)
        // Where the text ends if it turns out not to fit.
        var (cut, cutWidth) = (0, 0)
        // At most four marks without width in a row are kept.
        var marks = 0
        for scalar in text.unicodeScalars {
            let scalar = safe(scalar)
            let cells = CellWidth.of(scalar)
            marks = cells == 0 ? marks + 1 : 0
            if marks > 4 { continue }
            if width + cells > limit {
                shown.removeLast(length - cut)
                return (String(shown) + more, cutWidth + moreWidth)
            }
            shown.append(scalar)
            length += 1
            width += cells
            if width <= limit - moreWidth { (cut, cutWidth) = (length, width) }
        }
        return (String(shown), width)
    }

    /// Exactly `width` cells: clipped, or filled with spaces.
    func fit(_ text: String, _ width: Int, right: Bool = false) -> String {
        guard width > 0 else { return "" }
        let (shown, used) = clip(text, to: width)
        let space = String(repeating: " ", count: max(0, width - used))
        return right ? space + shown : shown + space
    }

    /// Lines of at most `width` cells, broken at spaces where there are any.
    /// - Parameter limit: lines; the last one ends in `…` when there is more.
    func wrap(_ text: String, _ width: Int, limit: Int = 1000) -> [String] {
        guard width > 0, limit > 0 else { return [] }
        var lines: [String] = []
        // No more can be shown, so no more is read.
        let bounded = String(text.unicodeScalars.prefix(width * limit * 2 + 2))
        for paragraph in bounded.split(separator: "\n", omittingEmptySubsequences: false) {
            var line = ""
            var used = 0
            for word in paragraph.split(separator: " ") {
                var word = String(word)
                var cells = self.width(word)
                if used > 0 && used + 1 + cells > width {
                    lines.append(line)
                    (line, used) = ("", 0)
                }
                while cells > width {
                    let head = firstCells(word, width)
                    guard !head.isEmpty else { break }
                    lines.append(head)
                    word = String(word.unicodeScalars.dropFirst(head.unicodeScalars.count))
                    cells = self.width(word)
                    if lines.count > limit { break }
                }
                line += used > 0 ? " " + word : word
                used += (used > 0 ? 1 : 0) + cells
                if lines.count > limit { break }
            }
            lines.append(line)
        }
        if lines.count > limit {
            lines = Array(lines.prefix(limit))
            lines[limit - 1] = firstCells(lines[limit - 1], width - self.width(more)) + more
        }
        return lines
    }

    private func firstCells(_ text: String, _ limit: Int) -> String {
        var head = String.UnicodeScalarView()
        var width = 0
        for scalar in text.unicodeScalars {
            width += CellWidth.of(safe(scalar))
            if width > limit { break }
            head.append(scalar)
        }
        return String(head)
    }
}

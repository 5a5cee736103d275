/// A bar of a fixed number of cells.
enum ProgressBar {
    static func text(done: UInt64, total: UInt64, cells: Int, signs: Signs) -> String {
        guard total > 0, cells > 0 else { return "" }
        let parts = signs.eighths.isEmpty ? 1 : 8
        let filled = Int(Double(min(done, total)) / Double(total) * Double(cells * parts))
        let (whole, rest) = (filled / parts, filled % parts)
        var text = String(repeating: signs.full, count: whole)
        if rest > 0 { text += signs.eighths[rest - 1] }
        return text + String(repeating: signs.empty, count: cells - whole - (rest > 0 ? 1 : 0))
    }
}

/// A square of how much versions share: a row's part that the column has.
enum ShareChart {
    static func svg(_ shares: VersionShares) -> String {
        let count = shares.versions.count
        let (left, top) = (84.0, 16.0)
        let cell = 396.0 / Double(count)
        var marks: [String] = []
        let every = max(1, (count + 17) / 18)
        for (row, parts) in shares.parts.enumerated() {
            let y = top + Double(row) * cell
            if row.isMultiple(of: every) {
                marks.append(
                    "<text x=\"\(left - 6)\" y=\"\(PageText.number(y + cell / 2 + 4))\" text-anchor=\"end\">"
                        + "\(shares.versions[row])</text>")
            }
            for (column, part) in parts.enumerated() {
                let x = left + Double(column) * cell
                // Most of every image is shared, so the scale spreads what is near to all.
                let strength = part * part * part
                let percent = Int((part * 100).rounded(.down))
                marks.append(
                    "<g><title>\(percent) % of \(shares.versions[row]) is in \(shares.versions[column])</title>"
                        + "<rect class=\"new\" fill-opacity=\"\(PageText.number(0.06 + 0.94 * strength, digits: 3))\" "
                        + "x=\"\(PageText.number(x))\" y=\"\(PageText.number(y))\" "
                        + "width=\"\(PageText.number(cell - 1.5))\" height=\"\(PageText.number(cell - 1.5))\" rx=\"2\"/>"
                )
                if count <= 14 {
                    let colour = strength > 0.45 ? " style=\"fill:#fff\"" : ""
                    marks.append(
                        "<text x=\"\(PageText.number(x + cell / 2 - 0.7))\" y=\"\(PageText.number(y + cell / 2 + 3.5))\" "
                            + "text-anchor=\"middle\"\(colour)>\(percent)</text>")
                }
                marks.append("</g>")
            }
        }
        return """
            <figure><h3>Shared between versions <span>percent of the row that the column has</span></h3>
            <svg viewBox="0 0 480 \(PageText.number(top + 400))" role="img" aria-label="Share between versions">\
            \(marks.joined())</svg></figure>
            """
    }
}

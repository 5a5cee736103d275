/// The image as a field of cells, read row by row: where its start reads, early in red, late in yellow.
enum HeatChart {
    private static let columns = 64

    static func svg(_ map: BootHeatMap) -> String {
        let rows = (map.cells.count + columns - 1) / columns
        let cell = 480.0 / Double(columns)
        var marks: [String] = []
        for (position, entry) in map.cells.enumerated() {
            let x = PageText.number(Double(position % columns) * cell)
            let y = PageText.number(Double(position / columns) * cell)
            let place = "x=\"\(x)\" y=\"\(y)\" width=\"\(cell - 1)\" height=\"\(cell - 1)\""
            if entry.read == 0 {
                marks.append("<rect class=\"\(entry.hasData ? "data" : "empty")\" \(place)/>")
            } else {
                // Red (hue 0) to yellow (52).
                let hue = Int(entry.first * 52)
                let part = Double(entry.read) / Double(map.blocksPerCell)
                let opacity = PageText.number(0.35 + 0.65 * min(1, part), digits: 2)
                marks.append("<rect fill=\"hsl(\(hue) 90% 52%)\" fill-opacity=\"\(opacity)\" \(place)/>")
            }
        }
        let blocks = map.blocksPerCell == 1 ? "a block" : "\(map.blocksPerCell) blocks"
        return """
            <figure><h3>Boot set of \(map.version) <span>\(map.count) blocks; red is read first, yellow last; \
            a cell is \(blocks), pale cells hold nothing</span></h3>
            <svg viewBox="0 0 480 \(PageText.number(Double(rows) * cell))" role="img" \
            aria-label="Where in the image a start reads">\(marks.joined())</svg></figure>
            """
    }
}

/// Bars of a distribution's growth: what the store had already, and what each version added.
enum GrowthChart {
    private static let (width, height, left, bottom) = (1040.0, 240.0, 70.0, 26.0)

    /// The next of 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 and their tens that is not smaller.
    private static func roundStep(_ least: Double) -> Double {
        var scale = 1.0
        while scale * 10 <= least { scale *= 10 }
        return ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].first { $0 * scale >= least } ?? 10) * scale
    }

    /// - Parameter versions: the oldest first.
    static func svg(_ versions: [TreeStatistics.Version]) -> String {
        let step = roundStep(Double(max(4, versions.map(\.cumulativeStored).max() ?? 4)) / 4)
        let top = 4 * step
        let plot = height - bottom - 10
        func y(_ bytes: Double) -> Double { 10 + plot * (1 - bytes / top) }
        var marks: [String] = []
        for mark in 0...4 {
            let bytes = step * Double(mark)
            let line = PageText.number(y(bytes))
            marks.append("<line class=\"grid\" x1=\"\(left)\" x2=\"\(width)\" y1=\"\(line)\" y2=\"\(line)\"/>")
            marks.append(
                "<text x=\"\(left - 8)\" y=\"\(PageText.number(y(bytes) + 4))\" text-anchor=\"end\">"
                    + "\(Quantity.bytes(UInt64(bytes)))</text>")
        }
        let slot = (width - left) / Double(versions.count)
        let bar = min(64, slot * 0.7)
        // No more labels than have room.
        let every = max(1, (versions.count + 12) / 13)
        var before = 0.0
        for (position, version) in versions.enumerated() {
            let x = left + slot * (Double(position) + 0.5) - bar / 2
            let now = Double(version.cumulativeStored)
            let label =
                "\(version.id): \(Quantity.bytes(version.cumulativeStored)), new \(Quantity.bytes(UInt64(now - before)))"
            marks.append("<g><title>\(label)</title>")
            for (name, low, high) in [("base", 0.0, before), ("new", before, now)] where high > low {
                let drawn = name == "new" ? max(1.5, y(low) - y(high)) : y(low) - y(high)
                marks.append(
                    "<rect class=\"\(name)\" x=\"\(PageText.number(x))\" y=\"\(PageText.number(y(low) - drawn))\" "
                        + "width=\"\(PageText.number(bar))\" height=\"\(PageText.number(drawn))\" rx=\"2\"/>")
            }
            marks.append("</g>")
            if position.isMultiple(of: every) {
                marks.append(
                    "<text x=\"\(PageText.number(x + bar / 2))\" y=\"\(height - 8)\" text-anchor=\"middle\">\(version.id)</text>"
                )
            }
            before = now
        }
        return """
            <figure><h3>Growth of the store <span>by version; what each added in blue</span></h3>
            <svg viewBox="0 0 \(width) \(height)" role="img" aria-label="Growth of the store by version">\(marks.joined())</svg></figure>
            """
    }
}

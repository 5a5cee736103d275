/// The statistics as one page of HTML: no script, no picture, nothing from elsewhere.
struct StatisticsPage {
    let title: String
    let made: String
    let statistics: TreeStatistics
    /// By distribution.
    var shares: [String: VersionShares] = [:]
    var heatMaps: [String: BootHeatMap] = [:]

    var html: String {
        let versions = statistics.distributions.map(\.versions.count).reduce(0, +)
        let images = statistics.distributions.flatMap(\.versions).reduce(UInt64(0)) { $0 + $1.size }
        let ratio = statistics.stored == 0 ? 0 : Double(images) / Double(statistics.stored)
        let facts = [
            ("\(statistics.distributions.count)", "distributions"), ("\(versions)", "versions"),
            (Quantity.bytes(images), "of images"), (Quantity.bytes(statistics.stored), "in the store"),
            (PageText.number(ratio, digits: 1), "bytes of image per byte stored"),
        ].map { "<div class=\"fact\"><b>\($0.0)</b><span>\($0.1)</span></div>" }
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(PageText.escape(title)): statistics</title><style>\(StatisticsPage.style)</style></head><body>
            <header><h1>\(PageText.escape(title))</h1><p>Statistics of \(made)</p></header>
            <div class="facts">\(facts.joined())</div>
            \(statistics.distributions.map(section).joined(separator: "\n"))
            </body></html>

            """
    }

    private func section(_ distribution: TreeStatistics.Distribution) -> String {
        var parts = [
            "<section><h2>\(PageText.escape(distribution.title)) <code>\(PageText.escape(distribution.id))</code></h2>"
        ]
        for version in distribution.versions {
            guard let error = version.recordingError else { continue }
            parts.append(
                "<p class=\"warning\">\(version.id): its start was not recorded: \(PageText.escape(error))</p>")
        }
        if !distribution.versions.isEmpty { parts.append(GrowthChart.svg(distribution.versions.reversed())) }
        parts.append("<div class=\"pair\">")
        if let shares = shares[distribution.id], shares.versions.count > 1 { parts.append(ShareChart.svg(shares)) }
        if let map = heatMaps[distribution.id] { parts.append(HeatChart.svg(map)) }
        parts.append("</div>")
        parts.append(table(distribution.versions))
        return (parts + ["</section>"]).joined(separator: "\n")
    }

    private func table(_ versions: [TreeStatistics.Version]) -> String {
        let heads = ["version", "image", "stored", "new", "shared", "growth", "frees with older", "boot set"]
        let rows = versions.map { version in
            let cells = [
                version.id + (version.pinned ? " 📌" : ""), Quantity.bytes(version.size), Quantity.bytes(version.stored),
                Quantity.bytes(version.newStored), Quantity.bytes(version.sharedStored),
                Quantity.bytes(version.cumulativeStored), Quantity.bytes(version.freedWithOlder),
                version.bootSetStored.map(Quantity.bytes) ?? (version.recordingError == nil ? "none" : "failed"),
            ]
            return "<tr>\(cells.map { "<td>\($0)</td>" }.joined())</tr>"
        }
        return "<table><tr>\(heads.map { "<th>\($0)</th>" }.joined())</tr>\(rows.joined(separator: "\n"))</table>"
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#1c2430;--dim:#66707d;--line:#d9dee5;--page:#f6f7f9;--card:#fff;\
        --base:#b9c6d8;--new:#2f6fde;--warn:#b3261e;--empty:#eceff3;--data:#d3dae4}
        @media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--dim:#98a2b0;--line:#323a46;--page:#14181e;--card:#1c222b;\
        --base:#46566d;--new:#5b95ff;--warn:#ff8a80;--empty:#222932;--data:#36404e}}
        body{font:15px/1.5 system-ui,"DejaVu Sans",sans-serif;color:var(--ink);background:var(--page);margin:0 auto;\
        padding:24px;max-width:1100px}
        h1{margin:0;font-size:26px}header p,h3 span,.fact span{color:var(--dim)}h2{margin:0 0 12px}h3{margin:18px 0 6px;font-size:15px}
        header p{margin:0 0 16px}code{color:var(--dim);font-weight:400}
        .facts{display:flex;flex-wrap:wrap;gap:12px;margin-bottom:16px}
        .fact,section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 18px}
        .fact b{display:block;font-size:20px}section{padding:20px;margin-bottom:20px}
        .pair{display:flex;flex-wrap:wrap;gap:28px}.pair figure{flex:1 1 380px;min-width:0;max-width:500px}
        figure{margin:0}svg{width:100%;height:auto;display:block}svg text{fill:var(--dim);font-size:11px}
        .base{fill:var(--base)}.new{fill:var(--new)}.grid{stroke:var(--line)}.empty{fill:var(--empty)}.data{fill:var(--data)}
        .warning{color:var(--warn);margin:4px 0}
        table{border-collapse:collapse;width:100%;margin-top:18px;font-variant-numeric:tabular-nums;font-size:13px}
        th,td{text-align:right;padding:4px 8px;border-bottom:1px solid var(--line)}th{color:var(--dim);font-weight:500}
        th:first-child,td:first-child{text-align:left}
        """
}

/// Text and numbers as a page has them.
enum PageText {
    /// What has a meaning in HTML is written as itself; control characters are left out.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case _ where scalar.properties.generalCategory == .control: continue
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// `12.3`
    static func number(_ value: Double, digits: Int = 1) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let rounded = (value * scale).rounded() / scale
        if digits == 0 { return "\(Int(rounded))" }
        return "\(rounded)"
    }
}

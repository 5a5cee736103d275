/// Texts in pages of HTML.
enum PageText {
    /// What has a meaning in HTML, also in an attribute, is written as itself; control characters are left out.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case _ where scalar.properties.generalCategory == .control: continue
            // These turn the direction of what follows, beyond the text's own end.
            case "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": continue
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    /// Colours and shapes of the pages, light and dark, narrow and wide.
    static let style = """

        :root { color-scheme: light dark; --ink: #1c2430; --dim: #66707d; --line: #d9dee5; --page: #f6f7f9; --card: #fff;
          --base: #b9c6d8; --new: #2f6fde; --warn: #b3261e; --empty: #eceff3; --data: #d3dae4 }
        @media (prefers-color-scheme: dark) {
          :root { --ink: #e6e9ee; --dim: #98a2b0; --line: #323a46; --page: #14181e; --card: #1c222b;
            --base: #46566d; --new: #5b95ff; --warn: #ff8a80; --empty: #222932; --data: #36404e }
        }
        body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); background: var(--page);
          margin: 0 auto; padding: 24px; max-width: 1100px }
        h1 { margin: 0; font-size: 26px }
        h2 { margin: 0 0 12px }
        h3 { margin: 18px 0 6px; font-size: 15px }
        header p, h3 span, .fact span, code { color: var(--dim); font-weight: 400 }
        header p { margin: 0 0 16px }
        .facts { display: flex; flex-wrap: wrap; gap: 12px; margin-bottom: 16px }
        .fact, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 18px }
        .fact b { display: block; font-size: 20px }
        section { padding: 20px; margin-bottom: 20px }
        .table { overflow-x: auto; margin-top: 18px }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 13px; white-space: nowrap }
        th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid var(--line) }
        th { color: var(--dim); font-weight: 500 }
        th:first-child, td:first-child { text-align: left }
        .base { fill: var(--base) } .new { fill: var(--new) }
        .warning { color: var(--warn); margin: 4px 0 }
        @media (max-width: 600px) { body { padding: 12px } section { padding: 14px } }

        """
}

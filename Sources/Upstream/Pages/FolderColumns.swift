import Formats

/// What web servers write behind a name in a folder's page: the day of the last change, and often the size.
enum FolderColumns {
    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]

    /// Reads `2026-11-16 05:24  327M` (Apache), `16-Nov-2026 05:24  12345` (nginx), `2026-Nov-16 05:24:11  12.3M` (lighttpd).
    static func read(_ text: String) -> UpstreamPage.Details {
        let words = text.split(whereSeparator: \.isWhitespace)
        var details = UpstreamPage.Details()
        guard let position = words.firstIndex(where: { day($0) != nil }) else { return details }
        details.modified = day(words[position])
        let rest = words[(position + 1)...].drop { $0.contains(":") }
        // Rounded sizes have a letter.
        details.size = rest.first.flatMap { $0.utf8.count > 3 ? UInt64($0) : nil }
        return details
    }

    private static func day(_ word: Substring) -> CivilDate? {
        if let day = CivilDate(String(word.prefix(10))) { return day }
        let parts = word.split(separator: "-")
        guard parts.count == 3, let month = months.firstIndex(of: parts[1].lowercased()) else { return nil }
        let (first, last) = (Int(parts[0]), Int(parts[2]))
        guard let first, let last, (1...9999).contains(max(first, last)) else { return nil }
        let isYearFirst = parts[0].utf8.count == 4
        return CivilDate(
            year: isYearFirst ? first : last, month: month + 1, day: isYearFirst ? last : first)
    }
}

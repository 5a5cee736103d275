import Formats

/// A version's name: the day it was built, and a number when the day had more than one. `2026-11-16`, `2026-11-16.1`.
package struct VersionID: Sendable, Hashable, Comparable {
    /// As written.
    package let text: String
    package let date: CalendarDate
    /// 0 where none is written.
    package let number: Int

    /// Reads `YYYY-MM-DD[.N]`, N of at most nine digits; nil when it is anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let date = CalendarDate(String(parts[0])) else { return nil }
        if parts.count == 2 {
            guard let number = DecimalDigits.value(parts[1].utf8) else { return nil }
            self.number = number
        } else {
            number = 0
        }
        self.text = text
        self.date = date
    }

    /// Older before newer: by day, then by number (`.10` is newer than `.9`).
    package static func < (left: VersionID, right: VersionID) -> Bool {
        (left.date, left.number, left.text) < (right.date, right.number, right.text)
    }
}

extension VersionID: CustomStringConvertible {
    package var description: String { text }
}

extension VersionID: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = VersionID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not a version such as 2026-11-16 or 2026-11-16.1")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

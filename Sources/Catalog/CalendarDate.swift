import Formats

/// A day of the Gregorian calendar, `2026-11-16`.
package struct CalendarDate: Sendable, Hashable, Comparable {
    private let date: CivilDate

    package var year: Int { date.year }
    package var month: Int { date.month }
    package var day: Int { date.day }
    /// Days since 1970-01-01.
    package var dayNumber: Int64 { date.dayNumber }

    /// Reads `YYYY-MM-DD` of the years 1970 to 9999; nil when it is anything else or no such day exists.
    package init?(_ text: String) {
        guard let date = CivilDate(text), date.year >= 1970 else { return nil }
        self.date = date
    }

    /// - Parameter dayNumber: days since 1970-01-01.
    package init(dayNumber: Int64) { date = CivilDate(dayNumber: dayNumber) }

    package static func < (left: CalendarDate, right: CalendarDate) -> Bool { left.date < right.date }
}

extension CalendarDate: CustomStringConvertible {
    package var description: String { date.description }
}

extension CalendarDate: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = CalendarDate(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a day such as 2026-11-16")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

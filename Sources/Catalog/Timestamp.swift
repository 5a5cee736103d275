import Formats
import Linux

/// A moment to the second, written in catalogs as RFC 3339 in UTC: `2026-11-16T03:12:00Z`.
package struct Timestamp: Sendable, Hashable, Comparable {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    package let seconds: Int64

    package init(seconds: Int64) { self.seconds = seconds }

    /// The first second of a day.
    package init(_ date: CalendarDate) { seconds = date.dayNumber * 86_400 }

    /// The machine's clock.
    package static var now: Timestamp { Timestamp(seconds: Int64(WallClock.seconds)) }

    /// Reads an RFC 3339 time of the years 1970 to 9999. A fraction is dropped, an offset counted in; nil for anything else.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, let date = CalendarDate(String(text.prefix(10))),
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let hour = DecimalDigits.value(bytes[11..<13]), hour < 24,
            let minute = DecimalDigits.value(bytes[14..<16]), minute < 60,
            let second = DecimalDigits.value(bytes[17..<19]), second <= 60
        else { return nil }
        var rest = bytes[19...]
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: { DecimalDigits.range.contains($0) })
            guard !fraction.isEmpty else { return nil }
            rest = rest[fraction.endIndex...]
        }
        guard let offset = Timestamp.offset(Array(rest)) else { return nil }
        let local = date.dayNumber * 86_400 + Int64(hour * 3600 + minute * 60 + min(second, 59))
        seconds = local - Int64(offset)
    }

    /// Seconds east of UTC: `Z`, `+01:00`, `-07:30`.
    private static func offset(_ bytes: [UInt8]) -> Int? {
        if bytes == [UInt8(ascii: "Z")] || bytes == [UInt8(ascii: "z")] { return 0 }
        guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"),
            bytes[3] == UInt8(ascii: ":"), let hours = DecimalDigits.value(bytes[1..<3]), hours < 24,
            let minutes = DecimalDigits.value(bytes[4..<6]), minutes < 60
        else { return nil }
        return (bytes[0] == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
    }

    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }
}

extension Timestamp: CustomStringConvertible {
    package var description: String { CivilTime(seconds: seconds).description }
}

extension Timestamp: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let value = Timestamp(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "not a time such as 2026-11-16T03:12:00Z")
        }
        self = value
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

import Formats
import Linux

/// A moment in whole seconds, as metadata writes it: `2026-11-16T03:12:00Z`.
package struct UTCTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970, leap seconds not counted.
    package let seconds: Int

    /// A moment by its seconds since 1970.
    package init(seconds: Int) { self.seconds = seconds }

    /// The machine's clock.
    package static func now() -> UTCTime { UTCTime(seconds: WallClock.seconds) }

    /// Reads exactly `YYYY-MM-DDTHH:MM:SSZ`; nil for anything else and for days that no month has.
    package init?(_ text: String) {
        guard let time = CivilTime(text), time.date.year >= 1 else { return nil }
        seconds = Int(time.seconds)
    }

    /// `YYYY-MM-DDTHH:MM:SSZ`.
    package var description: String { CivilTime(seconds: Int64(seconds)).description }

    /// The moment so many seconds later.
    package func adding(seconds more: Int) -> UTCTime { UTCTime(seconds: seconds + more) }

    package static func < (left: UTCTime, right: UTCTime) -> Bool { left.seconds < right.seconds }
}

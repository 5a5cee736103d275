import Formats

/// Numbers as people read them.
package enum Quantity {
    /// `999 B`, `1.5 kB`, `348.9 MB`: powers of 1000, one decimal.
    package static func bytes(_ count: UInt64) -> String { ByteCount.precise(count) }

    /// `4 s`, `2 min 05 s`, `1 h 02 min`.
    package static func duration(seconds: UInt64) -> String { DurationText.precise(seconds: seconds) }
}

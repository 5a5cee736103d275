/// Bytes as people read and write them: powers of 1000.
package enum ByteCount {
    private static let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]

    /// `84 MB`, `1.2 GB`: at most three digits, rounded down, so that a part never looks like the whole.
    package static func text(_ bytes: UInt64) -> String {
        var unit = 0
        var divisor: UInt64 = 1
        while unit + 1 < units.count && bytes / divisor >= 1000 {
            unit += 1
            divisor *= 1000
        }
        if unit == 0 { return "\(bytes) B" }
        let tenths = bytes / (divisor / 10)
        return tenths < 100 ? "\(tenths / 10).\(tenths % 10) \(units[unit])" : "\(bytes / divisor) \(units[unit])"
    }

    /// `999 B`, `1.5 kB`, `348.9 MB`: one decimal always, rounded to the nearest.
    package static func precise(_ bytes: UInt64) -> String {
        if bytes < 1000 { return "\(bytes) B" }
        var unit = 1
        var tenths = bytes / 100 + (bytes % 100 >= 50 ? 1 : 0)
        while tenths >= 10_000 && unit + 1 < units.count {
            tenths = (tenths + 500) / 1000
            unit += 1
        }
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    /// Reads `1500`, `20GiB`, `500 MB`; nil when it is anything else or does not fit.
    package static func parse(_ text: String) -> UInt64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits) else { return nil }
        let unit = text.dropFirst(digits.count).drop { $0 == " " }.lowercased()
        let scales: [String: UInt64] = [
            "": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20, "g": 1 << 30, "gib": 1 << 30,
            "t": 1 << 40, "tib": 1 << 40, "kb": 1000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000,
        ]
        guard let scale = scales[unit] else { return nil }
        let product = number.multipliedReportingOverflow(by: scale)
        return product.overflow ? nil : product.partialValue
    }
}

/// How long something lasts, as people read it.
package enum DurationText {
    /// `12 s`, `2 min`, `3 h`, `4 d`: one number, rounded down.
    package static func short(seconds: Int64) -> String {
        switch max(0, seconds) {
        case ..<60: "\(max(0, seconds)) s"
        case ..<5400: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// `4 s`, `2 min 05 s`, `1 h 02 min`.
    package static func precise(seconds: UInt64) -> String {
        func two(_ number: UInt64) -> String { DecimalDigits.padded(number, width: 2) }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(two(seconds % 60)) s" }
        return "\(seconds / 3600) h \(two(seconds / 60 % 60)) min"
    }
}

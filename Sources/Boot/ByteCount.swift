/// Bytes as people read and write them.
package enum ByteCount {
    /// `84 MB`, `1.2 GB`: powers of 1000, at most three digits.
    package static func text(_ bytes: UInt64) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
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

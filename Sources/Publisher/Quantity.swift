/// Numbers as people read them.
package enum Quantity {
    /// `999 B`, `1.5 kB`, `348.9 MB`: powers of 1000, one decimal.
    package static func bytes(_ count: UInt64) -> String {
        if count < 1000 { return "\(count) B" }
        var unit = 0
        var tenths = count / 100 + (count % 100 >= 50 ? 1 : 0)
        while tenths >= 10_000 && unit < 5 {
            tenths = (tenths + 500) / 1000
            unit += 1
        }
        return "\(tenths / 10).\(tenths % 10) \(["kB", "MB", "GB", "TB", "PB", "EB"][unit])"
    }

    /// `4 s`, `2 min 05 s`, `1 h 02 min`.
    package static func duration(seconds: UInt64) -> String {
        func two(_ number: UInt64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(two(seconds % 60)) s" }
        return "\(seconds / 3600) h \(two(seconds / 60 % 60)) min"
    }
}

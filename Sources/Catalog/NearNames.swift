/// Names that a user may have meant.
package enum NearNames {
    /// Up to three candidates within a few typing errors of `name`, nearest first, or those that it begins.
    package static func suggest(_ name: String, among candidates: [String]) -> [String] {
        let scored = candidates.compactMap { candidate -> (String, Int)? in
            if candidate.hasPrefix(name) || name.hasPrefix(candidate) { return (candidate, 0) }
            let distance = distance(name, candidate)
            return distance <= max(1, min(name.count, candidate.count) / 3) ? (candidate, distance) : nil
        }
        return scored.sorted { ($0.1, $0.0) < ($1.1, $1.0) }.prefix(3).map(\.0)
    }

    /// Letters to add, leave out or change, and neighbours to swap, until one is the other.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8.prefix(64))
        let right = Array(right.utf8.prefix(64))
        // The rows for two letters less of `left`, one less, and this one.
        var (before, last) = ([Int](), Array(0...right.count))
        for (i, a) in left.enumerated() {
            var row = [i + 1]
            for (j, b) in right.enumerated() {
                var distance = min(last[j + 1] + 1, row[j] + 1, last[j] + (a == b ? 0 : 1))
                if i > 0, j > 0, a == right[j - 1], b == left[i - 1] { distance = min(distance, before[j - 1] + 1) }
                row.append(distance)
            }
            (before, last) = (last, row)
        }
        return last[right.count]
    }
}

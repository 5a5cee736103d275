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

    /// Levenshtein's distance.
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8.prefix(64))
        let right = Array(right.utf8.prefix(64))
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let next = min(row[j + 1] + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = next
            }
        }
        return row[right.count]
    }
}

/// Finds the roles that may name a target without a look at each of them: a catalog of ten thousand distributions asks ten thousand
/// times, and its publisher may have as many roles.
struct DelegationIndex: Sendable {
    private struct Entry: Sendable {
        let role: Int
        let pattern: PathPattern
    }

    /// Patterns by what stands in front of their first slash, where that is plain text.
    private var named: [[Unicode.Scalar]: [Entry]] = [:]
    /// The others by the first characters of it that stand for themselves.
    private var beginning: [[Unicode.Scalar]: [Entry]] = [:]
    /// Roles by a beginning of the name's digest.
    private var hashed: [String: [Int]] = [:]
    private var hashLengths: Set<Int> = []

    /// Characters of a beginning that are looked up.
    private static let longestBeginning = 8
    /// Digits of SHA-256.
    private static let longestHash = 64

    init(_ roles: [DelegatedRole]) {
        for (position, role) in roles.enumerated() {
            switch role.names {
            case .paths(let paths):
                for path in paths {
                    let pattern = PathPattern(path)
                    let (text, isWhole) = pattern.beginning
                    let entry = Entry(role: position, pattern: pattern)
                    if isWhole {
                        named[text, default: []].append(entry)
                    } else {
                        beginning[Array(text.prefix(DelegationIndex.longestBeginning)), default: []].append(entry)
                    }
                }
            case .pathHashPrefixes(let prefixes):
                for prefix in prefixes where prefix.utf8.count <= DelegationIndex.longestHash {
                    hashed[prefix, default: []].append(position)
                    hashLengths.insert(prefix.utf8.count)
                }
            }
        }
    }

    /// Positions of the roles that may name a target, in their order.
    /// - Parameter steps: how many comparisons may be made; below 0 when they were not enough.
    func roles(for path: TargetPath, steps: inout Int) -> [Int] {
        var found: Set<Int> = []
        let first = path.parts.first ?? []
        find(named[first] ?? [], path, &steps, &found)
        for length in 0...min(first.count, DelegationIndex.longestBeginning) {
            find(beginning[Array(first.prefix(length))] ?? [], path, &steps, &found)
        }
        for length in hashLengths {
            let roles = hashed[String(path.digest.prefix(length))] ?? []
            steps -= roles.count + 1
            guard steps >= 0 else { return [] }
            found.formUnion(roles)
        }
        return found.sorted()
    }

    private func find(_ entries: [Entry], _ path: TargetPath, _ steps: inout Int, _ found: inout Set<Int>) {
        for entry in entries {
            steps -= 1
            guard steps >= 0 else { return }
            if !found.contains(entry.role), entry.pattern.matches(path, steps: &steps) { found.insert(entry.role) }
        }
    }
}

import Catalog
import Linux

/// Files of a copy that its tree names no longer, and since when: they go only after readers had time to take the newer catalog.
///
/// Kept in the copy as `blocks/.unused`: a line `SECONDS PATH` for each.
struct UnusedFiles {
    static let path = "blocks/.unused"
    private static let longest = 256 << 20
    /// Seconds since 1970, by path.
    private(set) var since: [String: Int64] = [:]

    /// - Parameter text: what an earlier run wrote; lines that are none are ignored.
    init(text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 1)
            if words.count == 2, let seconds = Int64(words[0]) { since[String(words[1])] = seconds }
        }
    }

    /// Reads a copy's record; an empty one where there is none.
    init(of destination: any MirrorDestination) async throws {
        let bytes = try await destination.read(UnusedFiles.path, limit: UnusedFiles.longest) ?? []
        self.init(text: String(decoding: bytes, as: UTF8.self))
    }

    /// Takes note of what is there and what of it is used.
    /// - Parameter patience: seconds.
    /// - Returns: what has been unused for longer, sorted.
    mutating func update(present: [String], used: Set<String>, now: Int64, patience: Int64) -> [String] {
        var next: [String: Int64] = [:]
        var expired: [String] = []
        for path in present where !used.contains(path) {
            // A clock that was wrong then makes nothing older than it is now.
            let first = min(since[path] ?? now, now)
            if now - first >= patience { expired.append(path) } else { next[path] = first }
        }
        since = next
        return expired.sorted()
    }

    var text: String { since.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)\n" }.joined() }
}

extension TreeMirror {
    /// Removes what the tree has not named for some days. Call it when the newest timestamp is published.
    /// - Parameters:
    ///   - used: the paths that the newest metadata leads to.
    ///   - days: how long a file stays after it was first seen unused.
    /// - Returns: how many files went.
    static func removeUnused(
        from destination: any MirrorDestination, used: Set<String>, days: Int, cancellation: Cancellation
    ) async throws -> Int {
        var present: [String] = []
        for folder in ["blocks/", "targets/", "metadata/"] {
            // Hidden names are a publisher's notes, others a file system's; roots are how readers of any age find the newest.
            present += try await destination.paths(below: folder).filter { path in
                !path.hasSuffix(".root.json")
                    && !path.split(separator: "/").contains {
                        $0.hasPrefix(".") || ForeignNames.contain($0)
                    }
            }
        }
        var record = try await UnusedFiles(of: destination)
        let expired = record.update(
            present: present, used: used, now: Timestamp.now.seconds, patience: Int64(days) * 86_400)
        // Written first: a run that is stopped in between finds the rest unused again, and waits again.
        try await destination.write(Array(record.text.utf8), to: UnusedFiles.path)
        for path in expired {
            try cancellation.check()
            try await destination.remove(path)
        }
        return expired.count
    }
}

import ContentAddress
import Linux

/// The folder of a user's ledgers, by which a cache knows what its pieces with made-up ids are.
package struct LedgerFolder: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    private static let suffix = ".pieces"
    /// Ledgers that are looked at.
    private static let most = 4096
    /// Seconds for which a file that is not whole counts as wanted after its last piece came.
    private static let wanted = 7 * 86_400

    /// Where a file's ledger is.
    package func path(of key: PieceKey) -> String { "\(path)/\(key.hex)\(LedgerFolder.suffix)" }

    /// The ledger of the file that a piece belongs to; nil where there is none that can be read.
    func ledger(of key: PieceKey) -> PieceLedger? {
        // What has no ledger is no known piece.
        try? PieceLedger(existing: path(of: key))
    }

    /// The files that are still being fetched: not whole and right yet, and wanted of late. What of them is evicted is missing where the
    /// whole is to be verified.
    func unfinished() -> Set<PieceKey> {
        var keys: Set<PieceKey> = []
        // Without the folder nothing is being fetched.
        guard let folder = try? Folder(path: path), let names = try? folder.names() else { return keys }
        let now = Int64(WallClock.seconds)
        for name in names.filter({ $0.hasSuffix(LedgerFolder.suffix) }).prefix(LedgerFolder.most) {
            // One that cannot be read says nothing; so below.
            guard let entry = try? folder.entry(name), entry.isRegularFile,
                now - entry.modified / 1_000_000_000 < LedgerFolder.wanted
            else { continue }
            // As above.
            let header = try? LedgerHeader(of: folder.file(name, for: .reading))
            if let header, header.state == .open { keys.insert(header.key) }
        }
        return keys
    }
}

/// In which order blocks leave a cache: those used longest ago first, and pieces of files that are still being fetched last of all.
struct EvictionOrder {
    let unfinished: Set<PieceKey>

    func sorted(_ blocks: [CachedBlock]) -> [CachedBlock] {
        let sorted = blocks.sorted { $0.lastUse < $1.lastUse }
        guard !unfinished.isEmpty else { return sorted }
        return sorted.filter { !isWanted($0) } + sorted.filter(isWanted)
    }

    private func isWanted(_ block: CachedBlock) -> Bool { unfinished.contains(PieceKey(of: block.id)) }
}

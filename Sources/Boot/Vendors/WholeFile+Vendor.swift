import BlockStore
import ImageIndex
import Linux
import Vendors

/// What is made of all of a vendor's file.
enum FileFinding: Sendable, Equatable {
    /// So many pieces are not stored: nothing can be said.
    case incomplete(missing: Int)
    /// The vendor says nothing that it could be compared with.
    case unknown
    case right
    /// Why it is not what the vendor says.
    case wrong(reason: String)
}

extension PinnedFile {
    /// Compares all of the file with what its vendor says, if all of it is here. Reads all of it from the cache, each piece verified as ever.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``; `VendorsError` where it cannot be found out.
    func check(
        _ index: ImageIndex, _ ledger: PieceLedger?, cache: BlockCache, store: any BlockStore, library: VendorLibrary
    ) async throws -> FileFinding {
        let whole = WholeFile(index: index, cache: cache, ledger: ledger)
        guard !whole.isWrong else { return .wrong(reason: PinnedFile.foundElsewhere) }
        let verdict = try await WorkerThread.run(name: "check") {
            let missing = try whole.missing().count
            return missing > 0 ? .incomplete(pieces: missing) : try whole.verdict(on: source.digests)
        }
        switch verdict {
        case .incomplete(let pieces): return .incomplete(missing: pieces)
        case .wrong(let expected, let actual):
            return .wrong(reason: "its digest is \(actual), and should be \(expected)")
        case .cancelled: throw CancellationError()
        case .right where signaturePath == nil:
            return try whole.finish() ? .right : .wrong(reason: PinnedFile.foundElsewhere)
        case .unknown where signaturePath == nil: return .unknown
        case .right, .unknown: break
        }
        // The vendor has signed the file itself.
        do {
            try await library.verifyWhole(self) { offset, count in
                try whole.bytes(at: offset, most: count)
            }
            return try whole.finish() ? .right : .wrong(reason: PinnedFile.foundElsewhere)
        } catch VendorsError.unverified(_, _, let reason) {
            return .wrong(reason: reason)
        } catch is WholeFile.MissingPiece {
            return .incomplete(missing: 1)
        }
    }

    private static let foundElsewhere = "another session had all of it, and found that it is not"

    /// Throws away all that is here of the file, so that the next start fetches it anew. Waits for the disk.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``; what was written down of its pieces is gone all the same.
    func throwAway(
        _ index: ImageIndex, _ ledger: PieceLedger?, _ key: VersionKey, cache: BlockCache, library: VendorLibrary
    ) throws {
        defer { library.forget(self) }
        try cache.unpin(key.description)
        try WholeFile(index: index, cache: cache, ledger: ledger).throwAway()
    }
}

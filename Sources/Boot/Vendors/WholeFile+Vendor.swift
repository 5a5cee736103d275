import BlockStore
import ImageIndex
import Linux
import Synchronization
import Vendors

/// What is made of all of a vendor's file.
enum FileFinding: Sendable, Equatable {
    /// So many pieces are not stored: nothing can be said.
    case incomplete(missing: Int)
    /// The vendor says nothing that it could be compared with.
    case unknown
    case right
    /// Why it is not what the vendor says: another digest, or a signature of other bytes.
    case wrong(reason: String)
    /// Why it could not be verified, which says nothing about the file: no program for the signature, no key, a key that has expired.
    case unverifiable(reason: String, isPassing: Bool)
}

extension PinnedFile {
    /// Compares all of the file with what its vendor says, if all of it is here. Reads all of it from the cache, each piece verified as
    /// ever. Only when all that the vendor has said was compared does the ledger say that the file is right.
    /// - Throws: ``ImageIndexError``, ``SystemCallError``; CancellationError.
    func check(
        _ index: ImageIndex, _ ledger: PieceLedger?, cache: BlockCache, library: VendorLibrary
    ) async throws -> FileFinding {
        let whole = WholeFile(index: index, cache: cache, ledger: ledger)
        if whole.isWrong { return .wrong(reason: PinnedFile.foundWrong) }
        let isCancelled = Atomic(false)
        let verdict = try await withTaskCancellationHandler {
            try await WorkerThread.run(name: "check") {
                let missing = try whole.missing().count
                if missing > 0 { return WholeFile.Verdict.incomplete(pieces: missing) }
                return try whole.verdict(on: source.digests) { _ in
                    !isCancelled.load(ordering: .relaxed)
                }
            }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
        switch verdict {
        case .incomplete(let pieces): return .incomplete(missing: pieces)
        case .wrong(let expected, let actual):
            return .wrong(reason: "its digest is \(actual), and should be \(expected)")
        case .cancelled: throw CancellationError()
        case .unknown where signaturePath == nil: return .unknown
        case .right, .unknown: break
        }
        if signaturePath != nil,
            let finding = try await checkSignature(whole, library)
        {
            return finding
        }
        // Another process may have found it wrong meanwhile, by what the vendor said to it.
        return try whole.finish() ? .right : .wrong(reason: PinnedFile.foundWrong)
    }

    private static let foundWrong = "another session, or a fetch, had all of it and found it wrong"

    /// The vendor has signed the file itself.
    /// - Returns: nil where it is right.
    private func checkSignature(_ whole: WholeFile, _ library: VendorLibrary) async throws -> FileFinding? {
        guard library.hint(system) != nil else {
            return .unverifiable(
                reason: "the table of vendors no longer has \(system), and so no key for its signature",
                isPassing: false)
        }
        do {
            try await library.verifyWhole(self) { offset, count in
                try whole.bytes(at: offset, most: count)
            }
            return nil
        } catch VendorsError.unverified(_, _, let reason) {
            return .wrong(reason: reason)
        } catch let error as VendorsError {
            return .unverifiable(reason: "\(error)", isPassing: error.isTransient)
        } catch is WholeFile.MissingPiece {
            return .incomplete(missing: 1)
        }
    }

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

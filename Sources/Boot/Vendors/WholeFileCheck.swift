import BlockStore
import ImageIndex
import Linux
import Vendors

/// Compares all of a vendor's file with what its vendor says of it, once all of it is stored.
struct WholeFileCheck: Sendable {
    enum Finding: Sendable, Equatable {
        /// So many pieces are not stored: nothing can be said.
        case incomplete(missing: Int)
        /// The vendor says nothing that it could be compared with.
        case unknown
        case right
        /// Why it is not what the vendor says.
        case wrong(reason: String)
    }

    let index: ImageIndex
    let store: any BlockStore
    let cache: BlockCache
    let ledger: PieceLedger?

    /// Reads all of the file from the cache, each piece verified as ever.
    /// - Throws: ``ImageIndexError``; `VendorsError` where it cannot be found out.
    func run(_ file: PinnedFile, _ library: VendorLibrary) async throws -> Finding {
        let missing = try await WorkerThread.run(name: "check") {
            var missing = 0
            try index.forEachBlock { if !$0.isHole && !cache.contains($0.id) { missing += 1 } }
            return missing
        }
        guard missing == 0 else { return .incomplete(missing: missing) }
        guard !file.source.digests.isEmpty || file.signaturePath != nil else { return .unknown }
        do {
            try await library.verifyWhole(file) { offset, count in try bytes(at: offset, count) }
            return .right
        } catch VendorsError.unverified(_, _, let reason) {
            return .wrong(reason: reason)
        } catch is MissingPiece {
            return .incomplete(missing: 1)
        }
    }

    /// A piece that was there is there no more.
    private struct MissingPiece: Error {}

    /// Bytes of one piece, from the cache.
    private func bytes(at offset: UInt64, _ count: Int) throws -> [UInt8] {
        let block = try index.block(containing: offset)
        let start = Int(offset - block.offset)
        let length = min(count, block.length - start)
        guard !block.isHole else { return [UInt8](repeating: 0, count: length) }
        let request = BlockRequest(
            id: block.id, length: block.length, algorithm: index.algorithm, priority: .prefetch, ledger: ledger)
        return try [UInt8](unsafeUninitializedCapacity: length) { buffer, filled in
            guard store.read(request, at: start, into: UnsafeMutableRawBufferPointer(buffer)) else {
                throw MissingPiece()
            }
            filled = length
        }
    }
}

import ContentAddress
import Curl

/// A block store behind one URL: each block is a piece of the file there, asked for by its range.
package final class RangeBlockStore: BlockStore {
    /// - Parameters:
    ///   - size: bytes of the whole file.
    ///   - pieces: where each block is in it.
    ///   - head: the file's first bytes, if they have come already.
    ///   - isVerified: whether every id is a digest that somebody has signed; otherwise nothing leads from https to http.
    ///   - isOnly: whether nobody else has the file: then requests wait where the server wants to be left alone.
    package init(
        _ place: RangedPlace, size: UInt64, pieces: PiecePlaces, head: [UInt8] = [], isVerified: Bool, isOnly: Bool,
        queue: TransferQueue, pool: DecodePool = .shared
    ) {}

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        completion(.failure(.closed))
    }

    // A server keeps nothing locally.
    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        false
    }

    package func raise(_ id: BlockID) {}

    package func cancel(_ id: BlockID) {}
}

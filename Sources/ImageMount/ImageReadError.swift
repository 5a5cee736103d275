import BlockStore
import ImageIndex

/// Why a read gave no bytes. The case is the policy: wait, repair, or stop.
package enum ImageReadError: Error, Sendable {
    /// The block did not come within the bound; it is still being fetched.
    case timedOut(IndexedBlock)
    /// The store has no right block to give.
    case block(IndexedBlock, cause: BlockStoreError)
    /// The wait was ended by ``ImageReader/releaseWaitingReads()`` or is not allowed now.
    case released
    /// The reader was closed.
    case closed
    /// The index file can no longer be read.
    case index(ImageIndexError)
}

extension ImageReadError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timedOut(let block): "block \(block.position) (\(block.id)) did not come in time"
        case .block(let block, let cause): "block \(block.position): \(cause)"
        case .released: "the read was ended because the guest is about to be paused"
        case .closed: "the image was closed"
        case .index(let cause): "\(cause)"
        }
    }
}

import ContentAddress
import Linux

/// Why a store did not give a block. The case is the policy: try the next place, drop and refetch, or wait.
package enum BlockStoreError: Error, Sendable {
    /// The place answers, and does not have the block. `place` is a URL or path.
    case missing(BlockID, place: String)
    /// What the place gave is not the block: wrong digest, wrong length, no zstd, or a bomb. `reason` is a phrase.
    case corrupt(BlockID, place: String, reason: String)
    /// The place did not answer, or broke off.
    case unreachable(place: String, cause: any Error)
    /// The store was closed while the request waited.
    case closed
}

extension BlockStoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let id, let place): "block \(id) is not at \(place)"
        case .corrupt(let id, let place, let reason): "block \(id) from \(place) is damaged: \(reason)"
        case .unreachable(let place, let cause): "\(place): \(words(of: cause))"
        case .closed: "the block store was closed"
        }
    }
}

import ContentAddress
import Linux

/// What a cache could not do. No read fails for it.
package enum CacheWarning: Error, Sendable {
    /// Blocks cannot be stored: a full or read-only file system, a missing permission.
    case cannotWrite(directory: String, cause: SystemCallError)
    /// A block that is there cannot be read.
    case cannotRead(directory: String, cause: SystemCallError)
    /// Everything in the cache is pinned or in use, or the block is larger than the limit.
    case noRoom(directory: String)
    /// Blocks are not kept for now: the disk is slower than the network, or another process holds the cache.
    case declined(directory: String)
    /// A block in the cache was damaged, and was dropped to be fetched again.
    case repaired(BlockID)

    /// Each kind is reported once a process, repairs each time.
    var kind: String? {
        switch self {
        case .cannotWrite(_, let cause): "write \(cause.code)"
        case .cannotRead(_, let cause): "read \(cause.code)"
        case .noRoom: "room"
        case .declined: "declined"
        case .repaired: nil
        }
    }
}

extension CacheWarning: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotWrite(let directory, let cause): "blocks cannot be kept in \(directory): \(cause)"
        case .cannotRead(let directory, let cause): "a block in \(directory) cannot be read: \(cause)"
        case .noRoom(let directory): "no room for more blocks in \(directory)"
        case .declined(let directory):
            "some blocks are not kept in \(directory) for now: its disk is slow, or another program holds the cache"
        case .repaired(let id): "block \(id) in the cache was damaged and is fetched again"
        }
    }
}

import ContentAddress

/// Which block is wanted, and how urgently.
package struct BlockRequest: Sendable, Hashable {
    /// Demand goes before prefetch wherever requests queue.
    package enum Priority: Int, Sendable, Comparable {
        case prefetch
        /// Somebody waits for this block now.
        case demand

        package static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
    }

    package let id: BlockID
    /// Bytes of the uncompressed block; decompression stops there.
    package let length: Int
    package let algorithm: DigestAlgorithm
    package var priority: Priority
    /// Whether it is fetched in order to be kept: a cache may not decline it for a full line of writes, and answers when the
    /// block has its place in the line.
    package var isForKeeping: Bool

    package init(
        id: BlockID, length: Int, algorithm: DigestAlgorithm, priority: Priority = .demand, isForKeeping: Bool = false
    ) {
        self.id = id
        self.length = length
        self.algorithm = algorithm
        self.priority = priority
        self.isForKeeping = isForKeeping
    }
}

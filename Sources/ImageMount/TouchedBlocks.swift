import Synchronization

/// Which blocks have been read: one bit a block. Readers of blocks that were read before share no lock.
final class TouchedBlocks: Sendable {
    // Immutable after init but for the atomics themselves.
    private nonisolated(unsafe) let bits: UnsafeMutableBufferPointer<Atomic<UInt64>>
    private let touched = Atomic(0)
    /// Held while one block after the other is told of.
    private let order = Mutex(())

    init(count: Int) {
        bits = .allocate(capacity: (count + 63) / 64)
        for position in bits.indices { bits.initializeElement(at: position, to: Atomic(0)) }
    }

    deinit {
        bits.deinitialize()
        bits.deallocate()
    }

    /// Blocks touched so far.
    var count: Int { touched.load(ordering: .relaxed) }

    func contains(_ position: Int) -> Bool {
        bits[position >> 6].load(ordering: .relaxed) & TouchedBlocks.bit(position) != 0
    }

    /// Notes a block; calls `first`, one call at a time and in order, when it is new.
    func touch(_ position: Int, first: () -> Void) {
        guard !contains(position) else { return }
        order.withLock { _ in
            let before = bits[position >> 6].bitwiseOr(TouchedBlocks.bit(position), ordering: .relaxed).oldValue
            guard before & TouchedBlocks.bit(position) == 0 else { return }
            touched.add(1, ordering: .relaxed)
            first()
        }
    }

    private static func bit(_ position: Int) -> UInt64 { UInt64(1) << UInt64(position & 63) }
}

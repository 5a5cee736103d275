import ImageIndex
import Synchronization

/// Which blocks have been read: one bit a block.
final class TouchedBlocks: Sendable {
    private let bits: Mutex<[UInt64]>
    private let touched = Atomic(0)

    init(count: Int) {
        bits = Mutex([UInt64](repeating: 0, count: (count + 63) / 64))
    }

    /// Blocks touched so far.
    var count: Int { touched.load(ordering: .relaxed) }

    /// Notes a block; calls `first`, one call at a time and in order, when it is new.
    func touch(_ position: Int, first: () -> Void) {
        bits.withLock { bits in
            let bit = UInt64(1) << UInt64(position & 63)
            guard bits[position >> 6] & bit == 0 else { return }
            bits[position >> 6] |= bit
            touched.add(1, ordering: .relaxed)
            first()
        }
    }
}

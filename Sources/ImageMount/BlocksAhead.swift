import BlockStore
import Collections
import Synchronization

/// Blocks that came ahead of a sequential reader and are held, verified, until it takes them: it then needs neither the
/// cache's file nor its digest a second time.
final class BlocksAhead: Sendable {
    private struct State {
        var streams: SequentialStreams
        var held: OrderedDictionary<Int, BlockBytes> = [:]
        var bytes = 0
    }

    private let limit: Int
    private let state: Mutex<State>
    /// So that readers who ask for nothing ahead share no lock.
    private let count = Atomic(0)

    /// - Parameters:
    ///   - limit: bytes held at most; 0 means that nothing is read ahead.
    ///   - longestBlock: bytes.
    init(limit: Int, longestBlock: Int) {
        self.limit = limit
        state = Mutex(State(streams: SequentialStreams(longest: limit / max(1, longestBlock))))
    }

    /// Notes that a block is read for the first time.
    /// - Returns: positions of the blocks to ask for now.
    func touched(_ position: Int) -> Range<Int> {
        guard limit > 0 else { return position..<position }
        return state.withLock { $0.streams.touched(position) }
    }

    /// Holds a block that arrived; the one that has waited longest goes when there are too many.
    func hold(_ position: Int, _ bytes: BlockBytes) {
        // Freed after the lock is given back.
        let dropped = state.withLock { state in
            var dropped: [BlockBytes] = []
            if let before = state.held.updateValue(bytes, forKey: position) {
                state.bytes -= before.count
                dropped.append(before)
            }
            state.bytes += bytes.count
            while state.bytes > limit, !state.held.isEmpty {
                let oldest = state.held.remove(at: 0).value
                state.bytes -= oldest.count
                dropped.append(oldest)
            }
            count.store(state.held.count, ordering: .relaxed)
            return dropped
        }
        _ = dropped
    }

    /// Copies a part of a block that is held; the block goes when its last byte is taken.
    /// - Returns: false when it is not held.
    func take(_ position: Int, at offset: Int, into target: UnsafeMutableRawBufferPointer) -> Bool {
        guard count.load(ordering: .relaxed) > 0 else { return false }
        let bytes = state.withLock { state -> BlockBytes? in
            guard let bytes = state.held[position] else { return nil }
            if offset + target.count == bytes.count {
                state.held.removeValue(forKey: position)
                state.bytes -= bytes.count
                count.store(state.held.count, ordering: .relaxed)
            }
            return bytes
        }
        guard let bytes else { return false }
        bytes.withUnsafeBytes {
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + target.count)]))
        }
        return true
    }
}

import BlockStore
import Collections
import Linux
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

    /// Drops what is held: its readers find it in the cache, or ask for it anew.
    func forget() {
        // Freed after the lock is given back.
        let dropped = state.withLock { state in
            defer { (state.held, state.bytes) = ([:], 0) }
            count.store(0, ordering: .relaxed)
            return state.held
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

/// Finds readers that go through an image in order, and says which blocks they will want next.
///
/// A stream's window doubles with every block that was asked for ahead and then read, up to `longest`. Blocks that were asked
/// for and never read make the windows of new streams start smaller.
struct SequentialStreams: Sendable {
    private struct Stream {
        /// The position after the furthest one that was read.
        var next: Int
        /// The position after the last one that was asked for ahead.
        var until: Int
        var window = 0
        var lastUse: UInt64
    }

    /// Readers that are followed at the same time.
    private static let most = 8
    /// Positions by which the kernel's own requests, answered by several threads, may come out of order.
    private static let disorder = 4

    private let longest: Int
    private var streams: [Stream] = []
    private var clock: UInt64 = 0
    /// Blocks that a stream asks for when its second block is read.
    private var start: Int

    /// - Parameter longest: blocks of the longest window; 0 means that nothing is asked for ahead.
    init(longest: Int) {
        self.longest = longest
        start = min(4, longest)
    }

    /// Notes that a block is read for the first time.
    /// - Returns: the positions to ask for now, each only once in a stream's life.
    mutating func touched(_ position: Int) -> Range<Int> {
        guard longest > 0 else { return position..<position }
        clock += 1
        let found = streams.firstIndex { stream in
            position >= stream.next - SequentialStreams.disorder
                && position < max(stream.until, stream.next) + SequentialStreams.disorder
        }
        guard let found else {
            begin(at: position)
            return position..<position
        }
        var stream = streams[found]
        defer { streams[found] = stream }
        stream.lastUse = clock
        guard position >= stream.next else { return position..<position }
        if position < stream.until {
            stream.window = min(stream.window * 2, longest)
            start = min(start + 1, longest, 8)
        } else {
            stream.window = max(stream.window, start)
        }
        stream.next = position + 1
        let first = max(stream.until, stream.next)
        stream.until = max(stream.until, stream.next + stream.window)
        return first..<stream.until
    }

    private mutating func begin(at position: Int) {
        if streams.count == SequentialStreams.most,
            let oldest = streams.indices.min(by: { streams[$0].lastUse < streams[$1].lastUse })
        {
            let ended = streams.remove(at: oldest)
            if ended.until - ended.next > ended.window / 2 { start = max(1, start / 2) }
        }
        streams.append(Stream(next: position + 1, until: position + 1, lastUse: clock))
    }
}

extension ImageReader {
    /// Asks for what a reader in order will want next. Nobody waits for it; a read that wants it before it has come raises it.
    /// May wait for the disk, to see whether it is stored.
    package func fetchAhead(of read: BegunRead) {
        for position in read.ahead.joined() where position < index.count {
            // An index that can no longer be read fails the reads themselves.
            guard let next = try? index.block(at: position), !next.isHole else { continue }
            // Of what was read, only pages that came from the boot pack lack their block.
            if packed == nil, touched.contains(position) { continue }
            let now = MonotonicClock.nanoseconds
            let isStored = store.read(request(next), at: 0, into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            if isStored, touched.contains(position) { continue }
            observer?.fetchBegan(next)
            store.fetch(request(next, .prefetch, missedAt: isStored ? nil : now)) { [weak self] result in
                guard let self else { return }
                switch result {
                case .success(let bytes):
                    observer?.fetched(next)
                    compare(next, bytes)
                    if !touched.contains(position) { blocksAhead.hold(position, bytes) }
                case .failure: observer?.fetchFailed(next)
                }
            }
        }
    }
}

import BlockStore
import ImageIndex
import Linux
import Synchronization

/// What is known of each block of an image while a session runs: one byte for each block. Any thread may use it.
final class BlockStates: Sendable {
    private struct Marks: OptionSet {
        let rawValue: UInt8
        static let hole = Marks(rawValue: 1)
        static let here = Marks(rawValue: 2)
        static let arriving = Marks(rawValue: 4)
        static let read = Marks(rawValue: 8)
    }

    private struct State {
        var marks: [Marks]
        /// Blocks that are holes or stored.
        var here = 0

        mutating func change(_ position: Int, _ body: (inout Marks) -> Void) {
            let before = !marks[position].isDisjoint(with: [.here, .hole])
            body(&marks[position])
            let after = !marks[position].isDisjoint(with: [.here, .hole])
            here += (after ? 1 : 0) - (before ? 1 : 0)
        }
    }

    private let state: Mutex<State>
    /// When the guest last wanted a block that was not stored; nanoseconds of ``MonotonicClock``.
    private let lastMiss = Atomic<UInt64>(0)

    init(count: Int) { state = Mutex(State(marks: Array(repeating: [], count: count))) }

    /// Looks every block up in the cache once. Waits for the disk: a microsecond or more for each block.
    func scan(_ index: ImageIndex, _ cache: BlockCache) {
        // An index that can no longer be read leaves blocks unknown; reads will report it.
        try? index.forEachBlock { block in
            if block.isHole {
                state.withLock { $0.change(block.position) { $0.insert(.hole) } }
            } else if cache.contains(block.id) {
                arrived(block.position)
            }
        }
    }

    /// The guest wants a block that is not stored.
    func missed() { lastMiss.store(MonotonicClock.nanoseconds, ordering: .relaxed) }

    /// Seconds since the guest last wanted a block that was not stored.
    var secondsSinceMiss: Double {
        Double(MonotonicClock.nanoseconds - lastMiss.load(ordering: .relaxed)) / 1e9
    }

    /// How many of these the guest has read.
    func readCount(of positions: some Sequence<Int>) -> Int {
        state.withLock { state in positions.count { state.marks[$0].contains(.read) } }
    }

    func began(_ position: Int) { state.withLock { $0.change(position) { $0.insert(.arriving) } } }

    /// The block is stored.
    func arrived(_ position: Int) {
        state.withLock { state in
            state.change(position) { marks in
                marks.remove(.arriving)
                marks.insert(.here)
            }
        }
    }

    /// The block did not arrive.
    func failed(_ position: Int) { state.withLock { $0.change(position) { $0.remove(.arriving) } } }

    func read(_ position: Int) { state.withLock { _ = $0.marks[position].insert(.read) } }

    func isHere(_ position: Int) -> Bool {
        state.withLock { !$0.marks[position].isDisjoint(with: [.here, .hole]) }
    }

    /// Blocks that are holes or stored.
    var hereCount: Int { state.withLock { $0.here } }

    /// A picture of the image in at most `cells` cells, each standing for an equal run of blocks.
    func map(cells: Int) -> BlockMap {
        state.withLock { state in
            let count = state.marks.count
            let cells = max(1, min(cells, count))
            return BlockMap(
                cells: (0..<cells).map { cell in
                    let run = state.marks[(cell * count / cells)..<((cell + 1) * count / cells)]
                    return BlockStates.summary(of: run)
                })
        }
    }

    /// Blocks on their way are shown first, then missing ones.
    private static func summary(of run: ArraySlice<Marks>) -> BlockMap.Cell {
        var all = Marks()
        var isMissing = false
        for marks in run {
            all.formUnion(marks)
            if marks.isDisjoint(with: [.here, .hole]) { isMissing = true }
        }
        if all.contains(.arriving) { return .arriving }
        if isMissing { return .missing }
        if all.contains(.read) { return .read }
        return all.contains(.here) ? .here : .hole
    }
}

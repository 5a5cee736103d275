import ImageIndex
import ImageMount
import Synchronization

/// Writes down what a reader tells.
final class RecordingObserver: ReadObserver {
    enum Event: Equatable {
        case stalled([Int])
        case arrived(Int)
        case ended
    }

    private let log = Mutex<(events: [Event], touched: [Int], reads: [Range<UInt64>])>(([], [], []))
    private let packs = Mutex<(wanted: Int, differing: [Int])>((0, []))

    var events: [Event] { log.withLock { $0.events } }
    var touched: [Int] { log.withLock { $0.touched } }
    var piecesWanted: Int { packs.withLock { $0.wanted } }
    var differing: [Int] { packs.withLock { $0.differing } }

    /// What was asked for, in order.
    var reads: [Range<UInt64>] { log.withLock { $0.reads } }

    func read(_ bytes: Range<UInt64>) { log.withLock { $0.reads.append(bytes) } }
    func firstTouch(_ block: IndexedBlock) { log.withLock { $0.touched.append(block.position) } }
    func readStalled(blocks: [IndexedBlock]) { log.withLock { $0.events.append(.stalled(blocks.map(\.position))) } }
    func blockArrived(_ block: IndexedBlock) { log.withLock { $0.events.append(.arrived(block.position)) } }
    func pieceWanted() { packs.withLock { $0.wanted += 1 } }
    func packDiffers(from block: IndexedBlock) { packs.withLock { $0.differing.append(block.position) } }
    func stallEnded() { log.withLock { $0.events.append(.ended) } }
}

import BlockStore
import ImageIndex
import Linux
import Synchronization

/// One read that waits for blocks. Nobody sleeps for it: the thread that brings the last block completes it.
final class PendingRead: Sendable {
    /// A part of the read that lies in a block which is not here.
    struct Piece: Sendable {
        let block: IndexedBlock
        /// First byte within the block.
        let offset: Int
        /// Where it goes in the read's buffer.
        let target: Range<Int>
    }

    let pieces: [Piece]
    let buffer: ReadBuffer
    /// When it looked for its pieces, in ``MonotonicClock`` nanoseconds.
    let missedAt: UInt64
    let deadline = TimerQueue.Alarm()
    private let completion: ReadCompletion
    private let missing: Atomic<Int>
    private let finished = Atomic(false)

    init(pieces: [Piece], buffer: ReadBuffer, missedAt: UInt64, completion: @escaping ReadCompletion) {
        self.pieces = pieces
        self.buffer = buffer
        self.missedAt = missedAt
        self.completion = completion
        missing = Atomic(pieces.count)
    }

    var isFinished: Bool { finished.load(ordering: .acquiring) }

    /// Copies a block's bytes to their place. Returns true to the one caller that brought the last block.
    func fill(_ block: IndexedBlock, from bytes: BlockBytes) -> Bool {
        guard !isFinished, let piece = pieces.first(where: { $0.block.position == block.position }) else {
            return false
        }
        bytes.withUnsafeBytes { source in
            let start = piece.offset
            buffer.part(piece.target).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: source[start..<(start + piece.target.count)]))
        }
        return missing.subtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }

    /// Ends the read, unless it has ended. Returns whether it was this call.
    @discardableResult
    func finish(_ result: Result<ReadBuffer, ImageReadError>) -> Bool {
        guard claim() else { return false }
        complete(result)
        return true
    }

    /// Wins the right to call ``complete(_:)``, once.
    func claim() -> Bool { !finished.exchange(true, ordering: .acquiringAndReleasing) }

    func complete(_ result: Result<ReadBuffer, ImageReadError>) {
        deadline.cancel()
        completion(result)
    }
}

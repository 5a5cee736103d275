import BlockStore
import ImageIndex
import Linux
import Synchronization

/// How a read waits for what is missing.
struct WaitTerms: Sendable {
    /// When the wait ends with an error, in ``MonotonicClock`` nanoseconds; nil: after the reader's bound.
    var deadline: UInt64?
    /// Whether anybody waits for the read itself. If not, nobody is told of a stall when its blocks do not come.
    var isWanted: @Sendable () -> Bool = { true }
    /// Told, instead of the read's completion, that the wait is over, and after each further bound: the read itself goes on, and keeps
    /// what has come. Nil: it ends.
    var overdue: (@Sendable (ImageReadError) -> Void)?
}

/// One read that waits for blocks. Nobody sleeps for it: the thread that brings the last block completes it.
final class PendingRead: Sendable {
    /// A part of the read that lies in a block that is missing.
    struct Piece: Sendable {
        let block: IndexedBlock
        /// First byte within the block.
        let offset: Int
        /// Where it goes in the read's buffer.
        let target: Range<Int>
        /// Where the same bytes are in the image, of a part that is to come from the boot pack; nil of all others.
        var origin: Origin?
        /// Its bytes are in the buffer.
        fileprivate(set) var isFilled = false

        init(block: IndexedBlock, offset: Int, target: Range<Int>, origin: Origin? = nil) {
            (self.block, self.offset, self.target, self.origin) = (block, offset, target, origin)
        }
    }

    /// A place in the image.
    struct Origin: Sendable {
        let block: IndexedBlock
        /// First byte within the block.
        let offset: Int
    }

    private let parts: Mutex<[Piece]>
    let buffer: ReadBuffer
    /// When it looked for its pieces, in ``MonotonicClock`` nanoseconds.
    let missedAt: UInt64
    let terms: WaitTerms
    let deadline = TimerQueue.Alarm()
    private let completion: ReadCompletion
    private let missing: Atomic<Int>
    private let finished = Atomic(false)

    init(
        pieces: [Piece], buffer: ReadBuffer, missedAt: UInt64, terms: WaitTerms, completion: @escaping ReadCompletion
    ) {
        parts = Mutex(pieces)
        self.buffer = buffer
        self.missedAt = missedAt
        self.terms = terms
        self.completion = completion
        missing = Atomic(pieces.count)
    }

    var isFinished: Bool { finished.load(ordering: .acquiring) }

    /// The parts that were missing when it began.
    var pieces: [Piece] { parts.withLock { $0 } }

    /// Copies a block's bytes to their places. Returns true to the one caller that brought the last block.
    func fill(_ block: IndexedBlock, from bytes: BlockBytes) -> Bool {
        if isFinished { return false }
        let filled = parts.withLock { parts in
            var filled: [Piece] = []
            for number in parts.indices where parts[number].block.position == block.position {
                if parts[number].isFilled { continue }
                parts[number].isFilled = true
                filled.append(parts[number])
            }
            return filled
        }
        if filled.isEmpty { return false }
        bytes.withUnsafeBytes { source in
            for piece in filled {
                buffer.part(piece.target).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[piece.offset..<piece.offset + piece.target.count]))
            }
        }
        return missing.subtract(filled.count, ordering: .acquiringAndReleasing).newValue == 0
    }

    /// From now on it waits for blocks of the image instead of a piece of the boot pack. The caller sees to it that they come.
    /// - Parameter position: the piece's.
    /// - Returns: the blocks.
    func turnToBlocks(from position: Int) -> [IndexedBlock] {
        parts.withLock { parts in
            var blocks: [IndexedBlock] = []
            for number in parts.indices where parts[number].block.position == position {
                guard !parts[number].isFilled, let origin = parts[number].origin else { continue }
                parts[number] = Piece(block: origin.block, offset: origin.offset, target: parts[number].target)
                blocks.append(origin.block)
            }
            return blocks
        }
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

/// The bytes that one read gives. Immutable once a reader has handed it out.
// @unchecked: only the reader writes, each part by one thread, and all of it before the completion sees the object.
package final class ReadBuffer: @unchecked Sendable {
    private let buffer: UnsafeMutableRawBufferPointer

    init(count: Int) {
        // malloc's own alignment: it reuses large pieces, where aligned ones would be mapped and faulted in each time.
        buffer = .allocate(byteCount: count, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Bytes; less than was asked for only at the image's end.
    package var count: Int { buffer.count }

    /// Gives the bytes for the duration of the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(buffer))
    }

    /// A part to be written, valid while this object lives.
    func part(_ range: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: buffer[range])
    }
}

/// Why a read gave no bytes. The case is the policy: wait, repair, or stop.
package enum ImageReadError: Error, Sendable {
    /// The block did not come within the bound; it is still being fetched.
    case timedOut(IndexedBlock)
    /// The store has no right block to give.
    case block(IndexedBlock, cause: BlockStoreError)
    /// The wait was ended by ``ImageReader/releaseWaitingReads()`` or is not allowed now.
    case released
    /// The reader was closed.
    case closed
    /// The index file can no longer be read.
    case index(ImageIndexError)
}

extension ImageReadError: Equatable {
    /// Causes are errors of any kind: they are equal when they say the same.
    package static func == (left: ImageReadError, right: ImageReadError) -> Bool {
        left.description == right.description
    }
}

extension ImageReadError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .timedOut(let block): "block \(block.position) (\(block.id)) did not come in time"
        case .block(let block, let cause): "block \(block.position): \(cause)"
        case .released: "the read was ended because the guest is about to be paused"
        case .closed: "the image was closed"
        case .index(let cause): "\(cause)"
        }
    }
}

/// A block that has been asked for, and the reads that wait for it.
struct BlockWait {
    let block: IndexedBlock
    var reads: [PendingRead] = []
    /// Answers with an error so far.
    var failures = 0
    /// The last of them.
    var lastError: BlockStoreError?
    /// Reads have ended with an error because of it.
    var isStalled = false

    /// A read waits for it, too.
    mutating func add(_ read: PendingRead) {
        if !reads.contains(where: { $0 === read }) { reads.append(read) }
    }
}

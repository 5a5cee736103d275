import BlockStore
import DiskImage
import Synchronization

/// One read of a decoded disk: its parts come from several places, and whoever brings the last one completes it.
final class DecodedRead: Sendable {
    /// A part that was not at hand.
    enum Missing: Sendable {
        case stored(BegunRead, target: Range<Int>)
        /// This read must decode the unit.
        case begun(DiskUnit, BegunRead, from: Int, target: Range<Int>)
        /// The unit is being decoded, or cannot be decoded at once.
        case unit(DiskUnit, from: Int, target: Range<Int>)
    }

    let buffer: ReadBuffer
    private let outstanding: Atomic<Int>
    private let isOver = Atomic(false)
    private let completion: @Sendable (Result<ReadBuffer, any Error>) -> Void

    /// - Parameters:
    ///   - parts: how many are missing; more than 0.
    ///   - completion: called exactly once.
    init(_ buffer: ReadBuffer, parts: Int, completion: @escaping @Sendable (Result<ReadBuffer, any Error>) -> Void) {
        self.buffer = buffer
        self.completion = completion
        outstanding = Atomic(parts)
    }

    /// A part has come: its bytes, from one on.
    func take(_ bytes: UnsafeRawBufferPointer, from: Int, target: Range<Int>) {
        buffer.part(target).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[from..<from + target.count]))
        if outstanding.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { end(.success(buffer)) }
    }

    func end(_ result: Result<ReadBuffer, any Error>) {
        if !isOver.exchange(true, ordering: .acquiringAndReleasing) { completion(result) }
    }
}

import BlockStore
import DiskImage
import Linux
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
    /// When it ends with an error, in ``MonotonicClock`` nanoseconds.
    let deadline: UInt64
    private let alarm = TimerQueue.Alarm()
    private let outstanding: Atomic<Int>
    private let hasEnded = Atomic(false)
    private let completion: @Sendable (Result<ReadBuffer, any Error>) -> Void

    /// - Parameters:
    ///   - parts: how many are missing; more than 0.
    ///   - completion: called exactly once.
    init(
        _ buffer: ReadBuffer, parts: Int, deadline: UInt64,
        completion: @escaping @Sendable (Result<ReadBuffer, any Error>) -> Void
    ) {
        self.deadline = deadline
        self.buffer = buffer
        self.completion = completion
        outstanding = Atomic(parts)
    }

    var isOver: Bool { hasEnded.load(ordering: .acquiring) }

    /// Ends it at its deadline. Only for what waits for others' work: what waits for the image ends by itself.
    func bound(_ error: @escaping @Sendable () -> (any Error)?) {
        let now = MonotonicClock.nanoseconds
        TimerQueue.shared.schedule(alarm, after: .nanoseconds(Int64(clamping: max(deadline, now) - now))) {
            [weak self] in
            if let self, let error = error() { self.end(.failure(error)) }
        }
    }

    /// A part has come: its bytes, from one on.
    func take(_ bytes: UnsafeRawBufferPointer, from: Int, target: Range<Int>) {
        buffer.part(target).copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[from..<from + target.count]))
        if outstanding.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { end(.success(buffer)) }
    }

    func end(_ result: Result<ReadBuffer, any Error>) {
        guard !hasEnded.exchange(true, ordering: .acquiringAndReleasing) else { return }
        alarm.cancel()
        completion(result)
    }
}

import Synchronization

/// Counts dropped frames by reason; the network's thread writes, anybody reads.
final class FrameCounters: Sendable {
    private let counts = Mutex<[FrameDropReason: Int]>([:])

    var dropped: [FrameDropReason: Int] { counts.withLock { $0 } }

    /// - Returns: true for the first frame of this reason.
    func count(_ reason: FrameDropReason) -> Bool {
        counts.withLock {
            $0[reason, default: 0] += 1
            return $0[reason] == 1
        }
    }
}

import Linux
import Synchronization

/// Bytes a second over the last few seconds, from a growing count.
package final class RateMeter: Sendable {
    private static let window: UInt64 = 3_000_000_000

    private let samples = Mutex<[(time: UInt64, count: UInt64)]>([])

    package init() {}

    /// Notes the count now and gives the rate since the oldest sample in the window.
    package func rate(count: UInt64, now: UInt64 = MonotonicClock.nanoseconds) -> UInt64 {
        samples.withLock { samples in
            // Two callers may come here in another order than that of their clocks.
            let now = max(now, samples.last?.time ?? 0)
            samples.append((now, count))
            // One sample older than the window stays, so that the rate spans the whole of it.
            while samples.count > 2, now - samples[1].time >= RateMeter.window { samples.removeFirst() }
            guard let first = samples.first, now > first.time, count >= first.count else { return 0 }
            return UInt64(Double(count - first.count) / (Double(now - first.time) / 1e9))
        }
    }
}

import Formats
import Linux
import Synchronization

/// How far the work is. Written by the working threads, read by the thread that draws.
package final class PublishProgress: Sendable {
    package enum Phase: String, Sendable {
        case build, download, unpack, convert, blocks, digest, index, verify, compress, sweep, metadata, mirror, repair
    }

    /// One look at the numbers.
    package struct Snapshot: Sendable, Equatable {
        package var phase: Phase
        /// Bytes done, holes among them; and of how many, 0 where not known.
        package var done: UInt64
        package var total: UInt64
        /// ``MonotonicClock`` of the phase's start.
        package var started: UInt64
    }

    private let phase: Mutex<(phase: Phase, total: UInt64, started: UInt64)>
    private let done = Atomic<UInt64>(0)

    package init() { phase = Mutex((.blocks, 0, MonotonicClock.nanoseconds)) }

    func begin(_ next: Phase, total: UInt64) {
        phase.withLock { $0 = (next, total, MonotonicClock.nanoseconds) }
        done.store(0, ordering: .relaxed)
    }

    /// Says how many bytes are done in all.
    func reach(_ bytes: UInt64) { done.store(bytes, ordering: .relaxed) }

    func add(_ bytes: UInt64) { done.add(bytes, ordering: .relaxed) }

    package var snapshot: Snapshot {
        let (phase, total, started) = phase.withLock { $0 }
        return Snapshot(phase: phase, done: done.load(ordering: .relaxed), total: total, started: started)
    }
}

/// One line about the work, as people see it.
package enum ProgressLine {
    /// `blocks: 512.0 MB of 1.5 GB, 34 %, 801.2 MB/s, 2 s left`.
    /// - Parameter now: ``MonotonicClock`` nanoseconds.
    package static func text(_ snapshot: PublishProgress.Snapshot, now: UInt64) -> String {
        let elapsed = now > snapshot.started ? now - snapshot.started : 0
        let seconds = elapsed / 1_000_000_000
        let phase = snapshot.phase.rawValue
        guard snapshot.total > 0 else { return "\(phase): \(DurationText.precise(seconds: seconds))" }
        let percent = Double(snapshot.done) / Double(snapshot.total)
        var text =
            "\(phase): \(ByteCount.precise(snapshot.done)) of \(ByteCount.precise(snapshot.total)), \(Int(percent * 100)) %"
        guard elapsed > 0, snapshot.done > 0 else { return text }
        let rate = Double(snapshot.done) / (Double(elapsed) / 1e9)
        text += ", \(ByteCount.precise(UInt64(rate)))/s"
        // The first second says too little about the rest.
        if seconds >= 1 && snapshot.done < snapshot.total {
            text += ", \(DurationText.precise(seconds: UInt64(Double(snapshot.total - snapshot.done) / rate) + 1)) left"
        }
        return text
    }
}

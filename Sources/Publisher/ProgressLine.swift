/// One line about the work, as people see it.
package enum ProgressLine {
    /// `blocks: 512.0 MB of 1.5 GB, 34 %, 801.2 MB/s, 2 s left`.
    /// - Parameter now: ``MonotonicClock`` nanoseconds.
    package static func text(_ snapshot: PublishProgress.Snapshot, now: UInt64) -> String {
        let elapsed = now > snapshot.started ? now - snapshot.started : 0
        let seconds = elapsed / 1_000_000_000
        let phase = snapshot.phase.rawValue
        guard snapshot.total > 0 else { return "\(phase): \(Quantity.duration(seconds: seconds))" }
        let percent = Double(snapshot.done) / Double(snapshot.total)
        var text =
            "\(phase): \(Quantity.bytes(snapshot.done)) of \(Quantity.bytes(snapshot.total)), \(Int(percent * 100)) %"
        guard elapsed > 0, snapshot.done > 0 else { return text }
        let rate = Double(snapshot.done) / (Double(elapsed) / 1e9)
        text += ", \(Quantity.bytes(UInt64(rate)))/s"
        // The first second says too little about the rest.
        if seconds >= 1 && snapshot.done < snapshot.total {
            text += ", \(Quantity.duration(seconds: UInt64(Double(snapshot.total - snapshot.done) / rate) + 1)) left"
        }
        return text
    }
}

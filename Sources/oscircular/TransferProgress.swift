import BlockStore
import Boot
import Formats
import Linux

/// Phase, bytes, rate and time left: a line that is redrawn on a terminal, a new line every few seconds elsewhere.
final class TransferProgress {
    private let meter = RateMeter()
    private var lastDrawn: UInt64 = 0
    private let phase: String

    init(phase: String) { self.phase = phase }

    func update(done: UInt64, total: UInt64) {
        let now = MonotonicClock.nanoseconds
        let interval: UInt64 = Terminal.isInteractive ? 200_000_000 : 5_000_000_000
        guard now - lastDrawn >= interval else { return }
        let isFirst = lastDrawn == 0
        lastDrawn = now
        let rate = meter.rate(count: done, now: now)
        var line = "\(phase): \(ByteCount.text(done)) of \(ByteCount.text(total))"
        if rate > 0 {
            line += ", \(ByteCount.text(rate))/s"
            let seconds = (total - min(done, total)) / rate
            line += seconds >= 60 ? ", about \(seconds / 60) min left" : ", about \(seconds) s left"
        }
        if Terminal.isInteractive { Terminal.progress(line) } else if !isFirst { Terminal.note(line) }
    }

    func end() { Terminal.endProgress() }
}

/// What the user is told about mirrors while a command runs.
enum MirrorNotice {
    /// Names a mirror that gave wrong bytes: it is broken or hostile, and only the user can do something about it. A mirror that does
    /// not answer is not worth a line while another does.
    static func show(_ failure: BlockStoreError) {
        if case .corrupt = failure { Terminal.note("oscircular: \(ErrorReport(failure).message)") }
    }
}

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

/// A file that is downloaded, and unpacked, before anything else can begin.
final class WholeFileProgress {
    private var shown: (stage: VersionFetch.Progress.Stage, progress: TransferProgress)?

    func update(_ state: VersionFetch.Progress) {
        if state.stage == .wait {
            return Terminal.note("waiting for another session, which downloads or unpacks the same file")
        }
        // What is here is no news.
        if shown == nil, state.stage == .download, state.done == state.total { return }
        if shown?.stage != state.stage {
            shown?.progress.end()
            if state.stage == .download {
                Terminal.note("\(ByteCount.text(state.total - state.done)) to download first; it cannot start before")
            }
            shown = (state.stage, TransferProgress(phase: WholeFileProgress.word(state.stage)))
        }
        shown?.progress.update(done: state.done, total: state.total)
    }

    func end() { shown?.progress.end() }

    static func word(_ stage: VersionFetch.Progress.Stage) -> String {
        switch stage {
        case .download: "downloading"
        case .unpack: "unpacking"
        case .wait: "waiting for another session"
        }
    }
}

/// What the user is told about mirrors while a command runs.
enum MirrorNotice {
    /// Names a mirror that gave wrong bytes: it is broken or hostile, and only the user can do something about it. A mirror that does
    /// not answer is not worth a line while another does.
    static func show(_ failure: BlockStoreError) {
        if case .corrupt = failure { Terminal.note("oscircular: \(ErrorReport(failure).message)") }
    }
}

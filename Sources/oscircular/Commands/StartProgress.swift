import Boot
import Formats
import Linux

/// The phases of a start as they pass: a line for each on standard error.
struct StartProgress {
    private var shown: SessionStatus.Phase?
    private var isLoweredShown = false
    private var isTableShown = false
    private var isDownloadShown = false
    private var isWaitShown = false
    private var lastDownloadLine: UInt64 = 0

    /// Shows what the session says of itself until the task is cancelled.
    mutating func follow(_ id: String, _ registry: SessionRegistry) async {
        while !Task.isCancelled {
            // A session that has no socket yet, or none any more, has nothing to show.
            if let status = try? await registry.send(.status, to: id).status { show(status) }
            // A wait that is cancelled ends the loop.
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    mutating func show(_ status: SessionStatus) {
        if let lowered = status.lowered, !isLoweredShown {
            isLoweredShown = true
            Terminal.note(Terminal.clean(lowered))
        }
        if let note = status.tableNote, !isTableShown {
            isTableShown = true
            Terminal.note(Terminal.clean(note))
        }
        if status.download?.stage == .wait, !isWaitShown {
            isWaitShown = true
            Terminal.note("waiting for another session, which downloads or unpacks the same file")
        }
        if let download = status.download, download.stage == .unpack || download.done < download.total {
            isDownloadShown = isDownloadShown || download.stage == .unpack
            if !isDownloadShown {
                isDownloadShown = true
                let left = ByteCount.text(download.total - download.done)
                Terminal.note("\(status.distribution)@\(status.version): \(left) to download first")
            }
            showDownload(download, status)
        }
        let passed = SessionStatus.Phase.allCases.filter { phase in
            phase <= status.phase && shown.map { phase > $0 } ?? true
        }
        for phase in passed { Terminal.note("\(phase.rawValue): \(StartProgress.text(phase, of: status))") }
        if passed.isEmpty, status.download == nil, status.bytesFetched > 0 {
            let fetched = "\(ByteCount.text(status.bytesFetched)) fetched, \(ByteCount.text(status.rate))/s"
            Terminal.progress(
                "\(status.phase.rawValue): \(fetched)\(status.lastError.map { "; \(Terminal.clean($0))" } ?? "")")
        }
        shown = max(shown ?? status.phase, status.phase)
    }

    /// A line that is redrawn on a terminal, a new one every few seconds elsewhere.
    private mutating func showDownload(_ download: SessionStatus.Download, _ status: SessionStatus) {
        var line = "\(WholeFileProgress.word(download.stage)) \(ByteCount.text(download.done)) of "
        line += "\(ByteCount.text(download.total)); it cannot start before"
        if Terminal.isInteractive {
            if status.rate > 0, download.stage == .download { line += ", \(ByteCount.text(status.rate))/s" }
            return Terminal.progress(line)
        }
        let now = MonotonicClock.nanoseconds
        guard now - lastDownloadLine >= 5_000_000_000 else { return }
        lastDownloadLine = now
        Terminal.note(line)
    }

    func end() { Terminal.endProgress() }

    /// What is said of a phase that has come or passed.
    private static func text(_ phase: SessionStatus.Phase, of status: SessionStatus) -> String {
        switch phase {
        case .catalog: "looking for \(status.distribution)"
        case .index: "\(status.distribution)@\(status.version) from \(status.catalog)"
        // How many of them are stored here is still being counted.
        case .mount: "\(status.blocks) blocks"
        case .bootSet: "fetching what the start needs"
        case .guest:
            if let processor = status.emulated {
                "starting (\(processor) runs by emulation: slow)"
            } else {
                status.accel == "tcg" ? "starting (software emulation: slow)" : "starting"
            }
        case .up: "session \(status.id) is up\(status.start == .warm ? ", started warm" : "")"
        }
    }
}

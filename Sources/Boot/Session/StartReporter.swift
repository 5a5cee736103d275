import Linux

/// Reports a session's progress to the program that started it, on a thread of its own: that program may be stopped and read nothing.
///
/// Each report is complete, so only the newest waits to be sent.
package final class StartReporter: Sendable {
    private struct Line {
        var newest: StartReport?
        var isWriting = false
        var isClosed = false
    }

    private let line = Monitor(Line())

    /// - Throws: ``SystemCallError`` when no thread can be started.
    package init(to handle: FileHandle) throws(SystemCallError) {
        try WorkerThread.start(name: "reports") { [line] in
            while let report = line.wait({ StartReporter.take(&$0) }) ?? nil {
                // Nobody is listening any more; the session goes on.
                try? LineSocket.send(report, to: handle)
                line.change { $0.isWriting = false }
            }
        }
    }

    deinit { line.change { $0.isClosed = true } }

    /// Never waits.
    package func tell(_ report: StartReport) { line.change { $0.newest = report } }

    /// Waits until the last report is on its way, for five seconds at most.
    package func finish() {
        let end = MonotonicClock.nanoseconds + 5_000_000_000
        _ = line.wait(until: { _ in end }) { $0.newest == nil && !$0.isWriting ? () : nil }
    }

    private static func take(_ line: inout Line) -> StartReport?? {
        if let report = line.newest {
            line.newest = nil
            line.isWriting = true
            return .some(report)
        }
        return line.isClosed ? .some(nil) : nil
    }
}

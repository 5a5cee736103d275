import Glibc
import Linux

/// Tells the program that started a session how far it is, from a thread of its own: that program may be stopped and read nothing.
///
/// A report says all there is to say, so only the newest waits.
package final class StartReporter: Sendable {
    private struct Line {
        var newest: StartReport?
        var isWriting = false
        var isClosed = false
    }

    private let line = Monitor(Line())

    /// - Throws: ``SystemCallError`` when there is no thread to be had.
    package init(to handle: FileHandle) throws(SystemCallError) {
        try WorkerThread.start(name: "reports") { [line] in
            while let report = line.wait({ StartReporter.take(&$0) }) ?? nil {
                // Nobody listens any more: the session goes on.
                try? LineSocket.send(report, to: handle)
                line.change { $0.isWriting = false }
            }
        }
    }

    deinit { line.change { $0.isClosed = true } }

    /// Never blocks.
    package func tell(_ report: StartReport) { line.change { $0.newest = report } }

    /// Blocks until the last report is on its way, for seconds at most.
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

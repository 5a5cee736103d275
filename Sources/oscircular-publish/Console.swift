import Linux
import Publisher
import Synchronization

/// Lines to standard output and standard error.
enum Console {
    static func print(_ line: String) { StandardOutput.program.print(line) }

    static func error(_ line: String) { StandardError.write(line + "\n") }

    /// Text as it is, to standard error: for a terminal's progress line.
    static func progress(_ text: String) { StandardError.write(text) }
}

/// Draws progress on standard error: one line that renews itself on a terminal, a plain line every few seconds elsewhere.
final class ProgressPrinter: Sendable {
    private let progress: PublishProgress
    private let isTerminal: Bool
    private let stopped = Mutex(false)

    /// Starts to draw.
    init(_ progress: PublishProgress) {
        self.progress = progress
        isTerminal = TerminalDevice.isTerminal(StandardDescriptor.error)
        // Without a thread nothing is drawn; the work is done all the same.
        try? WorkerThread.start(name: "progress") { [self] in
            var rounds = 0
            while true {
                MonotonicClock.pause(milliseconds: 200)
                rounds += 1
                let goes = stopped.withLock { stopped in
                    if !stopped { draw(rounds) }
                    return !stopped
                }
                if !goes { return }
            }
        }
    }

    /// Stops, and takes the terminal's line away. Nothing is drawn after it returns.
    func stop() {
        stopped.withLock { stopped in
            if !stopped && isTerminal { Console.progress("\r\u{1B}[K") }
            stopped = true
        }
    }

    private func draw(_ rounds: Int) {
        let line = ProgressLine.text(progress.snapshot, now: MonotonicClock.nanoseconds)
        if isTerminal {
            Console.progress("\r\(line)\u{1B}[K")
        } else if rounds.isMultiple(of: 15) {
            Console.error(line)
        }
    }
}

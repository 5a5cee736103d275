import Linux
import Publisher

/// SIGINT and SIGTERM as a request to stop.
enum Signals {
    private static let requests: [Signal] = [.interrupt, .terminate]

    /// Blocks both for all threads to come, and starts the thread that waits for them. A second signal ends at once.
    static func watch() -> Cancellation {
        let cancellation = Cancellation()
        Signal.block(requests)
        // Nobody hears them then: they end the program, as they would without us.
        let waiting: Void? = try? WorkerThread.start(name: "signals") {
            while true {
                let signal = Signal.wait(for: requests)
                if cancellation.signal != nil { CurrentProcess.endNow(signal.exitCode) }
                cancellation.cancel(signal: signal.rawValue)
            }
        }
        if waiting == nil { Signal.unblock(requests) }
        return cancellation
    }

    /// Lets both end the program at once while it waits for an answer, when there is nothing to clean up.
    static func unblocked<Result>(_ body: () -> Result) -> Result { Signal.unblocked(requests, body) }
}

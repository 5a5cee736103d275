import Glibc
import Linux
import Publisher

/// SIGINT and SIGTERM as a request to stop.
enum Signals {
    /// Blocks both for all threads to come, and starts the thread that waits for them. A second signal ends at once.
    static func watch() -> Cancellation {
        let cancellation = Cancellation()
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        pthread_sigmask(SIG_BLOCK, &set, nil)
        let waited = set
        // Nobody hears them then: they end the program, as they would without us.
        let waiting: Void? = try? WorkerThread.start(name: "signals") {
            var set = waited
            while true {
                var number: Int32 = 0
                guard sigwait(&set, &number) == 0 else { return }
                if cancellation.signal != nil { _exit(128 + number) }
                cancellation.cancel(signal: number)
            }
        }
        if waiting == nil { pthread_sigmask(SIG_UNBLOCK, &set, nil) }
        return cancellation
    }

    /// Lets both end the program at once while it waits for an answer, when there is nothing to clean up.
    static func unblocked<Result>(_ body: () -> Result) -> Result {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGINT)
        sigaddset(&set, SIGTERM)
        var before = sigset_t()
        pthread_sigmask(SIG_UNBLOCK, &set, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return body()
    }
}

import Glibc
import Linux
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as calls on a thread of their own, instead of interrupting whatever is running.
enum Interruption {
    typealias Handler = @Sendable (_ signal: Int32) -> Void

    private static let handler = Mutex<Handler?>(nil)

    /// Blocks the signals in this thread, and so in all that it starts, and begins to wait for them.
    ///
    /// Without a handler a signal ends the process with 128 + its number, as a shell would say.
    static func install() {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
        let waited = signals
        // The menu gets these through a descriptor; nothing else needs them.
        for number in [SIGWINCH, SIGCONT] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        // Without a thread: see below.
        let waiting: Void? = try? WorkerThread.start(name: "signals") {
            var set = waited
            while true {
                var number: Int32 = 0
                guard sigwait(&set, &number) == 0 else { continue }
                let current = handler.withLock { $0 }
                guard let current else { _exit(128 + number) }
                current(number)
            }
        }
        // Nobody would hear them, so they end the program, as they would without us.
        if waiting == nil { pthread_sigmask(SIG_UNBLOCK, &signals, nil) }
    }

    /// Sets what happens at the next signals; nil is the default, to end.
    static func handle(_ new: Handler?) {
        handler.withLock { $0 = new }
    }
}

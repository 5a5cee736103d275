import Linux
import Synchronization

/// SIGINT, SIGTERM and SIGHUP as calls on a thread of their own, instead of interrupting whatever is running.
enum Interruption {
    typealias Handler = @Sendable (_ signal: Signal) -> Void

    private static let handler = Mutex<Handler?>(nil)

    /// Blocks the signals in this thread, and so in all that it starts, and begins to wait for them.
    ///
    /// Without a handler a signal ends the process with 128 + its number, as a shell would say.
    static func install() {
        let requests: [Signal] = [.interrupt, .terminate, .hangUp]
        // The menu gets the last two through a descriptor; nothing else needs them.
        let blocked = requests + [.windowSize, .resume]
        Signal.block(blocked)
        // Without a thread: see below.
        let waiting: Void? = try? WorkerThread.start(name: "signals") {
            while true {
                let signal = Signal.wait(for: requests)
                let current = handler.withLock { $0 }
                guard let current else { CurrentProcess.endNow(signal.exitCode) }
                current(signal)
            }
        }
        // Nobody would hear them, so they end the program, as they would without us.
        if waiting == nil { Signal.unblock(blocked) }
    }

    /// Sets what happens at the next signals; nil is the default, to end.
    static func handle(_ new: Handler?) {
        handler.withLock { $0 = new }
    }
}

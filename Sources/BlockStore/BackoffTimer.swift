import Collections
import Linux

/// One thread that calls others when their time has come, so that nobody is parked to wait.
final class BackoffTimer: Sendable {
    /// The program's timer; its thread lives as long as the process.
    static let shared = BackoffTimer()

    private struct Alarm: Comparable, Sendable {
        let time: UInt64
        let body: @Sendable () -> Void

        static func < (left: Alarm, right: Alarm) -> Bool { left.time < right.time }
        static func == (left: Alarm, right: Alarm) -> Bool { left.time == right.time }
    }

    private let alarms = Monitor(Heap<Alarm>())

    private let hasThread: Bool

    private init() {
        let alarms = alarms
        let thread: Void? = try? WorkerThread.start(name: "back-off") {
            while true {
                let due = alarms.wait(until: { $0.min?.time }) { alarms in
                    if let first = alarms.min, first.time <= MonotonicClock.nanoseconds { return alarms.removeMin() }
                    return nil
                }
                due?.body()
            }
        }
        hasThread = thread != nil
    }

    /// Calls `body` once on the timer's thread. It must be short.
    func schedule(after seconds: Double, _ body: @escaping @Sendable () -> Void) {
        guard hasThread else {
            Task {
                try? await Task.sleep(for: .seconds(seconds))
                body()
            }
            return
        }
        let time = MonotonicClock.nanoseconds + UInt64(seconds * 1e9)
        alarms.change { $0.insert(Alarm(time: time, body: body)) }
    }
}

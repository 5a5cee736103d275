import Collections
import Synchronization

/// One thread that calls others when their time has come, so that nobody is parked to wait.
package final class TimerQueue: Sendable {
    /// The program's queue; its thread starts with the first alarm and lives as long as the process.
    package static let shared = TimerQueue()

    /// Something to be done once at a time, unless it is cancelled before. Keeps the action no longer than needed.
    package final class Alarm: Sendable {
        private enum State {
            case idle
            case set(@Sendable () -> Void)
            case done
        }

        private let state = Mutex(State.idle)

        package init() {}

        /// - Returns: false when it has been cancelled already.
        fileprivate func set(_ action: @escaping @Sendable () -> Void) -> Bool {
            state.withLock { state in
                guard case .idle = state else { return false }
                state = .set(action)
                return true
            }
        }

        /// The action is not called any more, unless it has begun.
        package func cancel() { _ = take() }

        fileprivate func ring() { take()?() }

        /// Whether it was cancelled, or has rung.
        fileprivate var isDone: Bool { state.withLock { if case .done = $0 { true } else { false } } }

        private func take() -> (@Sendable () -> Void)? {
            state.withLock { state in
                defer { state = .done }
                if case .set(let action) = state { return action }
                return nil
            }
        }
    }

    private struct Entry: Comparable, Sendable {
        let time: UInt64
        let alarm: Alarm

        static func < (left: Entry, right: Entry) -> Bool { left.time < right.time }
        static func == (left: Entry, right: Entry) -> Bool { left.time == right.time }
    }

    private struct State: Sendable {
        var entries = Heap<Entry>()
        var hasThread = false
    }

    private let state = Monitor(State())

    package init() {}

    /// Calls the action on the queue's thread after a delay, unless the alarm is cancelled before. It must be short: all wait for it.
    /// - Parameter alarm: one that has not been set yet; a cancelled one is left alone.
    /// - Returns: the alarm.
    @discardableResult
    package func schedule(
        _ alarm: Alarm = Alarm(), after delay: Duration, _ action: @escaping @Sendable () -> Void
    ) -> Alarm {
        guard alarm.set(action) else { return alarm }
        let time = MonotonicClock.nanoseconds &+ TimerQueue.nanoseconds(of: delay)
        let needsThread = state.change(wakingIf: { state in
            // Only an earlier end of its wait concerns the thread.
            let isFirst = state.entries.min.map { time < $0.time } ?? true
            state.entries.insert(Entry(time: time, alarm: alarm))
            defer { state.hasThread = true }
            return (result: !state.hasThread, wakes: isFirst)
        })
        guard needsThread else { return alarm }
        do throws(SystemCallError) {
            try WorkerThread.start(name: "timers") { self.run() }
        } catch {
            // No thread after a second of trying: the next alarm tries again. This one, and those that came meanwhile, come by tasks.
            let waiting = state.change { state in
                state.hasThread = false
                defer { state.entries = Heap() }
                return state.entries.unordered
            }
            for entry in waiting {
                Task {
                    let now = MonotonicClock.nanoseconds
                    // Nobody cancels this task.
                    try? await Task.sleep(for: .nanoseconds(Int64(clamping: entry.time - min(now, entry.time))))
                    entry.alarm.ring()
                }
            }
        }
        return alarm
    }

    private func run() {
        while true {
            let due = state.wait(until: { $0.entries.min?.time }) { state -> Entry? in
                // Nobody is woken up for those that were cancelled: nearly all are, for reads seldom wait for as long as they may.
                while let first = state.entries.min, first.alarm.isDone { state.entries.removeMin() }
                guard let first = state.entries.min, first.time <= MonotonicClock.nanoseconds else { return nil }
                return state.entries.removeMin()
            }
            due?.alarm.ring()
        }
    }

    private static func nanoseconds(of duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        // A century is as good as for ever and cannot overflow.
        return UInt64(max(0, min(seconds, 3_155_760_000))) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}

import Collections
import Glibc
import Linux

/// The one thread that ends waits which take too long, for all readers of the process.
// @unchecked: `heap` and `isStarted` are touched only with `mutex` held; the pthread objects never move and live for ever.
final class DeadlineQueue: @unchecked Sendable {
    static let shared = DeadlineQueue()

    private struct Entry: Comparable {
        let time: UInt64
        let deadline: Deadline

        static func < (left: Entry, right: Entry) -> Bool { left.time < right.time }
        static func == (left: Entry, right: Entry) -> Bool { left.time == right.time }
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var heap = Heap<Entry>()
    private var isStarted = false

    private init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Waits must not jump with the wall clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    /// Runs `action` on the queue's thread after `delay`, unless `deadline` is cancelled. It must not block.
    func schedule(_ deadline: Deadline = Deadline(), after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        guard deadline.arm(action) else { return }
        let time = MonotonicClock.nanoseconds &+ DeadlineQueue.nanoseconds(of: delay)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let isFirst = heap.min.map { time < $0.time } ?? true
        heap.insert(Entry(time: time, deadline: deadline))
        if isStarted {
            if isFirst { pthread_cond_signal(condition) }
            return
        }
        do throws(SystemCallError) {
            try WorkerThread.start(name: "osc-deadlines") { self.run() }
            isStarted = true
        } catch {
            // No thread now; the next one tries again. It fires once, whoever is first.
            Task {
                try? await Task.sleep(for: delay)
                deadline.fire()
            }
        }
    }

    private func run() {
        while true { next().fire() }
    }

    /// Waits for the next deadline's time. Cancelled ones come too: they are small, and firing them does nothing.
    private func next() -> Deadline {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            guard let first = heap.min else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            if first.time <= MonotonicClock.nanoseconds { return heap.removeMin().deadline }
            var time = timespec(tv_sec: Int(first.time / 1_000_000_000), tv_nsec: Int(first.time % 1_000_000_000))
            pthread_cond_timedwait(condition, mutex, &time)
        }
    }

    private static func nanoseconds(of duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        // A century is as good as for ever and cannot overflow.
        return UInt64(max(0, min(seconds, 3_155_760_000))) * 1_000_000_000 + UInt64(max(0, attoseconds) / 1_000_000_000)
    }
}

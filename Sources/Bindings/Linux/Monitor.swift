import Glibc

/// A value behind a lock, with waiting for it to change: for threads that may block.
///
/// `Synchronization.Mutex` has no way to wait.
// @unchecked: the value is touched only while the pthread mutex is held.
package final class Monitor<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    package init(_ value: sending Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Changes the value and wakes all who wait for it.
    package func change<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// Changes the value, and wakes those who wait only where `body` says that the change matters to them.
    package func change<Result>(wakingIf body: (inout Value) -> (result: Result, wakes: Bool)) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        let (result, wakes) = body(&value)
        if wakes { pthread_cond_broadcast(condition) }
        return result
    }

    /// Waits until `ready` gives something, or the deadline passes. `ready` runs under the lock, after every change.
    /// - Parameter deadline: gives the wait's end from the value, in ``MonotonicClock`` nanoseconds; nil for no end.
    /// - Returns: what `ready` gave; nil when the deadline passed.
    package func wait<Result>(
        until deadline: (Value) -> UInt64? = { _ in nil }, _ ready: (inout Value) -> Result?
    ) -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = ready(&value) { return result }
            guard let end = deadline(value) else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            if end <= MonotonicClock.nanoseconds { return nil }
            var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
            pthread_cond_timedwait(condition, mutex, &time)
        }
    }
}

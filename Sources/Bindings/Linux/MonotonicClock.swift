import Glibc

/// Time that never jumps: for deadlines, rates and back-off.
package enum MonotonicClock {
    /// Nanoseconds since the machine started (CLOCK_MONOTONIC).
    package static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

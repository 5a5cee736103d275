import Glibc

/// Time that never jumps: for deadlines, rates and back-off.
package enum MonotonicClock {
    /// Nanoseconds since the machine started (CLOCK_MONOTONIC).
    package static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Holds the calling thread for a time, which must not be one of the cooperative pool.
    package static func pause(milliseconds: UInt32) {
        let end = nanoseconds + UInt64(milliseconds) * 1_000_000
        var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        // A signal ends a sleep early; the end of the pause stays the same.
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}

/// The time of day, which somebody may set.
package enum WallClock {
    /// Seconds since 1970.
    package static var seconds: Int { time(nil) }
}

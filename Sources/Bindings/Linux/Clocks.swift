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
    package static func pause(milliseconds: UInt32) { pause(microseconds: UInt64(milliseconds) * 1000) }

    /// As ``pause(milliseconds:)``, for what is over almost at once.
    package static func pause(microseconds: UInt64) {
        let end = nanoseconds + microseconds * 1000
        var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        // A signal ends a sleep early; the end of the pause stays the same.
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}

/// The time of day, which somebody may set.
package enum WallClock {
    /// Seconds since 1970.
    package static var seconds: Int { time(nil) }

    /// How far this machine's local time is ahead of UTC now, in seconds.
    package static var secondsEast: Int {
        var clock = tm()
        var now = time(nil)
        localtime_r(&now, &clock)
        return clock.tm_gmtoff
    }
}

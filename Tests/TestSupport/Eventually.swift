import Linux

/// Asks again and again until something is true, without holding a thread.
/// - Returns: false when it was never true in time.
package func eventually(
    within time: Duration = .seconds(10), _ condition: () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + time
    while true {
        if try await condition() { return true }
        if ContinuousClock.now >= end { return false }
        // A cancelled test asks without pauses until its time is over.
        try? await Task.sleep(for: .milliseconds(20))
    }
}

/// As ``eventually(within:_:)``, for a thread that may wait: not for one of the cooperative pool.
package func eventuallyBlocking(within seconds: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = MonotonicClock.nanoseconds + UInt64(seconds * 1e9)
    while true {
        if try condition() { return true }
        if MonotonicClock.nanoseconds >= end { return false }
        MonotonicClock.pause(milliseconds: 20)
    }
}

import Linux

/// Asks again and again, without holding a thread.
/// - Returns: false when it was never true in time.
package func eventually(seconds: Double = 10, _ condition: () async throws -> Bool) async rethrows -> Bool {
    let end = MonotonicClock.nanoseconds + UInt64(seconds * 1e9)
    while true {
        if try await condition() { return true }
        if MonotonicClock.nanoseconds >= end { return false }
        try? await Task.sleep(for: .milliseconds(20))
    }
}

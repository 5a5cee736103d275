import Linux

/// For how long at least one of a reader's reads has waited for blocks. Times in `MonotonicClock` nanoseconds.
struct WaitMeter: Sendable {
    private var since: UInt64?
    private var total: UInt64 = 0

    /// - Parameter clock: asked only where something changes.
    mutating func note(isWaiting: Bool, clock: () -> UInt64 = { MonotonicClock.nanoseconds }) {
        guard isWaiting != (since != nil) else { return }
        let now = clock()
        if let since { total += now - min(since, now) }
        since = isWaiting ? now : nil
    }

    func nanoseconds(at now: UInt64) -> UInt64 { total + (since.map { now - min($0, now) } ?? 0) }
}

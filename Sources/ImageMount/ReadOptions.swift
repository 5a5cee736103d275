/// How long reads wait for blocks, and what happens to blocks that do not come.
package struct ReadOptions: Sendable {
    /// How long a read may wait. QEMU's monitor hangs while a read waits, so no read waits for ever.
    package var bound: Duration
    /// Whether blocks that reads gave up on are asked for until they come. A paused guest needs that; a plain mount does not.
    package var keepsFetching: Bool
    /// Whether a read ends at the first error: for a store that has tried for long enough itself.
    package var endsAtFailure: Bool
    /// The pause before a block that failed is asked for again; it doubles each time up to ``longestRetryDelay``.
    package var retryDelay: Duration
    package var longestRetryDelay: Duration
    /// Bytes that are fetched ahead of readers that go through the image in order, and held until they are read. 0: none.
    package var readAhead: Int
    /// Positions of blocks that somebody else fetches, in the order in which they are wanted: nothing is fetched ahead for reads of
    /// these. A window that has grown in them would run past their end.
    package var foreseen: Set<Int>

    package init(
        bound: Duration = .seconds(20), keepsFetching: Bool = true, endsAtFailure: Bool = false,
        retryDelay: Duration = .milliseconds(500),
        longestRetryDelay: Duration = .seconds(10), readAhead: Int = 0, foreseen: Set<Int> = []
    ) {
        self.foreseen = foreseen
        self.readAhead = readAhead
        self.bound = bound
        self.keepsFetching = keepsFetching
        self.endsAtFailure = endsAtFailure
        self.retryDelay = retryDelay
        self.longestRetryDelay = longestRetryDelay
    }

    /// Twice what a link of 300 Mbit/s has under way in 200 ms.
    package static let usualReadAhead = 16 << 20

    /// The pause before attempt `attempt + 1`, with `attempt` counted from 1.
    func delay(afterAttempt attempt: Int) -> Duration {
        min(retryDelay * (1 << min(attempt - 1, 16)), longestRetryDelay)
    }
}

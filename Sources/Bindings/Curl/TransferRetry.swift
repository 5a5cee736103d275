/// How often a request is sent whose failure may pass, and how long it waits in between.
///
/// Such failures are connections that break, stall or cannot be made, and the answers 408, 425, 429 and 500 to 599
/// (``TransferError/isTransient``). A server that says when it wants to be asked again (`Retry-After`) is listened to.
package struct TransferRetry: Sendable, Equatable {
    /// How often the request is sent at most; at least once.
    package let attempts: Int
    /// Seconds before the second attempt; they double from then on.
    package let firstPause: Double
    /// Seconds of the longest pause, also where a server asks for a longer one.
    package let longestPause: Double
    /// Whether a server that cannot be found or reached, or that keeps silent, is asked again, too.
    package let waitsForServers: Bool

    /// Sent once: for a caller that has other places to ask.
    package static let none = TransferRetry(attempts: 1, firstPause: 0, longestPause: 0)
    /// For small files that somebody waits for: some 1.4 seconds in all, 15 where servers ask for it. Whoever has no network
    /// is told so at once.
    package static let prompt = TransferRetry(attempts: 4, firstPause: 0.2, longestPause: 5, waitsForServers: false)
    /// For work that nobody looks at: about eight seconds of pauses, and a minute each where the server wants it.
    package static let patient = TransferRetry(attempts: 5, firstPause: 0.5, longestPause: 60)

    package init(attempts: Int, firstPause: Double, longestPause: Double, waitsForServers: Bool = true) {
        self.attempts = max(1, attempts)
        self.firstPause = firstPause
        self.longestPause = longestPause
        self.waitsForServers = waitsForServers
    }

    /// Whether the same request may work a little later.
    package func mayPass(_ error: TransferError) -> Bool {
        waitsForServers || !error.isAbsence ? error.isTransient : false
    }

    /// Seconds between the attempt of that number, from 1, and the next: a quarter more or less, so that clients do not come back
    /// together.
    /// - Parameter asked: the server's `Retry-After`; nil or 0 when it said nothing.
    package func pause(after attempt: Int, asked: Double? = nil) -> Double {
        let doubled = firstPause * Double(1 << min(max(attempt - 1, 0), 20))
        return max(
            min(longestPause, doubled) * Double.random(in: 0.75...1.25), min(longestPause, max(0, asked ?? 0)))
    }

    /// Seconds to wait before all places are asked again; nil when that is of no use.
    /// - Parameters:
    ///   - attempt: the number of the round that failed, from 1.
    ///   - errors: what failed in it, of every place. One that may work later is enough, and the first that is ready again.
    package func pause(after attempt: Int, _ errors: [TransferError]) -> Double? {
        let passing = errors.filter(mayPass)
        guard attempt < attempts, !passing.isEmpty else { return nil }
        return pause(after: attempt, asked: passing.map { Double($0.retryAfter ?? 0) }.min())
    }
}

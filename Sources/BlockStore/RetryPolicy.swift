import Curl

/// How long a ``MirroredBlockStore`` goes on when no mirror gives a block.
package enum RetryPolicy: Sendable, Equatable {
    /// All mirrors so many times, then the error. At least once.
    case rounds(Int)
    /// Until the store is closed: for a guest that waits for its disk.
    case patient

    /// Seconds between two rounds: 0.2 doubling to 5, a quarter more or less so that clients do not come back together.
    static func delay(afterRound round: Int) -> Double {
        TransferRetry(attempts: 1, firstPause: 0.2, longestPause: 5).pause(after: round + 1)
    }

    func allows(round: Int) -> Bool {
        switch self {
        case .rounds(let count): round < max(1, count)
        case .patient: true
        }
    }
}

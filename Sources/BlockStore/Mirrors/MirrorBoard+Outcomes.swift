import ContentAddress
import Curl

/// What the mirrors answer.
extension MirrorBoard {
    /// A mirror gave the block.
    /// - Returns: the request that it answers, the mirrors that raced in vain, and the requests that need not wait any longer.
    mutating func succeeded(
        _ number: UInt64, _ asked: Asked, _ bytes: BlockBytes, now: UInt64
    ) -> (done: Pending?, losers: [Int], revived: [UInt64]) {
        let received = bytes.transferred == 0 ? bytes.count : bytes.transferred
        let took = Double(now - min(now, asked.since)) / 1e9
        end(asked, now)
        estimates[asked.mirror].received(
            // A store that does not say how long its first byte took has no link to speak of.
            bytes: received, wait: bytes.wait ?? took / Double(estimates[asked.mirror].inFlight + 1),
            wasIdle: asked.wasIdle, now: now)
        meanBytes += 0.05 * (Double(received) - meanBytes)
        ratio += 0.05 * (Double(received) / Double(max(bytes.count, 1)) - ratio)
        races = min(races + 0.05, 4)
        (rests, restUntil) = (0, 0)
        // It is back: no request need wait out its back-off.
        let revived = health[asked.mirror].isFailing ? pending.filter(\.value.isBackingOff).keys.sorted() : []
        health[asked.mirror].succeeded()
        guard let done = pending.removeValue(forKey: number) else { return (nil, [], revived) }
        let losers = done.asked.filter { $0.mirror != asked.mirror }
        for loser in losers where estimates[loser.mirror].lastProgress <= loser.since {
            estimates[loser.mirror].wasOvertaken(after: Double(now - min(now, loser.since)) / 1e9)
            health[loser.mirror].wasOvertaken(now: now)
        }
        return (done, losers.map(\.mirror), revived)
    }

    /// What a failure leads to.
    enum Consequence {
        /// Another mirror is asked, or goes on with it.
        case goOn
        /// All mirrors failed; after a pause of so many seconds they are asked again.
        case wait(Double)
        case giveUp(BlockCompletion, BlockStoreError)
    }

    mutating func failed(
        _ number: UInt64, _ asked: Asked, _ error: BlockStoreError, _ policy: RetryPolicy, now: UInt64
    ) -> Consequence {
        end(asked, now)
        // A mirror may lack what not everybody needs.
        let isLacking = if case .missing = error { pending[number]?.request.isDispensable == true } else { false }
        // A transfer that was broken off says nothing about its mirror; one that lost a race and fails later does.
        if case .closed = error {} else if !isLacking { health[asked.mirror].failed(error, now: now) }
        guard var waiting = pending[number] else { return .goOn }
        let failure = waiting.failure.map { $0.weight >= error.weight ? $0 : error } ?? error
        waiting.failure = failure
        waiting.asked.removeAll { $0.mirror == asked.mirror }
        waiting.failedOn.insert(asked.mirror)
        pending[number] = waiting
        if !waiting.asked.isEmpty { return .goOn }
        guard waiting.failedOn.count == estimates.count else {
            enqueue(number, first: true)
            return .goOn
        }
        pending[number]?.round += 1
        if rests > 0, now > restUntil + MirrorBoard.longAgo { rests = 0 }
        // What all have waited for in vain need not be found out again by each; but a demand counts only what it has waited for itself.
        let waited = waiting.request.priority == .demand ? allRests - waiting.restsBefore : rests
        let spent = max(waiting.round + 1, waited)
        guard policy.allows(round: spent), !MirrorBoard.isLetGo(waiting.request, failure, afterRound: spent) else {
            pending[number] = nil
            return .giveUp(waiting.completion, failure)
        }
        return .wait(rest(afterRound: waiting.round, now: now))
    }

    /// Rounds in which no place answers after which somebody who waits is better off with other blocks: the read that waits has not come to
    /// its end by then.
    private static let dispensableRounds = 5

    /// Whether a block that its caller can do without is given up although the policy would go on.
    private static func isLetGo(_ request: BlockRequest, _ failure: BlockStoreError, afterRound round: Int) -> Bool {
        guard request.isDispensable else { return false }
        switch failure {
        case .missing, .corrupt: return true
        case .unreachable, .closed: return request.priority == .demand && round >= dispensableRounds
        }
    }

    /// Nanoseconds after a rest from which on it says nothing about the mirrors any more.
    private static let longAgo: UInt64 = 30_000_000_000

    /// All mirrors failed to give a block.
    /// - Parameter round: how often they did so.
    /// - Returns: seconds until they are asked for it again.
    private mutating func rest(afterRound round: Int, now: UInt64) -> Double {
        guard health.allSatisfy({ $0.isDemoted(now) }) else { return RetryPolicy.delay(afterRound: round) }
        guard restUntil <= now else { return Double(restUntil - now) / 1e9 }
        let seconds = RetryPolicy.delay(afterRound: max(round, rests))
        rests += 1
        allRests += 1
        restUntil = now + UInt64(seconds * 1e9)
        return seconds
    }

    private mutating func end(_ asked: Asked, _ now: UInt64) {
        inFlight -= 1
        lengthInFlight -= asked.length
        estimates[asked.mirror].ended(bytes: asked.bytes, now: now)
    }
}

extension BlockStoreError {
    /// Which of several failures says most about what to do.
    fileprivate var weight: Int {
        switch self {
        case .closed: 0
        // A mirror that the publisher may not name was not asked at all.
        case .unreachable(_, TransferError.refused): 1
        case .missing: 2
        case .corrupt: 3
        case .unreachable: 4
        }
    }
}

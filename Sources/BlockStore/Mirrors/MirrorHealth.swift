/// What is known about one mirror: whether it failed lately, and until when the others are preferred to it.
struct MirrorHealth: Sendable {
    private static let second: UInt64 = 1_000_000_000
    /// A mirror where one block is missing is incomplete; one where three in a row are missing is stale.
    private static let tolerance = 3

    private var score = 0
    private var demotions = 0
    private var isOnTrial = false
    /// Nanoseconds of ``MonotonicClock``; 0 when it is in good standing.
    private(set) var demotedUntil: UInt64 = 0

    /// True when it failed and has not given a block since.
    var isFailing: Bool { score > 0 }

    func isDemoted(_ now: UInt64) -> Bool { demotedUntil > now }

    /// Whether its time is over, and nobody has tried it since.
    func isDueForTrial(_ now: UInt64) -> Bool { demotedUntil != 0 && demotedUntil <= now }

    mutating func succeeded() { self = MirrorHealth() }

    mutating func failed(_ error: BlockStoreError, now: UInt64) {
        if case .missing = error { score += 1 } else { score += MirrorHealth.tolerance }
        demote(now)
    }

    /// It said nothing while another mirror gave the same block.
    mutating func wasOvertaken(now: UInt64) {
        score += 1
        demote(now)
    }

    /// Called when the time is over and one request tries it first again; the others wait for what comes of it.
    mutating func startTrial(now: UInt64) {
        isOnTrial = true
        demotedUntil = now + 15 * MirrorHealth.second
    }

    private mutating func demote(_ now: UInt64) {
        guard score >= MirrorHealth.tolerance, demotedUntil <= now || isOnTrial else { return }
        isOnTrial = false
        // 15 s, then twice as long each time up to 2 min: a dead mirror costs each of its trials a connection timeout, which
        // only one request feels, and a stick that was put back should not wait for long.
        demotedUntil = now + 15 * MirrorHealth.second << UInt64(min(demotions, 3))
        demotions += 1
    }
}

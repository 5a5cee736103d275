import Collections
import ContentAddress

/// Which block is asked of which mirror, and when: the decisions of a ``MirroredBlockStore``, without its threads.
///
/// This is the one place where requests are put in order. They wait in two queues, demands before prefetches, and a prefetch that
/// somebody begins to wait for changes over. Everything below does at once what it is given, so no more is given out than can be
/// under way. Where there are several mirrors two of these places are kept for races, and two of the others for demands.
///
/// A block is bound to a mirror as late as possible: when that mirror has room, and would deliver it before any other could. So
/// each mirror takes as much as it gives, and a slow one nothing that a fast one will deliver sooner. How soon a mirror delivers is
/// estimated from what it has done (``MirrorEstimate``); one that fails is passed over for a while (``MirrorHealth``).
///
/// When a block takes much longer than its mirror was expected to need, a second mirror is asked as well: a race, whose
/// loser is broken off. When all mirrors have failed, a round is over, and the next begins after a pause. When none of them is in good
/// standing any more, the pause is everybody's: only what somebody begins to wait for still gets its first round.
struct MirrorBoard: Sendable {
    /// One request to one mirror.
    struct Asked: Sendable {
        let mirror: Int
        let since: UInt64
        /// Bytes that are expected.
        let bytes: Double
        /// Bytes of the block.
        let length: Int
        let wasIdle: Bool
        /// When another mirror is asked as well.
        var hedgeAt: UInt64
    }

    /// One block that somebody waits for.
    struct Pending: Sendable {
        var request: BlockRequest
        let completion: BlockCompletion
        var round = 0
        /// How often all mirrors had rested when somebody began to wait for it.
        var restsBefore = 0
        /// Mirrors that failed in this round.
        var failedOn: Set<Int> = []
        /// Mirrors that are asked now: one, or two in a race.
        var asked: [Asked] = []
        /// In a queue. Otherwise it is asked for, or its back-off runs.
        var isQueued = false
        /// The failure that says most of this round: no answer, before damaged, before missing.
        var failure: BlockStoreError?

        var isBackingOff: Bool { asked.isEmpty && !isQueued }
    }

    /// What is to be sent out.
    struct Order: Sendable {
        let number: UInt64
        let asked: Asked
        let request: BlockRequest
    }

    /// Requests that are considered at a time; those behind them are not worth a slow mirror's while.
    private static let lookAhead = 64
    /// Requests that are looked at for one that need not rest.
    private static let restingLookAhead = 1024
    /// Blocks that are asked for at a time while no mirror is in good standing.
    private static let probes = 4
    /// Bytes of blocks that are asked for at a time, but for a single one that is longer: each is decompressed in memory, and what
    /// comes over the link may be tiny. Prefetches have half of it at most.
    static let mostBytes = 256 << 20
    /// Seconds after which a race begins: at least, at most, and while nothing is known of the mirror.
    private static let hedge = (least: 0.1, most: 2.0, unknown: 1.0)

    var pending: [UInt64: Pending] = [:]
    var health: [MirrorHealth]
    var estimates: [MirrorEstimate]
    private var demand: Deque<UInt64> = []
    private var prefetch: Deque<UInt64> = []
    private var last: UInt64 = 0
    var inFlight = 0
    /// Bytes of the blocks that are asked for now.
    var lengthInFlight = 0
    /// How often in a row all mirrors rested, and until when: none was in good standing. 0 once one has given a block.
    var rests = 0
    var restUntil: UInt64 = 0
    /// How often they rested in all.
    var allRests = 0
    /// Requests at the same time, races among them.
    private let parallel: Int
    /// As many of these as there may be without a race.
    private let places: Int
    /// Bytes of a stored block, and per byte of a block, smoothed.
    var meanBytes = 100_000.0
    var ratio = 0.5
    /// Races that may begin while the mirror is merely slow. Each block that comes earns a part of one: when the link itself is
    /// slow, asking twice makes it slower.
    var races = 2.0

    /// Blocks that a mirror may make one request of.
    private let joins: Int

    init(mirrors: Int, parallel: Int, joins: Int = 1) {
        self.joins = max(1, joins)
        health = Array(repeating: MirrorHealth(), count: mirrors)
        estimates = Array(repeating: MirrorEstimate(), count: mirrors)
        self.parallel = max(1, parallel)
        // Of few places few are for races; of less than four none is, and a race takes what happens to be free.
        places = mirrors > 1 ? self.parallel - min(2, self.parallel / 4) : self.parallel
    }

    /// Whether time alone may change what is to be done.
    var needsWatching: Bool {
        (estimates.count > 1 || rests > 0) && pending.values.contains { !$0.isBackingOff }
    }

    // MARK: Requests

    mutating func add(_ request: BlockRequest, _ completion: @escaping BlockCompletion) {
        last += 1
        pending[last] = Pending(request: request, completion: completion, restsBefore: allRests)
        enqueue(last)
    }

    /// - Returns: the mirrors that are asked for it now.
    mutating func raise(_ id: BlockID, now: UInt64) -> Set<Int> {
        var asked: Set<Int> = []
        for (number, waiting) in pending where waiting.request.id == id && waiting.request.priority != .demand {
            pending[number]?.request.priority = .demand
            // Whoever begins to wait has all the patience that is usual.
            pending[number]?.round = 0
            pending[number]?.restsBefore = allRests
            // Its place in the other queue is passed over.
            if waiting.isQueued { demand.append(number) }
            for (position, request) in waiting.asked.enumerated() {
                asked.insert(request.mirror)
                let time = now + patience(request.mirror, request.bytes, now: now)
                pending[number]?.asked[position].hedgeAt = time
            }
        }
        return asked
    }

    /// Queues one whose back-off is over. Nothing happens when it is queued or asked for already.
    mutating func startRound(_ number: UInt64) {
        guard pending[number]?.isBackingOff == true else { return }
        pending[number]?.failedOn = []
        pending[number]?.failure = nil
        enqueue(number)
    }

    /// Takes back the oldest request for a block. What is under way for it ends as a failure that nobody waits for.
    /// - Returns: nil when there is none.
    mutating func remove(_ id: BlockID) -> Pending? {
        let oldest = pending.filter { $0.value.request.id == id }.keys.min()
        return oldest.flatMap { pending.removeValue(forKey: $0) }
    }

    mutating func removeAll() -> [Pending] {
        defer { pending = [:] }
        return Array(pending.values)
    }

    mutating func enqueue(_ number: UInt64, first: Bool = false) {
        guard let priority = pending[number]?.request.priority else { return }
        pending[number]?.isQueued = true
        switch (priority, first) {
        case (.demand, false): demand.append(number)
        case (.demand, true): demand.prepend(number)
        case (.prefetch, false): prefetch.append(number)
        case (.prefetch, true): prefetch.prepend(number)
        }
    }

    // MARK: Decisions

    /// What can be asked for now.
    mutating func orders(now: UInt64) -> [Order] {
        var orders: [Order] = []
        // Bytes that wait for each mirror's next room, ahead of the request that is looked at.
        var ahead = [Double](repeating: 0, count: estimates.count)
        let isHeldUp: Bool
        (orders, demand, isHeldUp) = look(at: demand, .demand, &ahead, now)
        // A demand that is too long for what is left would never find room behind shorter prefetches.
        if isHeldUp { return orders }
        let later: [Order]
        (later, prefetch, _) = look(at: prefetch, .prefetch, &ahead, now)
        return orders + later
    }

    /// - Returns: what to ask for, what stays, and whether the next is too long for now.
    private mutating func look(
        at queue: Deque<UInt64>, _ priority: BlockRequest.Priority, _ ahead: inout [Double], _ now: UInt64
    ) -> (orders: [Order], left: Deque<UInt64>, isHeldUp: Bool) {
        var queue = queue
        var isHeldUp = false
        var orders: [Order] = []
        var kept: [UInt64] = []
        var resting = 0
        // Two places are kept for demands.
        let limit = priority == .demand ? places : max(1, places - 2)
        while inFlight < limit, kept.count - resting < MirrorBoard.lookAhead, resting < MirrorBoard.restingLookAhead,
            let number = queue.popFirst()
        {
            guard let waiting = pending[number], waiting.isQueued, waiting.request.priority == priority else {
                continue
            }
            if mustRest(waiting, now) {
                resting += 1
                kept.append(number)
                continue
            }
            guard fits(waiting.request) else {
                kept.append(number)
                isHeldUp = true
                break
            }
            let bytes = Double(waiting.request.length) * ratio
            if let mirror = choose(for: waiting, bytes, &ahead, now) {
                orders.append(send(number, waiting.request, to: mirror, bytes, now))
            } else {
                kept.append(number)
            }
        }
        queue.prepend(contentsOf: kept)
        return (orders, queue, isHeldUp)
    }

    /// Whether a request waits until the mirrors have rested, and a few others have tried them again.
    private func mustRest(_ waiting: Pending, _ now: UInt64) -> Bool {
        guard rests > 0, waiting.round > 0 || waiting.request.priority != .demand else { return false }
        return restUntil > now || inFlight >= MirrorBoard.probes
    }

    private func fits(_ request: BlockRequest) -> Bool {
        let most = request.priority == .demand ? MirrorBoard.mostBytes : MirrorBoard.mostBytes / 2
        return lengthInFlight == 0 || lengthInFlight + request.length <= most
    }

    private mutating func send(
        _ number: UInt64, _ request: BlockRequest, to mirror: Int, _ bytes: Double, _ now: UInt64
    ) -> Order {
        if health[mirror].isDueForTrial(now) { health[mirror].startTrial(now: now) }
        let asked = Asked(
            mirror: mirror, since: now, bytes: bytes, length: request.length, wasIdle: estimates[mirror].inFlight == 0,
            hedgeAt: now + patience(mirror, bytes, now: now))
        estimates[mirror].began(bytes: bytes, now: now)
        inFlight += 1
        lengthInFlight += request.length
        pending[number]?.isQueued = false
        pending[number]?.asked.append(asked)
        return Order(number: number, asked: asked, request: request)
    }

    /// The mirror to ask now; nil when it is better to wait for one that has no room.
    private func choose(for waiting: Pending, _ bytes: Double, _ ahead: inout [Double], _ now: UInt64) -> Int? {
        let untried = estimates.indices.filter { mirror in
            !waiting.failedOn.contains(mirror) && !waiting.asked.contains { $0.mirror == mirror }
        }
        let good = untried.filter { !health[$0].isDemoted(now) }
        // Demoted ones are better than none, the first to be forgiven first.
        guard !good.isEmpty else { return untried.min { health[$0].demotedUntil < health[$1].demotedUntil } }
        // A mirror that nobody has measured, or that has served its time, gets one request.
        if let new = good.first(where: {
            health[$0].isDueForTrial(now) || !estimates[$0].isMeasured && estimates[$0].inFlight == 0
        }) {
            return new
        }
        let best = nearest(of: good, bytes, ahead, now)
        if estimates[best].inFlight < room(best, waiting.request.priority) { return best }
        ahead[best] += bytes
        return nil
    }

    /// The one that delivers a block first; of those that hardly differ the one that was named first, so that the choice is steady.
    private func nearest(of mirrors: [Int], _ bytes: Double, _ ahead: [Double], _ now: UInt64) -> Int {
        let expected = mirrors.map { estimates[$0].expected(bytes: bytes, ahead: ahead[$0], now: now) }
        let bound = (expected.min() ?? 0) * 1.2 + 0.001
        return zip(mirrors, expected).first { $0.1 <= bound }?.0 ?? mirrors[0]
    }

    private func room(_ mirror: Int, _ priority: BlockRequest.Priority) -> Int {
        // Of two strangers one may be very slow: what it was given first should be little.
        guard estimates[mirror].isMeasured || estimates.count == 1 else { return 2 }
        let window = estimates[mirror].window(meanBytes: meanBytes)
        return joins * (priority == .demand ? max(window + 2, 8) : window)
    }

    /// Nanoseconds after which a mirror that was asked for a block takes too long.
    private func patience(_ mirror: Int, _ bytes: Double, now: UInt64) -> UInt64 {
        let seconds =
            estimates[mirror].isMeasured
            ? 3 * estimates[mirror].expected(bytes: bytes, now: now) : MirrorBoard.hedge.unknown
        return UInt64(min(max(seconds, MirrorBoard.hedge.least), MirrorBoard.hedge.most) * 1e9)
    }

    /// Races that begin now: blocks whose mirror takes too long, and that somebody waits for, or that are the last.
    mutating func hedges(now: UInt64) -> [Order] {
        var orders: [Order] = []
        let isAtEnd = !pending.values.contains { $0.isQueued }
        // The oldest first: there may not be a race for each.
        for (number, waiting) in pending.sorted(by: { $0.key < $1.key }) where waiting.asked.count == 1 {
            let first = waiting.asked[0]
            guard first.hedgeAt <= now, isAtEnd || waiting.request.priority == .demand else { continue }
            // Those that find no place begin as soon as others end.
            guard inFlight < parallel else { break }
            guard fits(waiting.request) else { continue }
            let others = estimates.indices.filter {
                $0 != first.mirror && !waiting.failedOn.contains($0) && !health[$0].isDemoted(now)
            }
            let isSilent = estimates[first.mirror].lastProgress <= first.since
            guard !others.isEmpty, isSilent || races >= 1 else {
                let time = now + patience(first.mirror, first.bytes, now: now)
                pending[number]?.asked[0].hedgeAt = time
                continue
            }
            if !isSilent { races -= 1 }
            let none = [Double](repeating: 0, count: estimates.count)
            let other = nearest(of: others, first.bytes, none, now)
            orders.append(send(number, waiting.request, to: other, first.bytes, now))
        }
        return orders
    }
}

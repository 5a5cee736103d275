import ContentAddress

/// Pieces that are wanted of one place and not asked for yet, and what is asked for together.
///
/// A request is dear, a long one hardly dearer: pieces that lie side by side become one. Demands go first, at once. Prefetches go a few
/// requests at a time; what comes meanwhile gathers, so that the next one is longer.
struct RangeWishes: Sendable {
    /// One piece that somebody waits for.
    struct Wish: Sendable {
        var request: BlockRequest
        /// First byte within the file.
        let offset: UInt64
        let completion: BlockCompletion
        /// How often it was sent again.
        var repeats = 0
        /// Nobody waits for it any more.
        var isCancelled = false

        var end: UInt64 { offset + UInt64(request.length) }
    }

    /// Bytes of the longest request that is made of several pieces.
    static let longest = 4 << 20
    /// Bytes of a long request as long as the place's rate is not known; and seconds that one should take at most: what is raised in the
    /// middle of it comes in its turn.
    private static let usual = 1 << 20
    private static let seconds = 0.25
    /// Requests at the same time, and those of them that nobody waits for.
    private static let most = (all: 8, prefetches: 3)

    private(set) var waiting: [Wish] = []
    /// Requests under way.
    private(set) var inFlight = 0
    private(set) var prefetchesInFlight = 0
    /// Bytes a second of one request, smoothed; nil before the first.
    private var rate: Double?

    mutating func add(_ wish: Wish) { waiting.append(wish) }

    /// Puts back what must be sent again, before all others.
    mutating func putBack(_ wishes: [Wish]) { waiting.insert(contentsOf: wishes, at: 0) }

    mutating func removeAll() -> [Wish] {
        defer { waiting = [] }
        return waiting
    }

    mutating func raise(_ id: BlockID) {
        for position in waiting.indices where waiting[position].request.id == id {
            waiting[position].request.priority = .demand
        }
    }

    /// Takes back the oldest wish for a block; nil when none waits.
    mutating func remove(_ id: BlockID) -> Wish? {
        waiting.firstIndex { $0.request.id == id }.map { waiting.remove(at: $0) }
    }

    /// The pieces of the next request, side by side and in order; nil when nothing is to be asked for now.
    mutating func next() -> [Wish]? {
        guard inFlight < RangeWishes.most.all else { return nil }
        var first = waiting.firstIndex { $0.request.priority == .demand }
        if first == nil, prefetchesInFlight < RangeWishes.most.prefetches, !waiting.isEmpty { first = 0 }
        guard let first else { return nil }
        let isDemand = waiting[first].request.priority == .demand
        // Of wishes for the same piece the first counts; another is asked for by itself, later.
        var places: [UInt64: Int] = [:]
        for position in waiting.indices.reversed() { places[waiting[position].offset] = position }
        places[waiting[first].offset] = first
        let limit = UInt64(bound)
        var run = [first]
        var (start, end) = (waiting[first].offset, waiting[first].end)
        while let next = places[end], waiting[next].end - start <= limit {
            run.append(next)
            end = waiting[next].end
        }
        // What lies before a demand would come before it, so only other demands may.
        let ends = Dictionary(places.values.map { (waiting[$0].end, $0) }, uniquingKeysWith: { first, _ in first })
        while let before = ends[start], end - waiting[before].offset <= limit,
            !isDemand || waiting[before].request.priority == .demand
        {
            run.insert(before, at: 0)
            start = waiting[before].offset
        }
        let wishes = run.map { waiting[$0] }
        for position in run.sorted(by: >) { waiting.remove(at: position) }
        inFlight += 1
        if !wishes.contains(where: { $0.request.priority == .demand }) { prefetchesInFlight += 1 }
        return wishes
    }

    /// A request is over.
    /// - Parameters:
    ///   - isPrefetch: as it was when it was sent.
    ///   - seconds: from its first byte to its last.
    mutating func ended(isPrefetch: Bool, bytes: Int, seconds: Double) {
        inFlight -= 1
        if isPrefetch { prefetchesInFlight -= 1 }
        guard bytes > RangeWishes.usual / 4, seconds > 0 else { return }
        let new = Double(bytes) / max(seconds, 0.001)
        rate = rate.map { $0 + 0.25 * (new - $0) } ?? new
    }

    private var bound: Int {
        guard let rate else { return RangeWishes.usual }
        return min(max(RangeWishes.usual, Int(rate * RangeWishes.seconds)), RangeWishes.longest)
    }
}

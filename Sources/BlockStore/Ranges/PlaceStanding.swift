import Curl
import Linux

/// What is known of one place of a file: where it leads, what its servers say of the file, and whether it may be asked now.
///
/// A place is resolved once: the first answer says where its redirects lead, and all later requests go there. When that fails the place
/// itself is asked anew, at once after something went well, later and later when nothing does.
struct PlaceStanding: Sendable {
    let place: TransferPlace
    /// Bytes of the whole file.
    let size: UInt64
    /// Where it leads to; nil until it is known, and when that failed.
    private(set) var pinned: PinnedURL?
    /// Changes with ``pinned``: what was asked of an earlier one says nothing of the present one.
    private(set) var generation = 0
    /// Servers by their first word of the file.
    private var known: [String: PinnedURL] = [:]
    private(set) var liars: Set<String> = []
    /// Failures since a piece came that was right.
    private var failures = 0
    /// In ``MonotonicClock`` nanoseconds: nothing is asked before it.
    private(set) var restUntil: UInt64 = 0
    /// Why.
    private(set) var restsFor: any Error = RangeFault.gone
    /// Requests are kept until then: the server asked for it, and nobody else has the file.
    private(set) var isPolite = false
    /// Why it gives nothing more, ever.
    private(set) var verdict: RangeFault?
    /// The place is being asked where it leads.
    var isResolving = false

    private static let second: UInt64 = 1_000_000_000
    /// Seconds between two tries.
    private static let pauses = TransferRetry(attempts: 1, firstPause: 0.5, longestPause: 60)
    /// Seconds after which a server that sends whole files is asked again: it may be a page that stands before the network.
    private static let wholeFiles = 60.0
    /// Seconds that a server may ask for at most, and what it gets when it does not say.
    private static let politeness = (longest: 600, usual: 5)

    /// Seconds of a rest for which requests are kept; longer ones are somebody's to know of.
    private let mostPatience: Int

    /// - Parameter isOnly: whether nobody else has the file.
    init(_ place: RangedPlace, size: UInt64, isOnly: Bool) {
        self.place = place.place
        mostPatience = isOnly ? 30 : 0
        self.size = size
        // Where nothing but the place itself is known, it may lead anywhere.
        guard var pinned = place.pinned, pinned != PinnedURL(url: place.place.url, reach: pinned.reach) else { return }
        let isElsewhere = URLText.server(of: pinned.url) != URLText.server(of: place.place.url)
        // The user wrote the place, and a server where it leads.
        if isElsewhere, pinned.reach == .written { pinned.reach = .named(by: .internet) }
        pin(pinned)
    }

    private mutating func pin(_ url: PinnedURL) {
        pinned = url
        generation += 1
        if let server = URLText.server(of: url.url), known[server] == nil { known[server] = url }
    }

    /// Whether the place itself is where it leads.
    private var isDirect: Bool { pinned?.url == place.url }

    /// The request for a part.
    func request(_ range: Range<UInt64>, isVerified: Bool) -> TransferRequest {
        let (url, reach) = pinned.map { ($0.url, $0.reach) } ?? (place.url, place.reach)
        let tag = URLText.server(of: url).flatMap { known[$0]?.entityTag }
        var request = TransferRequest(
            url: url, maximumBytes: range.count, headerFields: tag.map { ["If-Range": $0] } ?? [:], reach: reach)
        request.range = range
        request.origin = place
        request.followsToPlainHTTP = isVerified
        return request
    }

    /// Judges the head of an answer, and learns from a good one where the place leads.
    /// - Parameter generation: of what was asked.
    /// - Returns: of what the answer comes from.
    /// - Throws: ``RangeFault``.
    mutating func answered(
        _ head: TransferHead, asked: Range<UInt64>, generation: Int
    ) throws(RangeFault) -> Int {
        let before = URLText.server(of: head.url).flatMap { known[$0] }
        _ = try RangeAnswer(asked: asked, size: size, known: before, liars: liars).size(head)
        // One that was asked before the present one was pinned says nothing new.
        guard generation == self.generation else { return generation }
        if pinned?.url != head.url { pin(PinnedURL(head)) }
        isResolving = false
        return self.generation
    }

    /// A piece came and was right.
    mutating func succeeded() {
        failures = 0
        // What the server asked for holds whatever else it gives.
        if case RangeFault.busy = restsFor { return }
        restUntil = 0
    }

    /// What becomes of the requests that failed.
    enum Consequence {
        /// They are sent again at once, to where the place leads now.
        case again
        case fail
    }

    /// A request failed.
    /// - Parameter generation: of what was asked.
    mutating func failed(_ error: any Error, generation: Int, now: UInt64) -> Consequence {
        if case RangeFault.changed = error { verdict = verdict ?? error as? RangeFault }
        if verdict != nil { return .fail }
        if let seconds = PlaceStanding.askedPause(error) {
            rest(Double(seconds), RangeFault.busy(seconds: seconds), now, isPolite: seconds <= mostPatience)
            return isPolite ? .again : .fail
        }
        // Somebody else has found out already.
        guard generation == self.generation else { return restUntil > now ? .fail : .again }
        let wasPinned = pinned != nil && !isDirect
        pinned = nil
        self.generation += 1
        failures += 1
        if wasPinned, failures == 1 { return .again }
        var pause = PlaceStanding.pauses.pause(after: failures)
        if case RangeFault.noRanges = error { pause = max(pause, PlaceStanding.wholeFiles) }
        rest(pause, error, now, isPolite: false)
        return .fail
    }

    /// A server gave other bytes than it should have.
    mutating func lied(generation: Int) {
        guard generation == self.generation, let url = pinned?.url, !isDirect else { return }
        // Redirects may lead to a better one.
        if let server = URLText.server(of: url) { liars.insert(server) }
        pinned = nil
        self.generation += 1
        failures += 1
    }

    private mutating func rest(_ seconds: Double, _ error: any Error, _ now: UInt64, isPolite: Bool) {
        let end = now + UInt64(seconds * 1e9)
        // What a server asked for holds whatever else fails.
        if case RangeFault.busy = restsFor, restUntil > end { return }
        (restUntil, restsFor, self.isPolite) = (end, error, isPolite)
    }

    /// Seconds for which a server wants to be left alone; nil when it said nothing of that kind.
    private static func askedPause(_ error: any Error) -> Int? {
        guard case TransferError.http(_, let status, let seconds) = error else { return nil }
        if status == 429 { return min(seconds ?? politeness.usual, politeness.longest) }
        return status == 503 ? seconds.map { min($0, politeness.longest) } : nil
    }
}

import ContentAddress

@testable import BlockStore

/// A ``MirrorBoard`` and mirrors behind links of chosen delay and rate, in a time that passes only when the test says so: what
/// comes of it is the same on every machine.
struct MirrorSimulation {
    enum Mode {
        case pass
        /// Nothing comes, and no error.
        case hang
        /// Each request fails after its round trip.
        case refuse
    }

    struct Link {
        /// Seconds from a request to the first byte of its answer.
        var latency = 0.01
        /// Bytes a second, shared by all that is under way.
        var rate = 1e6
        var mode = Mode.pass
        /// Requests so far.
        var requests = 0
        /// Seconds, in the simulation's time.
        var freeAt = 0.0
    }

    private struct Event {
        let time: Double
        let order: MirrorBoard.Order
        let error: BlockStoreError?
    }

    /// What came, in order.
    struct Arrival: Equatable {
        let block: Int
        /// Seconds.
        let time: Double
        let mirror: Int
    }

    /// Bytes of a block, and of what is transferred for it.
    static let length = 65_536
    static let stored = 32_768

    var board: MirrorBoard
    var links: [Link]
    private let policy: RetryPolicy
    /// Requests that were given up.
    private(set) var failures = 0
    /// Seconds.
    private(set) var time = 0.0
    private(set) var arrivals: [Arrival] = []
    private(set) var errors: [BlockStoreError] = []
    /// Requests that were broken off since another mirror was faster.
    private(set) var losers = 0
    private var events: [Event] = []
    private var nextWatch = 0.05
    private var rounds: [(time: Double, number: UInt64)] = []

    init(_ links: [Link], parallel: Int = 16, policy: RetryPolicy = .patient) {
        self.policy = policy
        self.links = links
        board = MirrorBoard(mirrors: links.count, parallel: parallel)
    }

    /// The clock as the board reads it, which does not begin at 0.
    var now: UInt64 { UInt64((time + 1000) * 1e9) }

    /// The name of a block.
    static func id(_ block: Int) -> BlockID {
        withUnsafeBytes(of: block.bigEndian) { DigestAlgorithm.sha256.blockID(of: $0) }
    }

    private static let numbers = Dictionary(uniqueKeysWithValues: (0..<1000).map { (id($0), $0) })

    static func number(of id: BlockID) -> Int? { numbers[id] }

    mutating func add(_ blocks: some Sequence<Int>, _ priority: BlockRequest.Priority = .demand) {
        for block in blocks {
            board.add(
                BlockRequest(
                    id: Self.id(block), length: Self.length, algorithm: .sha256, priority: priority)
            ) { _ in }
        }
        send()
    }

    mutating func raise(_ block: Int) {
        _ = board.raise(Self.id(block), now: now)
        send()
    }

    /// Lets time pass until nobody waits for a block any more.
    /// - Parameter limit: seconds; what has not come then does not come.
    mutating func run(for limit: Double = 3600, until isOver: (MirrorSimulation) -> Bool = { $0.board.pending.isEmpty })
    {
        let end = time + limit
        while !isOver(self) {
            let next = [events.map(\.time).min(), rounds.map(\.time).min(), board.needsWatching ? nextWatch : nil]
                .compactMap { $0 }.min()
            guard let next, next <= end else {
                time = end
                return
            }
            time = max(time, next)
            step()
        }
    }

    private mutating func step() {
        if time >= nextWatch {
            nextWatch = time + 0.05
            board.hedges(now: now).forEach { start($0) }
        }
        for round in rounds where round.time <= time { board.startRound(round.number) }
        rounds.removeAll { $0.time <= time }
        if let position = events.indices.filter({ events[$0].time <= time }).min(by: {
            events[$0].time < events[$1].time
        }) {
            end(events.remove(at: position))
        }
        send()
    }

    private mutating func end(_ event: Event) {
        let order = event.order
        if let error = event.error {
            errors.append(error)
            switch board.failed(order.number, order.asked, error, policy, now: now) {
            case .goOn: break
            case .giveUp: failures += 1
            case .wait(let seconds): rounds.append((time + seconds, order.number))
            }
            return
        }
        let bytes = BlockBytes(
            length: Self.length, transferred: Self.stored, wait: links[order.asked.mirror].latency, fill: { _ in })
        let outcome = board.succeeded(order.number, order.asked, bytes, now: now)
        outcome.revived.forEach { board.startRound($0) }
        guard let done = outcome.done else { return }
        if let block = Self.number(of: done.request.id) {
            arrivals.append(Arrival(block: block, time: time, mirror: order.asked.mirror))
        }
        // The losers' requests are broken off, which is an answer, too.
        losers += outcome.losers.count
        for loser in done.asked where loser.mirror != order.asked.mirror {
            events.removeAll { $0.order.number == order.number && $0.order.asked.mirror == loser.mirror }
            _ = board.failed(order.number, loser, .closed, .patient, now: now)
        }
    }

    private mutating func send() {
        while true {
            let orders = board.orders(now: now)
            if orders.isEmpty { return }
            orders.forEach { start($0) }
        }
    }

    private mutating func start(_ order: MirrorBoard.Order) {
        let mirror = order.asked.mirror
        links[mirror].requests += 1
        switch links[mirror].mode {
        case .hang: break
        case .refuse:
            let error = BlockStoreError.unreachable(place: "\(mirror)", cause: BlockStoreError.closed)
            events.append(Event(time: time + links[mirror].latency, order: order, error: error))
        case .pass:
            let begin = max(time + links[mirror].latency, links[mirror].freeAt)
            links[mirror].freeAt = begin + Double(Self.stored) / links[mirror].rate
            events.append(Event(time: links[mirror].freeAt, order: order, error: nil))
        }
    }

    /// What is under way with a mirror breaks.
    mutating func kill(_ mirror: Int) {
        links[mirror].mode = .refuse
        let error = BlockStoreError.unreachable(place: "\(mirror)", cause: BlockStoreError.closed)
        events = events.map { event in
            event.order.asked.mirror == mirror ? Event(time: time, order: event.order, error: error) : event
        }
    }
}

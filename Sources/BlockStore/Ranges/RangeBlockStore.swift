import ContentAddress
import Curl
import Linux
import Synchronization

/// A block store behind one URL: each block is a piece of the file there, asked for by its range.
///
/// Nothing that a server says is taken on trust: only the part that was asked for, of a file that is as long as it is known to be, and of
/// the same tag or time as at first (``RangeAnswer``); then each piece is verified like any block. Pieces that are wanted at the same
/// moment and lie side by side are one request (``RangeWishes``), and each is handed out as soon as it has come.
package final class RangeBlockStore: BlockStore {
    private struct State: Sendable {
        var wishes = RangeWishes()
        var standing: PlaceStanding
        /// Of each request under way the pieces that have not come, in order.
        var flights: [TransferTicket: [RangeWishes.Wish]] = [:]
        var isScheduled = false
        var wakesAt: UInt64 = .max
    }

    /// Seconds in which what is wanted at the same moment comes together.
    private static let moment = 0.001
    /// How often a piece is sent again without a word, because the place leads elsewhere now.
    private static let mostRepeats = 3

    private let pieces: PiecePlaces
    private let isVerified: Bool
    private let queue: TransferQueue
    private let pool: DecodePool
    /// As it is shown: a query may be a token.
    private let shown: String
    private let state: Mutex<State>

    /// - Parameters:
    ///   - size: bytes of the whole file.
    ///   - pieces: where each block is in it.
    ///   - isVerified: whether every id is a digest that somebody has signed; otherwise nothing leads from https to http.
    ///   - isOnly: whether nobody else has the file: then requests wait where the server wants to be left alone.
    package init(
        _ place: RangedPlace, size: UInt64, pieces: PiecePlaces, isVerified: Bool, isOnly: Bool, queue: TransferQueue,
        pool: DecodePool = .shared
    ) {
        self.pieces = pieces
        self.isVerified = isVerified
        self.queue = queue
        self.pool = pool
        shown = URLText.public(place.place.url)
        state = Mutex(State(standing: PlaceStanding(place, size: size, isOnly: isOnly)))
    }

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        guard let offset = pieces.offset(of: request.id) else {
            return completion(.failure(.missing(request.id, place: shown)))
        }
        state.withLock { $0.wishes.add(RangeWishes.Wish(request: request, offset: offset, completion: completion)) }
        schedule()
    }

    // A server keeps nothing locally.
    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        false
    }

    package func raise(_ id: BlockID) {
        state.withLock { $0.wishes.raise(id) }
        schedule()
    }

    package func cancel(_ id: BlockID) {
        let (waiting, broken) = state.withLock { state -> (RangeWishes.Wish?, TransferTicket?) in
            if let wish = state.wishes.remove(id) { return (wish, nil) }
            for (ticket, wishes) in state.flights {
                guard let position = wishes.firstIndex(where: { $0.request.id == id && !$0.isCancelled }) else {
                    continue
                }
                state.flights[ticket]?[position].isCancelled = true
                // A request goes on for as long as anybody wants some of it.
                let isVain = state.flights[ticket]?.allSatisfy(\.isCancelled) == true
                return (nil, isVain ? ticket : nil)
            }
            return (nil, nil)
        }
        waiting?.completion(.failure(.closed))
        if let broken { queue.cancel(broken) }
    }

    /// What is pinned of the place now; nil when it is not known where it leads.
    package var pinned: PinnedURL? { state.withLock { $0.standing.pinned } }

    /// Whether the file there is another one now: it gives nothing more.
    package var hasChanged: Bool { state.withLock { $0.standing.verdict != nil } }

    // MARK: Sending

    private func schedule(after seconds: Double = RangeBlockStore.moment) {
        let time = MonotonicClock.nanoseconds + UInt64(seconds * 1e9)
        let isNew = state.withLock { state in
            guard !state.isScheduled || state.wakesAt > time else { return false }
            (state.isScheduled, state.wakesAt) = (true, time)
            return true
        }
        guard isNew else { return }
        TimerQueue.shared.schedule(after: .seconds(seconds)) { [self] in
            state.withLock { state in
                if state.wakesAt <= time { (state.isScheduled, state.wakesAt) = (false, .max) }
            }
            send()
        }
    }

    private enum Step: Sendable {
        case send(RangeFlight, TransferTicket, TransferRequest)
        case fail([RangeWishes.Wish], any Error)
        case wait(Double)
        case nothing
    }

    /// Asks for all that can be asked for now.
    private func send() {
        while true {
            switch state.withLock({ next(&$0) }) {
            case .send(let flight, let ticket, let request): start(flight, ticket, request)
            case .fail(let wishes, let error): fail(wishes, error)
            case .wait(let seconds): return schedule(after: seconds)
            case .nothing: return
            }
        }
    }

    private func next(_ state: inout State) -> Step {
        guard !state.wishes.waiting.isEmpty else { return .nothing }
        if let verdict = state.standing.verdict { return .fail(state.wishes.removeAll(), verdict) }
        let now = MonotonicClock.nanoseconds
        if state.standing.restUntil > now {
            guard state.standing.isPolite else {
                return .fail(state.wishes.removeAll(), state.standing.restsFor)
            }
            return .wait(Double(state.standing.restUntil - now) / 1e9 + 0.01)
        }
        // Where it leads is found out once.
        guard !state.standing.isResolving, let wishes = state.wishes.next() else { return .nothing }
        let flight = RangeFlight(wishes, generation: state.standing.generation)
        let ticket = TransferTicket()
        state.standing.isResolving = state.standing.pinned == nil
        state.flights[ticket] = wishes
        var request = state.standing.request(flight.range, isVerified: isVerified)
        request.sink = sink(flight, ticket)
        return .send(flight, ticket, request)
    }

    private func start(_ flight: RangeFlight, _ ticket: TransferTicket, _ request: TransferRequest) {
        queue.start(request, as: ticket) { [self] result in end(flight, ticket, result) }
    }

    // MARK: Answers

    private func sink(_ flight: RangeFlight, _ ticket: TransferTicket) -> TransferSink {
        TransferSink(
            begin: { [self] head in
                flight.begin(head)
                return judge(head, flight)
            },
            take: { [self] bytes in
                flight.take(bytes) { piece in arrived(piece, flight, ticket) }
            })
    }

    private func judge(_ head: TransferHead, _ flight: RangeFlight) -> Bool {
        let hasResolved = state.withLock { state in
            do throws(RangeFault) {
                flight.generation = try state.standing.answered(
                    head, asked: flight.range, generation: flight.generation)
                return true
            } catch {
                flight.fault = error
                return false
            }
        }
        // Others waited to know where it leads.
        if hasResolved { schedule() }
        return hasResolved
    }

    /// A piece is whole.
    private func arrived(_ bytes: UnsafeMutableRawBufferPointer, _ flight: RangeFlight, _ ticket: TransferTicket) {
        let wish = state.withLock { state in
            state.flights[ticket]?.isEmpty == false ? state.flights[ticket]?.removeFirst() : nil
        }
        guard let wish else { return bytes.deallocate() }
        let generation = flight.generation
        let (wait, place) = (flight.head?.wait, flight.head.map { URLText.public($0.url) } ?? shown)
        nonisolated(unsafe) let piece = bytes
        pool.submit { [self] decoder in
            defer { piece.deallocate() }
            let result = Result { () throws(BlockStoreError) in
                try decoder.decode(
                    uncompressed: UnsafeRawBufferPointer(piece), for: wish.request, place: place, wait: wait)
            }
            state.withLock { state in
                switch result {
                case .success: state.standing.succeeded()
                case .failure(.corrupt):
                    state.standing.lied(generation: generation)
                case .failure: break
                }
            }
            wish.completion(result)
        }
    }

    private func end(
        _ flight: RangeFlight, _ ticket: TransferTicket, _ result: Result<TransferResult, TransferError>
    ) {
        let now = MonotonicClock.nanoseconds
        let outcome = state.withLock { state -> (wishes: [RangeWishes.Wish], error: any Error)? in
            let left = state.flights.removeValue(forKey: ticket) ?? []
            state.wishes.ended(
                isPrefetch: flight.isPrefetch, bytes: flight.received, seconds: flight.seconds(now: now))
            if flight.generation == state.standing.generation { state.standing.isResolving = false }
            guard let error = RangeBlockStore.error(flight, result, isShort: !left.isEmpty) else { return nil }
            if case TransferError.cancelled = error { return (left, error) }
            let consequence = state.standing.failed(error, generation: flight.generation, now: now)
            guard case .again = consequence else { return (left, error) }
            let again = left.filter { $0.repeats < RangeBlockStore.mostRepeats && !$0.isCancelled }
            state.wishes.putBack(
                again.map { wish in
                    var wish = wish
                    wish.repeats += 1
                    return wish
                })
            return (left.filter { $0.repeats >= RangeBlockStore.mostRepeats || $0.isCancelled }, error)
        }
        if let outcome { fail(outcome.wishes, outcome.error) }
        schedule()
    }

    /// Why a request did not give all that was asked; nil when it did.
    private static func error(
        _ flight: RangeFlight, _ result: Result<TransferResult, TransferError>, isShort: Bool
    ) -> (any Error)? {
        if let fault = flight.fault { return fault }
        switch result {
        case .failure(.notFound): return RangeFault.gone
        case .failure(.tooLarge): return RangeFault.wrongAnswer(reason: "it is longer than what was asked for")
        case .failure(let error): return error.withoutQueries
        case .success(let result):
            guard isShort else { return nil }
            // Nothing came that the sink could have judged.
            return result.status == 206
                ? RangeFault.wrongAnswer(reason: "it ends before what was asked for") : RangeFault.noRanges
        }
    }

    private func fail(_ wishes: [RangeWishes.Wish], _ error: any Error) {
        for wish in wishes {
            switch error {
            case TransferError.cancelled: wish.completion(.failure(.closed))
            case RangeFault.gone: wish.completion(.failure(.missing(wish.request.id, place: shown)))
            default: wish.completion(.failure(.unreachable(place: shown, cause: error)))
            }
        }
    }
}

extension TransferError {
    /// What a redirect leads to may be a URL that lets its holder in.
    fileprivate var withoutQueries: TransferError {
        switch self {
        case .notFound(let url): .notFound(url: URLText.public(url))
        case .http(let url, let status, let seconds):
            .http(url: URLText.public(url), status: status, retryAfter: seconds)
        case .tooLarge(let url, let limit): .tooLarge(url: URLText.public(url), limit: limit)
        case .connection(let url, let code, let message):
            .connection(url: URLText.public(url), code: code, message: message)
        case .unsupported(let url, let message): .unsupported(url: URLText.public(url), message: message)
        case .refused(let url, let message): .refused(url: URLText.public(url), message: message)
        case .cancelled: .cancelled
        }
    }
}

import ContentAddress
import Curl
import Linux
import Synchronization

/// Several places that have the same blocks: the nearest is asked, or several at once where one is slower than our own link.
///
/// Whatever one fails to give, for whatever reason, another is asked for at once. ``MirrorBoard`` decides what is asked, of which
/// mirror and when; this asks, and tells it of the answers.
package final class MirroredBlockStore: BlockStore {
    private struct State: Sendable {
        var board: MirrorBoard
        var isClosed = false
        /// A thread hands out orders; others leave theirs to it.
        var isSending = false
        var sendsAgain = false
        var isWatched = false
    }

    /// Seconds between two looks at requests that may take too long.
    private static let watchInterval = 0.05

    private let mirrors: [any BlockStore]
    private let policy: RetryPolicy
    private let observer: (@Sendable (BlockStoreError) -> Void)?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - mirrors: in the order of preference, which counts where they hardly differ; at least one.
    ///   - parallel: requests at the same time, to all mirrors together, races among them.
    ///   - joins: blocks that a mirror makes one request of where it can; so many times as much is given to it.
    ///   - observer: told of every failure of a mirror, from any thread; it must not block.
    package init(
        _ mirrors: [any BlockStore], policy: RetryPolicy, parallel: Int = 16, joins: Int = 1,
        observer: (@Sendable (BlockStoreError) -> Void)? = nil
    ) {
        precondition(!mirrors.isEmpty, "no mirrors")
        self.mirrors = mirrors
        self.policy = policy
        self.observer = observer
        state = Mutex(State(board: MirrorBoard(mirrors: mirrors.count, parallel: parallel * joins, joins: joins)))
    }

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let isOpen = state.withLock { state in
            if !state.isClosed { state.board.add(request, completion) }
            return !state.isClosed
        }
        guard isOpen else { return completion(.failure(.closed)) }
        sendOrders()
    }

    // Mirrors keep nothing locally.
    package func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool {
        false
    }

    package func raise(_ id: BlockID) {
        let asked = state.withLock { $0.board.raise(id, now: MonotonicClock.nanoseconds) }
        asked.forEach { mirrors[$0].raise(id) }
        sendOrders()
    }

    package func cancel(_ id: BlockID) {
        if let pending = state.withLock({ $0.board.remove(id) }) { breakOff(pending) }
    }

    /// Fails all that wait with ``BlockStoreError/closed``, and all that come later.
    package func close() {
        let pending = state.withLock { state in
            state.isClosed = true
            return state.board.removeAll()
        }
        pending.forEach(breakOff)
    }

    private func breakOff(_ pending: MirrorBoard.Pending) {
        // First: the caller may ask for the same block again.
        for asked in pending.asked { mirrors[asked.mirror].cancel(pending.request.id) }
        pending.completion(.failure(.closed))
    }

    /// Asks for all that can be asked for now. One thread does so at a time: a store that answers before `fetch` returns would
    /// otherwise bring us here again and again, each time deeper in the stack.
    private func sendOrders() {
        let isMine = state.withLock { state in
            if state.isSending { state.sendsAgain = true }
            defer { state.isSending = true }
            return !state.isSending
        }
        guard isMine else { return }
        while true {
            let orders = state.withLock { state in
                state.sendsAgain = false
                return state.board.orders(now: MonotonicClock.nanoseconds)
            }
            orders.forEach(send)
            let isDone = state.withLock { state in
                if orders.isEmpty && !state.sendsAgain { state.isSending = false }
                return !state.isSending
            }
            if isDone { break }
        }
        watch()
    }

    private func send(_ order: MirrorBoard.Order) {
        let (number, asked) = (order.number, order.asked)
        // Since the board gave it out it may have been raised, or have come from elsewhere, or its caller may have given it up: the
        // mirror, which did not know of it, has not heard of that.
        let request = state.withLock { state in
            let request = state.board.pending[number]?.request
            if request == nil {
                _ = state.board.failed(number, asked, .closed, policy, now: MonotonicClock.nanoseconds)
            }
            return request
        }
        guard let request else { return }
        mirrors[asked.mirror].fetch(request) { result in
            switch result {
            case .success(let bytes): self.succeed(number, asked, bytes)
            case .failure(let error): self.fail(number, asked, error)
            }
        }
    }

    private func succeed(_ number: UInt64, _ asked: MirrorBoard.Asked, _ bytes: BlockBytes) {
        let outcome = state.withLock { state in
            let outcome = state.board.succeeded(number, asked, bytes, now: MonotonicClock.nanoseconds)
            outcome.revived.forEach { state.board.startRound($0) }
            return outcome
        }
        if let done = outcome.done {
            for loser in outcome.losers { mirrors[loser].cancel(done.request.id) }
            done.completion(.success(bytes))
        }
        sendOrders()
    }

    private func fail(_ number: UInt64, _ asked: MirrorBoard.Asked, _ error: BlockStoreError) {
        let consequence = state.withLock {
            $0.board.failed(number, asked, error, policy, now: MonotonicClock.nanoseconds)
        }
        if case .closed = error {} else { observer?(error) }
        switch consequence {
        case .goOn: break
        case .wait(let seconds):
            // The request is answered whether or not anybody still holds the store.
            TimerQueue.shared.schedule(after: .seconds(seconds)) { [self] in
                state.withLock { $0.board.startRound(number) }
                sendOrders()
            }
        case .giveUp(let completion, let failure): completion(.failure(failure))
        }
        sendOrders()
    }

    /// Looks again in a while, for as long as a request may take too long.
    private func watch() {
        let isNew = state.withLock { state in
            guard !state.isWatched, state.board.needsWatching else { return false }
            state.isWatched = true
            return true
        }
        guard isNew else { return }
        TimerQueue.shared.schedule(after: .seconds(MirroredBlockStore.watchInterval)) { [weak self] in
            guard let self else { return }
            let orders = state.withLock { state in
                state.isWatched = false
                return state.board.hedges(now: MonotonicClock.nanoseconds)
            }
            orders.forEach(send)
            sendOrders()
        }
    }
}

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

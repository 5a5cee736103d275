import ContentAddress
import Linux
import Synchronization

/// Several places that have the same blocks. Whatever one fails to give, for whatever reason, the next is asked for.
package final class MirroredBlockStore: BlockStore {
    private struct Pending: Sendable {
        var request: BlockRequest
        let completion: BlockCompletion
        var round = 0
        /// Mirrors not yet asked in this round.
        var untried: [Int] = []
        /// The mirror that is asked now; nil during back-off.
        var asked: Int?
        /// The failure that says most of this round: no answer, before damaged, before missing.
        var failure: BlockStoreError?
    }

    private struct State: Sendable {
        var pending: [UInt64: Pending] = [:]
        var next: UInt64 = 0
        var health: [MirrorHealth]
        var isClosed = false
    }

    private let mirrors: [any BlockStore]
    private let policy: RetryPolicy
    private let observer: (@Sendable (BlockStoreError) -> Void)?
    private let state: Mutex<State>

    /// - Parameters:
    ///   - mirrors: in the order of preference; at least one.
    ///   - observer: told of every failure of a mirror, from any thread; it must not block.
    package init(
        _ mirrors: [any BlockStore], policy: RetryPolicy, observer: (@Sendable (BlockStoreError) -> Void)? = nil
    ) {
        precondition(!mirrors.isEmpty, "no mirrors")
        self.mirrors = mirrors
        self.policy = policy
        self.observer = observer
        state = Mutex(State(health: mirrors.map { _ in MirrorHealth() }))
    }

    package func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
        let number = state.withLock { state -> UInt64? in
            guard !state.isClosed else { return nil }
            state.next += 1
            state.pending[state.next] = Pending(request: request, completion: completion)
            return state.next
        }
        guard let number else { return completion(.failure(.closed)) }
        startRound(number)
    }

    package func raise(_ id: BlockID) {
        let asked = state.withLock { state -> Set<Int> in
            var asked: Set<Int> = []
            for (number, pending) in state.pending where pending.request.id == id {
                state.pending[number]?.request.priority = .demand
                if let mirror = pending.asked { asked.insert(mirror) }
            }
            return asked
        }
        asked.forEach { mirrors[$0].raise(id) }
    }

    /// Fails all that wait with ``BlockStoreError/closed``, and all that come later.
    package func close() {
        let pending = state.withLock { state in
            state.isClosed = true
            defer { state.pending = [:] }
            return state.pending
        }
        pending.values.forEach { $0.completion(.failure(.closed)) }
    }

    /// Orders the mirrors anew and asks the first. Nothing happens when the round runs already.
    private func startRound(_ number: UInt64) {
        let isNew = state.withLock { state in
            guard let pending = state.pending[number], pending.asked == nil, pending.untried.isEmpty else {
                return false
            }
            state.pending[number]?.untried = MirroredBlockStore.order(&state.health)
            state.pending[number]?.failure = nil
            return true
        }
        if isNew { askNext(number) }
    }

    private func askNext(_ number: UInt64) {
        let next = state.withLock { state -> (mirror: Int, request: BlockRequest)? in
            guard var pending = state.pending[number], !pending.untried.isEmpty else { return nil }
            let mirror = pending.untried.removeFirst()
            pending.asked = mirror
            state.pending[number] = pending
            return (mirror, pending.request)
        }
        guard let (mirror, request) = next else { return }
        mirrors[mirror].fetch(request) { result in
            switch result {
            case .success(let bytes): self.succeed(number, mirror, bytes)
            case .failure(let error): self.fail(number, mirror, error)
            }
        }
        // Raised between the look at the priority and the mirror's knowing of the request.
        let wasRaised = state.withLock { state in
            guard let pending = state.pending[number], pending.asked == mirror else { return false }
            return pending.request.priority != request.priority
        }
        if wasRaised { mirrors[mirror].raise(request.id) }
    }

    private func succeed(_ number: UInt64, _ mirror: Int, _ bytes: BlockBytes) {
        let (done, revived) = state.withLock { state -> (Pending?, [UInt64]) in
            let wasFailing = state.health[mirror].isFailing
            state.health[mirror].succeeded()
            let done = state.pending.removeValue(forKey: number)
            // The server is back: those who wait out their back-off need not.
            let waiting = wasFailing ? state.pending.filter { $0.value.asked == nil && $0.value.untried.isEmpty } : [:]
            return (done, waiting.keys.sorted())
        }
        done?.completion(.success(bytes))
        revived.forEach(startRound)
    }

    private func fail(_ number: UInt64, _ mirror: Int, _ error: BlockStoreError) {
        enum Step {
            case askNext
            case wait(Double)
            case giveUp(BlockCompletion, BlockStoreError)
            case nothing
        }
        observer?(error)
        let step = state.withLock { state -> Step in
            state.health[mirror].failed(error, now: MonotonicClock.nanoseconds)
            guard var pending = state.pending[number] else { return .nothing }
            let failure = pending.failure.map { $0.weight >= error.weight ? $0 : error } ?? error
            pending.failure = failure
            pending.asked = nil
            guard pending.untried.isEmpty else {
                state.pending[number] = pending
                return .askNext
            }
            pending.round += 1
            guard policy.allows(round: pending.round) else {
                state.pending[number] = nil
                return .giveUp(pending.completion, failure)
            }
            state.pending[number] = pending
            return .wait(RetryPolicy.delay(afterRound: pending.round - 1))
        }
        switch step {
        case .askNext: askNext(number)
        case .wait(let seconds): BackoffTimer.shared.schedule(after: seconds) { self.startRound(number) }
        case .giveUp(let completion, let failure): completion(.failure(failure))
        case .nothing: break
        }
    }

    /// Those in good standing as they were given, then the demoted ones, the first to be forgiven first.
    private static func order(_ health: inout [MirrorHealth]) -> [Int] {
        let now = MonotonicClock.nanoseconds
        let order = health.indices.sorted { left, right in
            let (a, b) = (health[left].demotedUntil, health[right].demotedUntil)
            return (a > now ? a : 0, left) < (b > now ? b : 0, right)
        }
        if let first = order.first, health[first].demotedUntil != 0, health[first].demotedUntil <= now {
            health[first].startTrial(now: now)
        }
        return order
    }
}

extension BlockStoreError {
    /// Which of several failures says most about what to do.
    fileprivate var weight: Int {
        switch self {
        case .closed: 0
        case .missing: 1
        case .corrupt: 2
        case .unreachable: 3
        }
    }
}

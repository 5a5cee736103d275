import Linux
import Synchronization

/// Does what ``SessionLoop`` decides about the suspending of a session's guest, beside the loop, and brings it what comes of that.
final class SessionSuspender: Sendable {
    private let saving: SessionSaving
    private let detachables: [Detachable]
    private let state: SessionState
    private let signals: AsyncStream<SessionSignal>.Continuation
    private let describe: @Sendable (any Error) -> String
    private let log: @Sendable (String) -> Void
    private let work = Mutex(Work())

    private struct Work {
        var turn: SavingTurn?
        var task: Task<Void, Never>?
        /// Gives back what was taken away before the session began.
        var givingBack: Task<Void, Never>?
        /// What was taken from the guest.
        var detached: [Detachable] = []
    }

    /// For one thing to be taken away.
    private static let patience = Duration.seconds(60)

    init(
        _ saving: SessionSaving, detachables: [Detachable], state: SessionState,
        signals: AsyncStream<SessionSignal>.Continuation, describe: @escaping @Sendable (any Error) -> String,
        log: @escaping @Sendable (String) -> Void
    ) {
        (self.saving, self.detachables, self.state) = (saving, detachables, state)
        (self.signals, self.describe, self.log) = (signals, describe, log)
    }

    /// Takes away what cannot be saved with the guest; ``SessionSignal/detached(_:)`` follows.
    func detach() {
        // What an earlier try took from a guest that has not run since is still away.
        let away = Set(work.withLock { $0.detached.map(\.name) })
        let things = detachables.filter { !away.contains($0.name) }
        if things.isEmpty {
            signals.yield(.detached(true))
            return
        }
        let now = state.snapshot.state
        guard now == .running || now == .suspending else {
            return refuse(
                "the guest is \(now.rawValue), and \(things[0].name) can only be taken from one that runs: let it go on first"
            )
        }
        begin { [self] in
            for thing in things {
                do {
                    try await Self.within(Self.patience) { [self] in
                        try await thing.detach()
                        // Also where that took too long: it is given back then.
                        work.withLock { $0.detached.append(thing) }
                    }
                } catch {
                    return refuse("\(thing.name) cannot be taken from the guest: \(reason(error, of: thing))")
                }
            }
            signals.yield(.detached(true))
        }
    }

    /// Why something failed, without the name of what it failed with.
    private func reason(_ error: any Error, of thing: Detachable) -> String {
        let (text, name) = (describe(error), "\(thing.name): ")
        return text.hasPrefix(name) ? String(text.dropFirst(name.count)) : text
    }

    private func refuse(_ reason: String) {
        note(reason)
        signals.yield(.detached(false))
    }

    /// Saves the guest, which is paused; ``SessionSignal/saved(_:)`` follows.
    func save() {
        let turn = SavingTurn()
        work.withLock { $0.turn = turn }
        begin { [self] in
            do {
                try await saving.run(turn)
                state.update { $0.state = .suspended }
                log("the guest is suspended")
                signals.yield(.saved(true))
            } catch {
                note(error is CancellationError ? "it was told to end meanwhile" : describe(error))
                signals.yield(.saved(false))
            }
        }
    }

    /// The guest is to end instead. Where it is not saved already, it will not be.
    /// - Parameter isUrgent: QEMU is not waited for.
    func cancel(isUrgent: Bool) {
        if work.withLock({ $0.turn })?.cancel() == true, isUrgent { signals.yield(.saved(false)) }
    }

    /// Says why the guest goes on.
    func note(_ reason: String) {
        log("the guest was not suspended: \(reason)")
        state.update { $0.suspension = .init(failure: reason) }
    }

    /// Gives the guest back what was taken away.
    func attach() {
        let detached = work.withLock { work in
            defer { work.detached = [] }
            return work.detached
        }
        if detached.isEmpty { return }
        begin { [self] in await Self.attach(detached, state, describe, log) }
    }

    /// Gives a guest that goes on what it had before it was suspended. A suspending that begins meanwhile waits for that.
    func giveBack(_ things: [Detachable]) {
        if things.isEmpty { return }
        let task = begin { [self] in await Self.attach(things, state, describe, log) }
        work.withLock { $0.givingBack = task }
    }

    private static func attach(
        _ things: [Detachable], _ state: SessionState, _ describe: @Sendable (any Error) -> String,
        _ log: @Sendable (String) -> Void
    ) async {
        for thing in things {
            do { try await within(patience) { try await thing.attach() } } catch {
                // The session ends.
                if Task.isCancelled { return }
                let text = "the guest is without \(thing.name): \(describe(error))"
                log(text)
                state.note(error: text)
            }
        }
    }

    /// Returns when nothing of it is under way any more.
    func finish() async {
        cancel(isUrgent: false)
        work.withLock { $0.givingBack }?.cancel()
        await work.withLock { $0.task }?.value
    }

    @discardableResult
    private func begin(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        work.withLock { work in
            let last = work.task
            let task = Task {
                await last?.value
                await body()
            }
            work.task = task
            return task
        }
    }

    private static func within(_ time: Duration, _ body: @escaping @Sendable () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: time)
                throw SessionFailure(exitCode: 75, message: "that took more than \(time.components.seconds) seconds")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}

import Synchronization

/// Whether a guest that is being saved is saved or goes on: exactly one of both, whoever comes first.
final class SavingTurn: Sendable {
    private enum State { case open, cancelled, committed }

    private let state = Mutex(State.open)

    var isCancelled: Bool { state.withLock { $0 == .cancelled } }

    /// - Returns: whether it will not be saved.
    func cancel() -> Bool {
        state.withLock { state in
            if state == .open { state = .cancelled }
            return state == .cancelled
        }
    }

    /// Does what makes the guest a suspended one.
    /// - Throws: `CancellationError` where it is to go on; what `body` throws, and then it can be tried again.
    func commit(_ body: () throws -> Void) throws {
        try state.withLock { state in
            guard state == .open else { throw CancellationError() }
            try body()
            state = .committed
        }
    }
}

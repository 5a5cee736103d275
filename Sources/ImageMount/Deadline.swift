import Synchronization

/// Something to be done at a time, unless it is cancelled before. Holds the action no longer than needed.
final class Deadline: Sendable {
    private enum State {
        case idle
        case armed(@Sendable () -> Void)
        case done
    }

    private let state = Mutex(State.idle)

    /// Returns false when it has been cancelled already.
    func arm(_ action: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard case .idle = state else { return false }
            state = .armed(action)
            return true
        }
    }

    func cancel() {
        _ = take()
    }

    func fire() {
        take()?()
    }

    private func take() -> (@Sendable () -> Void)? {
        state.withLock { state in
            defer { state = .done }
            if case .armed(let action) = state { return action }
            return nil
        }
    }
}

import Synchronization

/// All that a stream of events brought, for comparing.
final class EventRecorder<Event: Sendable & Equatable>: Sendable {
    private struct State {
        var events: [Event] = []
        var isFinished = false
    }

    private let state = Mutex(State())

    init(_ stream: AsyncStream<Event>) {
        Task { [weak self] in
            for await event in stream { self?.state.withLock { $0.events.append(event) } }
            self?.state.withLock { $0.isFinished = true }
        }
    }

    var events: [Event] { state.withLock { $0.events } }
    var isFinished: Bool { state.withLock { $0.isFinished } }

    func has(_ event: Event) -> Bool { events.contains(event) }
}

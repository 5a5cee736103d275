import Synchronization

/// Who wants to hear of which domain, on one connection. libvirt's event thread delivers.
final class EventSinks: Sendable {
    private struct Sink {
        let name: String
        /// In lower case; nil for whichever domain has the name.
        let uuid: String?
        let continuation: AsyncStream<LibvirtEvent>.Continuation
    }

    private struct State {
        var next = 0
        var sinks: [Int: Sink] = [:]
        var isLost = false
    }

    private let state = Mutex(State())

    /// Events of the domain of this name from now on. A consumer that does not follow loses the oldest of 256.
    /// - Parameter uuid: of the one that is meant, where others have had the name before it; nil for all of the name.
    func stream(name: String, uuid: String? = nil) -> AsyncStream<LibvirtEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: LibvirtEvent.self, bufferingPolicy: .bufferingNewest(256))
        let number: Int? = state.withLock { state in
            if state.isLost { return nil }
            state.next += 1
            state.sinks[state.next] = Sink(name: name, uuid: uuid?.lowercased(), continuation: continuation)
            return state.next
        }
        guard let number else {
            continuation.yield(.connectionLost)
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.sinks.removeValue(forKey: number) }
        }
        return stream
    }

    /// - Parameter uuid: nil where it is not known: then the name decides.
    func deliver(_ event: LibvirtEvent, toDomainNamed name: String, uuid: String?) {
        let uuid = uuid?.lowercased()
        let sinks = state.withLock { Array($0.sinks.values) }
        for sink in sinks where sink.name == name {
            if let uuid, let wanted = sink.uuid, uuid != wanted { continue }
            sink.continuation.yield(event)
        }
    }

    /// Ends all streams.
    func end(with event: LibvirtEvent?) {
        let sinks = state.withLock { state in
            state.isLost = true
            defer { state.sinks = [:] }
            return Array(state.sinks.values)
        }
        for sink in sinks {
            if let event { sink.continuation.yield(event) }
            sink.continuation.finish()
        }
    }
}

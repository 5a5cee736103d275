import Linux

/// The published ports of a guest, in the session: their sockets, which every process of the network gets anew.
final class PortBook: Sendable {
    struct Entry: Sendable {
        /// What the session and the process call it; never used again.
        let number: Int
        let port: PublishedPort
        let socket: FileHandle
    }

    private struct State {
        var entries: [Entry] = []
        var last = 0
        var hasEntrance = true
    }

    /// Signalled when ports have come or gone.
    let news: EventDescriptor
    private let state = Monitor(State())

    init() throws(SystemCallError) { news = try EventDescriptor() }

    var entries: [Entry] { state.change { $0.entries } }

    /// No TCP port is taken from now on.
    func loseEntrance() { state.change { $0.hasEntrance = false } }

    /// Takes the ports of this host, all of them or none.
    /// - Throws: ``PortError``.
    func add(_ bound: [BoundPort]) throws(PortError) {
        let fault: PortError? = state.change { state in
            for (place, port) in bound.map(\.port).enumerated() {
                let others = state.entries.map(\.port) + bound[..<place].map(\.port)
                if others.contains(where: { $0.address == port.address && $0.transport == port.transport }) {
                    return .twice(port)
                }
            }
            guard state.entries.count + bound.count <= PublishedPort.limit else { return .tooMany }
            guard state.hasEntrance || !bound.contains(where: { $0.port.transport == .tcp }) else { return .noEntrance }
            do throws(PortError) {
                for entry in bound { try entry.listen() }
            } catch {
                return error
            }
            for entry in bound {
                state.last += 1
                state.entries.append(Entry(number: state.last, port: entry.port, socket: entry.socket))
            }
            return nil
        }
        if let fault { throw fault }
        news.signal()
    }

    /// Gives all ports of this host back.
    func close() {
        let removed = state.change { state in
            defer { state.entries = [] }
            return state.entries
        }
        for entry in removed { entry.socket.shutDown() }
    }

    /// - Throws: ``PortError/notPublished(_:)``.
    func remove(_ port: PublishedPort) throws(PortError) {
        let removed: Entry? = state.change { state in
            let place = state.entries.firstIndex { $0.port == port }
            return place.map { state.entries.remove(at: $0) }
        }
        guard let removed else { throw .notPublished(port) }
        // Nobody is let in from now on, whatever the process does that has the socket too.
        if removed.port.transport == .udp { removed.socket.receiveNothing() }
        removed.socket.shutDown()
        news.signal()
    }
}

/// A port of this host that is this process's, and that nobody is answered at yet.
package struct BoundPort: Sendable {
    package let port: PublishedPort
    let socket: FileHandle

    /// - Throws: ``PortError``: somebody else has it, or this user may not take it.
    package init(_ port: PublishedPort) throws(PortError) {
        self.port = port
        var tries = 0
        while true {
            do throws(SystemCallError) {
                socket = try InternetSocket.bound(to: port.address, port.transport == .tcp ? .stream : .datagram)
                return
            } catch {
                tries += 1
                // One that was taken back a moment ago is in the process's hands still.
                guard error.number == .addressInUse, tries < 6 else { throw PortError(error, port) }
                MonotonicClock.pause(milliseconds: 50)
            }
        }
    }

    /// Several at once: none is taken where one cannot be.
    /// - Throws: ``PortError``.
    package static func all(_ ports: [PublishedPort]) throws(PortError) -> [BoundPort] {
        var bound: [BoundPort] = []
        guard ports.count <= PublishedPort.limit else { throw .tooMany }
        for port in ports {
            // The kernel says the same, but not who has it.
            if bound.contains(where: { $0.port.address == port.address && $0.port.transport == port.transport }) {
                throw .twice(port)
            }
            bound.append(try BoundPort(port))
        }
        return bound
    }

    fileprivate func listen() throws(PortError) {
        guard port.transport == .tcp else { return }
        do throws(SystemCallError) { try socket.listen(at: port.address) } catch { throw PortError(error, port) }
    }
}

/// What of a session's published ports one process of the network has been told.
struct ToldPorts {
    private var told: Set<Int> = []

    /// Tells it what it does not know. It may have no room for all of it now.
    /// - Returns: whether it has been told everything.
    mutating func tell(
        _ entries: [PortBook.Entry], _ send: (NetworkOrder, FileHandle?) -> Bool
    ) -> Bool {
        for number in told.subtracting(entries.map(\.number)).sorted() {
            guard send(.withdraw(number), nil) else { return false }
            told.remove(number)
        }
        for entry in entries where !told.contains(entry.number) {
            let order = NetworkOrder.publish(
                entry.number, entry.port.transport, guestPort: entry.port.guestPort)
            guard send(order, entry.socket) else { return false }
            told.insert(entry.number)
        }
        return true
    }
}

extension GuestNetwork {
    /// The ports that are published now, in the order in which they came.
    package var published: [PublishedPort] { book.entries.map(\.port) }

    /// Publishes ports from now on, all of them or none; connections are taken as soon as there is a guest.
    /// - Throws: ``PortError``.
    package func publish(_ ports: [BoundPort]) throws(PortError) { try book.add(ports) }

    /// Takes a port back. Connections that came by it end.
    /// - Throws: ``PortError/notPublished(_:)``.
    package func withdraw(_ port: PublishedPort) throws(PortError) { try book.remove(port) }
}

import Collections
import Glibc
import Linux
import Synchronization

/// The thread's side of a ``NetworkProxy``.
// @unchecked: other threads touch the inbox and the statistics only, which are Mutexes; all else belongs to `run`.
final class ProxyLoop: @unchecked Sendable {
    enum Command: Sendable {
        case change(@Sendable (inout NetworkShape) -> Void)
        case drop
        case close
    }

    private static let wakeKey: UInt64 = 0
    private static let listenerKey: UInt64 = 1

    let port: Int
    let statistics = Mutex(ProxyStatistics())
    private let inbox = Mutex<[Command]>([])
    private let wake: EventDescriptor
    private let poll: EventPoll
    private let server: Int
    private var listener: FileHandle?
    private var shape: NetworkShape
    private var connections: [UInt64: ProxyConnection] = [:]
    private var lastNumber: UInt64 = 0
    /// Connections whose first round trip is not over, the oldest first.
    private var opening: Deque<ProxyConnection> = []
    private var upLink = ProxyLink()
    private var downLink = ProxyLink()

    /// - Throws: ``SystemCallError``.
    init(server: Int, listen: Int, shape: NetworkShape) throws {
        self.server = server
        self.shape = shape
        wake = try EventDescriptor()
        poll = try EventPoll()
        let socket = try LoopbackSocket.listen(port: listen)
        port = LoopbackSocket.port(of: socket)
        listener = socket
        try poll.add(wake.descriptor, key: ProxyLoop.wakeKey)
        try poll.add(socket.descriptor, key: ProxyLoop.listenerKey)
    }

    func send(_ command: Command) {
        inbox.withLock { $0.append(command) }
        wake.signal()
    }

    func run() {
        while true {
            wake.clear()
            let commands = inbox.withLock { inbox in
                defer { inbox = [] }
                return inbox
            }
            for command in commands {
                switch command {
                case .change(let body): change(body)
                case .drop: for connection in Array(connections.values) { close(connection, reset: true) }
                case .close:
                    for connection in Array(connections.values) { close(connection, reset: false) }
                    listener = nil
                    return
                }
            }
            let now = MonotonicClock.nanoseconds
            adjustListener()
            var next: UInt64?
            if shape.mode != .hang {
                accept(now)
                next = move(now)
            }
            if listener == nil && shape.mode != .refuse { next = min(next ?? .max, now + 50_000_000) }
            let wait = next.map { $0 - min($0, MonotonicClock.nanoseconds) }
            for event in poll.wait(nanoseconds: wait) { take(event) }
        }
    }

    private func change(_ body: (inout NetworkShape) -> Void) {
        let before = shape
        body(&shape)
        if shape.cutAfter != before.cutAfter {
            for connection in connections.values { connection.down.allowance = shape.cutAfter }
        }
    }

    /// A port is refused when nobody listens on it.
    private func adjustListener() {
        if shape.mode == .refuse {
            listener = nil
        } else if listener == nil, let socket = try? LoopbackSocket.listen(port: port) {
            // Another program may have it for a moment; then this is tried again.
            listener = socket
            try? poll.add(socket.descriptor, key: ProxyLoop.listenerKey)
        }
    }

    private func accept(_ now: UInt64) {
        while let client = listener?.acceptNonblocking() {
            guard let upstream = try? LoopbackSocket.connect(port: server) else { continue }
            lastNumber += 1
            let connection = ProxyConnection(
                number: lastNumber, client: client, server: upstream, opensAt: now + 2 * shape.oneWay)
            connection.down.allowance = shape.cutAfter
            connections[lastNumber] = connection
            opening.append(connection)
            LoopbackSocket.sendAtOnce(client)
            try? poll.add(client.descriptor, key: 2 * lastNumber)
            try? poll.add(upstream.descriptor, key: 2 * lastNumber + 1)
            statistics.withLock {
                $0.connections += 1
                $0.open = connections.count
                $0.mostOpen = max($0.mostOpen, connections.count)
            }
        }
    }

    /// Does all that is due.
    /// - Returns: when there is more to do; nil when only events can bring it.
    private func move(_ now: UInt64) -> UInt64? {
        while let connection = opening.first, connection.opensAt <= now {
            opening.removeFirst()
            connection.isOpen = true
            if connection.up.wantsTurn { upLink.enqueue(connection.up) }
            if connection.down.wantsTurn { downLink.enqueue(connection.down) }
        }
        var (up, down) = (0, 0)
        var touched: Set<UInt64> = []
        upLink.book(shape, now: now)
        downLink.book(shape, now: now)
        upLink.deliver(now: now) { stream, count in
            up += count
            touched.insert(stream.number)
        }
        downLink.deliver(now: now) { stream, count in
            down += count
            touched.insert(stream.number)
        }
        if up + down > 0 {
            statistics.withLock {
                $0.bytesUp += up
                $0.bytesDown += down
            }
        }
        for number in touched { settle(number) }
        return [opening.first?.opensAt, upLink.nextEvent, downLink.nextEvent].compactMap(\.self).min()
    }

    private func take(_ event: EventPoll.Event) {
        guard let connection = connections[event.key / 2], event.key > ProxyLoop.listenerKey else { return }
        let isClient = event.key % 2 == 0
        let (own, other) = isClient ? (connection.up, connection.down) : (connection.down, connection.up)
        if event.isReadable { own.becameReadable() }
        if event.isWritable && shape.mode != .hang { other.send() }
        settle(connection.number)
    }

    /// After something changed: the connection ends, or its streams queue for the line.
    private func settle(_ number: UInt64) {
        guard let connection = connections[number] else { return }
        if connection.isOver { return close(connection, reset: connection.up.isBroken || connection.down.isBroken) }
        guard connection.isOpen else { return }
        if connection.up.wantsTurn { upLink.enqueue(connection.up) }
        if connection.down.wantsTurn { downLink.enqueue(connection.down) }
    }

    private func close(_ connection: ProxyConnection, reset: Bool) {
        connections[connection.number] = nil
        opening.removeAll { $0 === connection }
        if reset { connection.reset() }
        statistics.withLock { $0.open = connections.count }
    }
}

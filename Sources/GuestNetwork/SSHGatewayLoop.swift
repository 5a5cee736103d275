import Linux
import Logging

/// The gateway's thread: accepts connections, starts a sandbox for each and sees them end.
final class SSHGatewayLoop {
    private let configuration: SSHGateway.Configuration
    private let listener: UnixListener
    private let sandbox: SSHSandbox
    /// Connections at once.
    private var limit: Int { min(configuration.connectionLimit, configuration.bounds.connectionLimit) }
    private let hostKey: GatewayHostKey
    private let log: SSHLog
    private let watch: ExchangeWatch
    private let stop: EventDescriptor
    private let logger: Logger
    private var connections: [SSHConnection] = []
    /// Accepted, and not served yet.
    private var waiting: [FileHandle] = []
    private var pace = Pace.logins
    private var number = 0
    /// Connections that were closed unanswered since it was last said.
    private var refused = 0
    private var lastSaid: UInt64 = 0
    /// Why the last login could not be served; nil when it was.
    private var failure: String?

    init(
        configuration: SSHGateway.Configuration, listener: UnixListener, sandbox: SSHSandbox, hostKey: GatewayHostKey,
        log: SSHLog, watch: ExchangeWatch, stop: EventDescriptor, logger: Logger
    ) {
        self.configuration = configuration
        self.listener = listener
        self.sandbox = sandbox
        self.hostKey = hostKey
        self.log = log
        self.watch = watch
        self.stop = stop
        self.logger = logger
    }

    /// Returns when `stop` is signalled and every sandbox is gone.
    func run() {
        defer {
            endAll()
            watch.stop()
            log.copy()
            listener.removeName()
        }
        while true {
            var sources = [stop.descriptor, listener.descriptor, watch.news.descriptor].map { PollSource($0) }
            sources.append(PollSource(log.descriptor))
            let first = sources.count
            sources += connections.flatMap(\.descriptors).map { PollSource($0) }
            do throws(SystemCallError) {
                try PollSource.wait(for: &sources, milliseconds: patience)
            } catch {
                // Out of memory for the moment.
                MonotonicClock.pause(milliseconds: 100)
                continue
            }
            if sources[0].hasNews { return }
            if sources[3].hasNews { log.copy() }
            for (index, connection) in connections.enumerated() {
                connection.serve(sources[(first + 3 * index)...].prefix(3))
            }
            connections.removeAll { $0.child.reap() != nil }
            if sources[2].hasNews { exchangeChanged() }
            if sources[1].hasNews, let connection = listener.accept(nonblocking: false) { take(connection) }
            serveWaiting()
            watch.setNeeded(!connections.isEmpty)
            sayRefused()
        }
    }

    /// Milliseconds until something is due that no descriptor tells; -1 for nothing.
    private var patience: Int32 {
        let now = MonotonicClock.nanoseconds
        var due = log.resumes
        if !waiting.isEmpty, connections.count < limit {
            due = min(due ?? .max, pace.next(now))
        }
        if refused > 0 { due = min(due ?? .max, lastSaid + Self.quiet) }
        guard let due else { return -1 }
        return due <= now ? 0 : Int32(clamping: (due - now) / 1_000_000 + 1)
    }

    /// Accepts always, so that libslirp's connect never waits; beyond the limit the guest sees the connection close.
    private func take(_ connection: FileHandle) {
        guard waiting.count < configuration.waitingLimit || waiting.isEmpty && mayServe else {
            refused += 1
            return
        }
        waiting.append(connection)
    }

    private var mayServe: Bool {
        connections.count < limit && pace.allows(MonotonicClock.nanoseconds)
    }

    private func serveWaiting() {
        while !waiting.isEmpty, mayServe {
            pace.take(MonotonicClock.nanoseconds)
            start(waiting.removeFirst())
        }
    }

    private func start(_ connection: FileHandle) {
        var error = tryToServe(connection)
        // The session's bounds were not to be had: they are now, or have been given up for the login's own.
        for _ in 0..<SessionBounds.failureLimit where error?.mayPass == true { error = tryToServe(connection) }
        guard let error else { return failure = nil }
        // A guest can try again and again.
        if error.text != failure {
            logger.error("cannot serve the guest's ssh connection", metadata: ["error": "\(error.text)"])
        }
        failure = error.text
    }

    /// - Returns: why it could not be served, and whether because of bounds that the login could not get.
    private func tryToServe(_ connection: FileHandle) -> (text: String, mayPass: Bool)? {
        let bounds = configuration.bounds
        let (wasPerProcess, failures) = (bounds.isPerProcess, bounds.failures)
        do {
            try serve(connection)
            return nil
        } catch {
            return (words(of: error), !wasPerProcess && (bounds.isPerProcess || bounds.failures != failures))
        }
    }

    private func serve(_ connection: FileHandle) throws {
        // Far more than there are at once; the path of a socket is short.
        number = (number + 1) % 10_000
        connections.append(
            try SSHConnection(
                connection, in: sandbox, agentPath: "\(configuration.directory)/\(number)",
                fileLimit: watch.isFull ? nil : configuration.exchangeLimit, bounds: configuration.bounds,
                hostKey: hostKey, log: log.writing))
    }

    private func exchangeChanged() {
        watch.news.clear()
        let folder = configuration.exchangeDirectory
        guard watch.isFull else { return log.note("\(folder) has room again") }
        log.note(
            "\(folder) holds more than its limit of \(configuration.exchangeLimit) bytes: the guest's connections are ended; new ones can "
                + "remove files there, and write again when there is room")
        endAll()
    }

    /// Nanoseconds between two lines about refused connections.
    private static let quiet: UInt64 = 10_000_000_000

    private func sayRefused() {
        let now = MonotonicClock.nanoseconds
        guard refused > 0, now >= lastSaid + Self.quiet else { return }
        log.note(
            "too many ssh connections of the guest: \(refused) closed unanswered; \(limit) at once and "
                + "\(pace.rate) new ones a second are served, and \(configuration.waitingLimit) may wait")
        (refused, lastSaid) = (0, now)
    }

    /// bubblewrap's death kills the sandbox's first process ("die with parent"), which takes all others along and ends after
    /// them: so that one is waited for too.
    private func endAll() {
        connections.removeAll { $0.child.reap() != nil }
        let firsts = connections.map(\.firstProcess)
        for connection in connections { connection.child.send(.kill) }
        for first in firsts { first?.send(.kill) }
        // Who is frozen by version 1 of control groups dies only when it may go on.
        configuration.bounds.whileThawed {
            for (connection, first) in zip(connections, firsts) {
                connection.child.wait()
                if let first, !first.waitForEnd(milliseconds: 5000) {
                    logger.warning("a process of an ssh connection does not end", metadata: ["pid": "\(first.pid)"])
                }
            }
        }
        connections = []
    }
}

extension Pace {
    /// How often logins may begin: each starts a dozen processes on the host.
    static let logins = Pace(rate: 4, burst: 20)
}

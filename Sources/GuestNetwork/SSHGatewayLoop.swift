import Linux
import Logging

/// The gateway's thread: accepts connections, starts a sandbox for each and sees them end.
final class SSHGatewayLoop {
    /// sshd's log is emptied beyond this: the guest decides how much is written there.
    static let logLimit = 1 << 20

    private struct Connection {
        let child: ChildProcess
        /// What bubblewrap says of the sandbox, see ``SSHSandbox/informationDescriptor``.
        let information: FileHandle
    }

    private let listener: UnixListener
    private let sandbox: SSHSandbox
    private let logPath: String
    private let limit: Int
    private let bounds: SessionBounds
    private let stop: EventDescriptor
    private let logger: Logger
    private var connections: [Connection] = []

    init(
        listener: UnixListener, sandbox: SSHSandbox, logPath: String, limit: Int, bounds: SessionBounds,
        stop: EventDescriptor, logger: Logger
    ) {
        self.listener = listener
        self.sandbox = sandbox
        self.logPath = logPath
        self.limit = limit
        self.bounds = bounds
        self.stop = stop
        self.logger = logger
    }

    /// Returns when `stop` is signalled and every sandbox is gone.
    func run() {
        defer { endAll() }
        while true {
            let descriptors = [stop.descriptor, listener.descriptor] + connections.map(\.child.descriptor)
            var sources = descriptors.map { PollSource($0) }
            do throws(SystemCallError) {
                try PollSource.wait(for: &sources)
            } catch {
                // Out of memory for the moment.
                MonotonicClock.pause(milliseconds: 100)
                continue
            }
            if sources[0].hasNews { return }
            connections.removeAll { $0.child.reap() != nil }
            if sources[1].hasNews, let connection = listener.accept(nonblocking: false) { start(connection) }
        }
    }

    /// Accepts always, so that libslirp's connect never waits; beyond the limit the guest sees the connection close.
    private func start(_ connection: FileHandle) {
        guard connections.count < limit else {
            logger.warning("the guest has too many ssh connections", metadata: ["limit": "\(limit)"])
            return
        }
        do {
            let log = try FileHandle(logPath, for: .writing, [.append, .create, .refuseLink], mode: 0o600)
            if try log.status().size > Self.logLimit { try log.truncate(to: 0) }
            let pipe = try Pipe()
            let child = try ChildProcess.held(
                sandbox.program, sandbox.connectionArguments, standardInput: connection.descriptor,
                standardOutput: connection.descriptor, standardError: log.descriptor,
                otherDescriptors: [SSHSandbox.informationDescriptor: pipe.writing.descriptor],
                whileHeld: { try bounds.place($0, .login) })
            connections.append(Connection(child: child, information: pipe.reading))
        } catch {
            logger.error("cannot serve the guest's ssh connection", metadata: ["error": "\(words(of: error))"])
        }
    }

    /// bubblewrap's death kills the sandbox's first process ("die with parent"), which takes all others along and ends after
    /// them: so that one is waited for too.
    private func endAll() {
        connections.removeAll { $0.child.reap() != nil }
        let firsts = connections.map { Self.firstProcess($0.information) }
        for connection in connections { connection.child.send(.kill) }
        for (connection, first) in zip(connections, firsts) {
            connection.child.wait()
            if let first, !first.waitForEnd(milliseconds: 5000) {
                logger.warning("a process of an ssh connection does not end", metadata: ["pid": "\(first.pid)"])
            }
        }
        connections = []
    }

    /// nil before bubblewrap has made it: then its death prevents it.
    private static func firstProcess(_ information: FileHandle) -> ProcessDescriptor? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 1)
        defer { buffer.deallocate() }
        var sources = [PollSource(information.descriptor)]
        // What cannot be read has not been written.
        guard (try? PollSource.wait(for: &sources, milliseconds: 0)) == true,
            case .bytes(let count)? = try? information.receive(into: buffer)
        else { return nil }
        // {\n    "child-pid": 4711,\n …: the first number.
        let digits = buffer[..<count].drop { !(48...57).contains($0) }.prefix { (48...57).contains($0) }
        return Int32(String(decoding: digits, as: UTF8.self)).flatMap(ProcessDescriptor.init)
    }
}

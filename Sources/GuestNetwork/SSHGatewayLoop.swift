import Glibc
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
    private let stop: EventDescriptor
    private let logger: Logger
    private var connections: [Connection] = []

    init(
        listener: UnixListener, sandbox: SSHSandbox, logPath: String, limit: Int, stop: EventDescriptor, logger: Logger
    ) {
        self.listener = listener
        self.sandbox = sandbox
        self.logPath = logPath
        self.limit = limit
        self.stop = stop
        self.logger = logger
    }

    /// Returns when `stop` is signalled and every sandbox is gone.
    func run() {
        defer { endAll() }
        while true {
            let descriptors = [stop.descriptor, listener.descriptor] + connections.map(\.child.descriptor)
            var items = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            let count = poll(&items, nfds_t(items.count), -1)
            if count < 0 {
                if errno != EINTR { poll(nil, 0, 100) }
                continue
            }
            if items[0].revents != 0 { return }
            connections.removeAll { $0.child.reap() != nil }
            if items[1].revents != 0, let connection = listener.accept(nonblocking: false) { start(connection) }
        }
    }

    /// Accepts always, so that libslirp's connect never waits; beyond the limit the guest sees the connection close.
    private func start(_ connection: FileHandle) {
        guard connections.count < limit else {
            logger.warning("the guest has too many ssh connections", metadata: ["limit": "\(limit)"])
            return
        }
        do throws(SystemCallError) {
            let log = try FileHandle(path: logPath, flags: O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, mode: 0o600)
            if try log.status().st_size > Self.logLimit { ftruncate(log.descriptor, 0) }
            let pipe = try Pipe()
            let child = try ChildProcess(
                program: sandbox.program, arguments: sandbox.connectionArguments,
                environment: ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"],
                descriptors: [
                    connection.descriptor, connection.descriptor, log.descriptor, pipe.writing.descriptor,
                ])
            connections.append(Connection(child: child, information: pipe.reading))
        } catch {
            logger.error("cannot serve the guest's ssh connection", metadata: ["error": "\(error)"])
        }
    }

    /// bubblewrap's death kills the sandbox's first process ("die with parent"), which takes all others along and ends after
    /// them: so that one is waited for too.
    private func endAll() {
        connections.removeAll { $0.child.reap() != nil }
        let firsts = connections.map { Self.firstProcess($0.information) }
        for connection in connections { connection.child.signal(SIGKILL) }
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
        var item = pollfd(fd: information.descriptor, events: Int16(POLLIN), revents: 0)
        var buffer = [UInt8](repeating: 0, count: 1024)
        guard poll(&item, 1, 0) > 0 else { return nil }
        let count = Glibc.read(information.descriptor, &buffer, buffer.count)
        guard count > 0 else { return nil }
        // {\n    "child-pid": 4711,\n …: the first number.
        let digits = buffer[..<count].drop { !(48...57).contains($0) }.prefix { (48...57).contains($0) }
        return Int32(String(decoding: digits, as: UTF8.self)).flatMap(ProcessDescriptor.init)
    }
}

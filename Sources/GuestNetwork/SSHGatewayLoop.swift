import Glibc
import Linux
import Logging

/// The gateway's thread: accepts connections, starts a sandbox for each and sees them end.
final class SSHGatewayLoop {
    /// sshd's log is emptied beyond this: the guest decides how much is written there.
    static let logLimit = 1 << 20

    private struct Connection {
        let child: ChildProcess
        /// Reads end-of-file when the last process of the sandbox is gone.
        let end: FileHandle
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
            connections.append(Connection(child: child, end: pipe.reading))
        } catch {
            logger.error("cannot serve the guest's ssh connection", metadata: ["error": "\(error)"])
        }
    }

    private func endAll() {
        for connection in connections { connection.child.signal(SIGKILL) }
        for connection in connections {
            connection.child.wait()
            // The sandbox's own first process dies by "die with parent", the others with it: soon, but after bubblewrap.
            var item = pollfd(fd: connection.end.descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&item, 1, 5000) == 0 { logger.warning("a process of an ssh connection does not end") }
        }
        connections = []
    }
}

import Linux
import Logging

/// The ssh server that the guest finds at 10.0.2.2: one sandboxed `sshd -i` for each connection to a unix socket.
///
/// No TCP port. One thread accepts and starts; it lives as long as the gateway, because the kernel's "die with parent" means
/// the thread that started a child.
package final class SSHGateway: Sendable {
    /// Where the gateway listens and what it shows.
    package struct Configuration: Sendable {
        /// Made here, 0600, for the user of the network's process; its folder must be the session's own.
        package var socketPath: String
        /// Made here, for the sandbox's private files; removed at the end.
        package var directory: String
        /// The one folder that the guest reads and writes; made when absent (its parent must exist), stays afterwards.
        /// In root's session it is given to the unprivileged user of ``SandboxUser``.
        package var exchangeDirectory: String
        /// What the guest sees besides, at the same paths.
        package var shared: [SharedPath]
        /// sshd's log; made 0600, emptied beyond 1 MiB.
        package var logPath: String
        /// Connections at once; more are closed unanswered.
        package var connectionLimit: Int
        /// What the logins may use together.
        package var bounds: SessionBounds

        package init(
            socketPath: String, directory: String, exchangeDirectory: String, shared: [SharedPath] = [],
            logPath: String, connectionLimit: Int = 16, bounds: SessionBounds = SessionBounds()
        ) {
            self.socketPath = socketPath
            self.directory = directory
            self.exchangeDirectory = exchangeDirectory
            self.shared = shared
            self.logPath = logPath
            self.connectionLimit = connectionLimit
            self.bounds = bounds
        }
    }

    private let stop: EventDescriptor
    private let ended: EventDescriptor
    private let directory: String

    /// Tries the sandbox once, then listens. Takes some ten milliseconds: not for the cooperative pool.
    /// - Throws: ``GuestNetworkError``; nothing but the exchange folder is left then.
    package init(
        _ configuration: Configuration, keys: SessionKeys, logger: Logger = Logger(label: "oscircular.ssh")
    ) throws(GuestNetworkError) {
        directory = configuration.directory
        do throws(SystemCallError) {
            stop = try EventDescriptor()
            ended = try EventDescriptor()
        } catch {
            throw GuestNetworkError(error)
        }
        do throws(GuestNetworkError) {
            let user = try SandboxUser.current()
            let sandbox = try SSHSandbox(
                directory: directory, exchangeDirectory: configuration.exchangeDirectory,
                shared: configuration.shared, keys: keys, user: user,
                processLimit: configuration.bounds.processLimit)
            try sandbox.check()
            let listener: UnixListener
            do throws(SystemCallError) {
                // The network's process connects, which is not root.
                listener = try UnixListener(path: configuration.socketPath, owner: user.uid)
            } catch {
                throw GuestNetworkError(error)
            }
            try GuestNetwork.start("ssh-gateway") { [stop, ended] in
                SSHGatewayLoop(
                    listener: listener, sandbox: sandbox, logPath: configuration.logPath,
                    limit: min(configuration.connectionLimit, configuration.bounds.connectionLimit),
                    bounds: configuration.bounds, stop: stop, logger: logger
                ).run()
                // The loop held the last reference: the socket is gone.
                ended.signal()
            }
        } catch {
            ended.signal()
            SSHSandbox.removeFiles(in: directory)
            throw error
        }
    }

    deinit { close() }

    /// Ends every connection with all that runs in its sandbox, and removes the socket and the private files. Takes
    /// milliseconds; may be called again.
    package func close() {
        stop.signal()
        ended.wait()
        SSHSandbox.removeFiles(in: directory)
    }
}

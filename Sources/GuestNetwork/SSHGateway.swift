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
        /// Made here, for the sockets at which sshd asks for its host key's signatures; removed at the end.
        package var directory: String
        /// The one folder that the guest reads and writes; made when absent (its parent must exist), stays afterwards.
        /// In root's session it is given to the user of the logins.
        package var exchangeDirectory: String
        /// Bytes that the exchange folder may hold. Beyond it all connections are ended, and new ones may read and remove, but not write.
        package var exchangeLimit: UInt64
        /// What the guest sees besides, at the same paths.
        package var shared: [SharedPath]
        /// sshd's log; made 0600, emptied beyond ``SSHLog/limit``.
        package var logPath: String
        /// Connections at once; more wait.
        package var connectionLimit: Int
        /// Connections that wait; more are closed unanswered.
        package var waitingLimit: Int
        /// What the logins may use together.
        package var bounds: SessionBounds
        /// Owns the socket: the user of the network's process; nil for this one.
        package var client: UserID?
        /// Whom logins run as in root's session; nil for ``SandboxUser/current()``.
        package var user: SandboxUser?

        package init(
            socketPath: String, directory: String, exchangeDirectory: String, exchangeLimit: UInt64 = 16 << 30,
            shared: [SharedPath] = [], logPath: String, connectionLimit: Int = 16, waitingLimit: Int = 32,
            bounds: SessionBounds = SessionBounds(), client: UserID? = nil, user: SandboxUser? = nil
        ) {
            self.socketPath = socketPath
            self.directory = directory
            self.exchangeDirectory = exchangeDirectory
            self.exchangeLimit = exchangeLimit
            self.shared = shared
            self.logPath = logPath
            self.connectionLimit = connectionLimit
            self.waitingLimit = waitingLimit
            self.bounds = bounds
            self.client = client
            self.user = user
        }
    }

    private let stop: EventDescriptor
    private let ended: EventDescriptor
    private let directory: String
    /// Whom logins run as.
    let user: SandboxUser

    /// Tries the sandbox once, then listens. Takes some ten milliseconds: not for the cooperative pool.
    /// - Parameter join: gives the thread that starts the logins a keyring, see ``CurrentThread/joinNewKeyring()``.
    /// - Throws: ``GuestNetworkError``; nothing but the exchange folder is left then.
    package init(
        _ configuration: Configuration, keys: SessionKeys, logger: Logger = Logger(label: "oscircular.ssh"),
        joiningKeyring join: @escaping @Sendable () throws(SystemCallError) -> Bool = { () throws(SystemCallError) in
            try CurrentThread.joinNewKeyring()
        }
    ) throws(GuestNetworkError) {
        directory = configuration.directory
        do throws(SystemCallError) {
            stop = try EventDescriptor()
            ended = try EventDescriptor()
        } catch {
            throw GuestNetworkError(error)
        }
        if let given = configuration.user { user = given } else { user = try SandboxUser.current() }
        do throws(GuestNetworkError) {
            let sandbox = try SSHSandbox(
                exchangeDirectory: configuration.exchangeDirectory, shared: configuration.shared, keys: keys,
                user: user, bounds: configuration.bounds)
            try PrivateDirectory.make(directory)
            try sandbox.check(agent: "\(directory)/check")
            let listener: UnixListener
            let pipe: Pipe
            let watch: ExchangeWatch
            do throws(SystemCallError) {
                pipe = try SSHLog.pipe(to: configuration.logPath)
                // Each login is told its connection's addresses (SSH_CONNECTION).
                listener = try UnixListener(
                    path: configuration.socketPath, owner: configuration.client, hidesFolder: true)
                watch = try ExchangeWatch(
                    folder: configuration.exchangeDirectory, limit: configuration.exchangeLimit)
            } catch {
                throw GuestNetworkError(error)
            }
            let hostKey = keys.gatewayHost
            let begun = Monitor<Result<Void, SystemCallError>?>(nil)
            try GuestNetwork.start("ssh-gateway") { [stop, ended, configuration] in
                defer { ended.signal() }
                let log = SSHLog(path: configuration.logPath, pipe: pipe)
                do throws(SystemCallError) {
                    // Of this thread, and so of all that it starts: keys of the user's session (Kerberos, fscrypt) are not the guest's.
                    if try !join() {
                        log.note(
                            "the guest's logins share your session's keyring, because the kernel gives you no more keyrings; they still cannot "
                                + "read its keys. For a keyring of their own, end other sessions, or raise kernel.keys.maxkeys and "
                                + "kernel.keys.maxbytes (sysctl)"
                        )
                    }
                } catch {
                    // Nobody would answer who connects.
                    listener.removeName()
                    watch.stop()
                    begun.change { $0 = .failure(error) }
                    return
                }
                begun.change { $0 = .success(()) }
                SSHGatewayLoop(
                    configuration: configuration, listener: listener, sandbox: sandbox, hostKey: hostKey,
                    log: log, watch: watch, stop: stop, logger: logger
                ).run()
            }
            if case .failure(let error) = begun.wait({ $0 }) { throw .noKeyring(error) }
        } catch {
            ended.signal()
            Self.removeFiles(in: directory)
            throw error
        }
    }

    deinit { close() }

    /// Ends every connection with all that runs in its sandbox, and removes the socket and the private files. Takes
    /// milliseconds; may be called again.
    package func close() {
        stop.signal()
        ended.wait()
        Self.removeFiles(in: directory)
    }

    private static func removeFiles(in directory: String) {
        // What stays lies in a folder that the session removes at its end.
        _ = try? Paths.removeFolder(directory)
    }
}

import GuestDomain
import GuestNetwork
import Linux

/// What every guest needs whichever version it runs: libvirt, an accelerator, its network with ssh in both directions, its console.
///
/// Set up while the disk's stages run, which spend most of their time waiting for the network.
struct GuestSurroundings: Sendable {
    let connection: HypervisorConnection
    let accelerator: Accelerator
    let credentials: GuestCredentials
    let keys: SessionKeys
    /// Of the processes that serve the guest's network and ssh.
    let bounds: SessionBounds
    let network: GuestNetwork
    /// The guest's own, whom QEMU runs as; nil where libvirt chooses.
    let emulatorUser: UserID?

    /// Whom QEMU runs as where that is not this user.
    var emulator: UserID? { emulatorUser ?? connection.emulatorUser }

    /// - Parameters:
    ///   - architecture: the guest's processor; waits until the version is known.
    ///   - users: the session's own.
    ///   - teardown: gets a step for each thing that must be removed again.
    ///   - exchange: what becomes of the exchange folder.
    ///   - machine: keeps the key into the guest; nil for a guest that is thrown away.
    ///   - suspended: the guest that goes on, which knows its keys; nil for one that is booted.
    ///   - observer: sees what the guest says on its serial port, on the console's thread.
    ///   - log: writes a line to the log of the session.
    /// - Throws: ``GuestDomainError``, ``GuestNetworkError``, ``BootError``; what `exchange` throws.
    static func prepare(
        request: BootRequest, architecture: @escaping @Sendable () async throws -> GuestArchitecture,
        directory: SessionDirectory, places: Places, users: SessionUsers, teardown: Teardown,
        exchange: ExchangeKeeping, machine: SessionMachine? = nil, suspended: ResumedGuest? = nil,
        observer: GuestConsole.Observer? = nil,
        log: @escaping @Sendable (String) -> Void
    ) async throws -> GuestSurroundings {
        let connection = try await HypervisorConnection.open(request.connect ?? HypervisorConnection.defaultURI)
        let choice = AcceleratorChoice(rawValue: request.accel) ?? .auto
        async let accelerator = connection.accelerator(choice, for: try await architecture()).accelerator
        let owner = users.emulator ?? connection.emulatorUser
        let bounds = try await WorkerThread.run(name: "bounds") {
            SessionBounds(name: directory.domainName, record: directory.bounds) { log("warning: \($0)") }
        }
        await teardown.addBlocking { bounds.close() }
        let (credentials, keys, network) = try await network(
            request: request, directory: directory, places: places, users: users, owner: owner, bounds: bounds,
            teardown: teardown, keeping: exchange, machine: machine, suspended: suspended, log: log)
        let before = suspended?.console ?? []
        let console = try await WorkerThread.run(name: "console") {
            try GuestConsole(
                guestSocketPath: directory.consoleForGuest, viewerSocketPath: directory.console, logPath: directory.log,
                emulatorUser: owner, before: before, observer: observer)
        }
        await teardown.add { await console.finish() }
        return GuestSurroundings(
            connection: connection, accelerator: try await accelerator, credentials: credentials, keys: keys,
            bounds: bounds, network: network, emulatorUser: users.emulator)
    }

    /// The network, and ssh in both directions. They listen before QEMU starts: a QEMU that finds no network stays without one.
    private static func network(
        request: BootRequest, directory: SessionDirectory, places: Places, users: SessionUsers, owner: UserID?,
        bounds: SessionBounds, teardown: Teardown, keeping: ExchangeKeeping, machine: SessionMachine?,
        suspended: ResumedGuest?, log: @escaping @Sendable (String) -> Void
    ) async throws -> (GuestCredentials, SessionKeys, GuestNetwork) {
        let exchange = directory.exchange(isKept: try await keeping.atStart())
        // After the last login has ended.
        await teardown.addBlocking {
            if keeping.atEnd() { directory.keepExchange() }
            directory.clearExchange()
        }
        let (credentials, keys, gateway, network) = try await WorkerThread.run(name: "network") {
            () throws -> (GuestCredentials, SessionKeys, SSHGateway, GuestNetwork) in
            let keys =
                try suspended?.keys(in: directory.secrets)
                ?? SessionKeys.make(in: directory.secrets, keptHostKey: machine?.folder.keyIntoGuest)
            try places.makePassable(places.state)
            try Folder.make(places.exchanges, mode: 0o700)
            // Owns the socket of the logins, to which the network's process connects.
            let networkUser = try users.network ?? (CurrentUser.isRoot ? SandboxUser.current() : nil)
            // In root's case each session's logins have another user.
            if suspended != nil, let login = users.login {
                try ResumedGuest.giveFolder(exchange, to: login.uid)
            }
            let gateway = try SSHGateway(
                .init(
                    socketPath: directory.sshToHost, directory: directory.logins, exchangeDirectory: exchange,
                    exchangeLimit: request.exchangeLimit ?? Configuration.usualExchangeLimit,
                    logPath: "\(places.logs)/\(directory.id).ssh.log", bounds: bounds, client: networkUser?.uid,
                    user: users.login),
                keys: keys)
            var configuration = GuestNetwork.Configuration(
                mode: GuestNetworkMode(rawValue: request.network) ?? .user, socketPath: directory.networkForGuest,
                sshSocketPath: directory.sshToHost, guestSSHSocketPath: directory.sshToGuest, socketOwner: owner)
            configuration.user = networkUser
            configuration.willRun = { process in
                do throws(GuestNetworkError) {
                    try bounds.place(process, .network)
                } catch {
                    // A network without a bound is better than none.
                    log("warning: the network's process has no bound: \(error)")
                }
            }
            let network = try GuestNetwork(configuration)
            let credentials = try GuestCredentials.write(keys, to: directory.credentials)
            // QEMU's user must get through; the files are 0600, and libvirt gives them to that user.
            if owner != nil { try Paths.setPermissions(directory.credentials, 0o711) }
            return (credentials, keys, gateway, network)
        }
        await teardown.addBlocking { gateway.close() }
        await teardown.addBlocking { network.close() }
        return (credentials, keys, network)
    }
}

/// What becomes of a session's exchange folder.
struct ExchangeKeeping: Sendable {
    /// Whether it is one that stays; waits until the version is known.
    let atStart: @Sendable () async throws -> Bool
    /// Whether one that was not to stay does so after all.
    let atEnd: @Sendable () -> Bool
}

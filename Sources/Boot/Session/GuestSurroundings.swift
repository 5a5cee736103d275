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
    /// The guest's own, whom QEMU runs as; nil where libvirt chooses.
    let emulatorUser: UserID?

    /// - Parameters:
    ///   - emulatorUser: the guest's own.
    ///   - teardown: gets a step for each thing that must be removed again.
    /// - Throws: ``GuestDomainError``, ``GuestNetworkError``, ``BootError``.
    static func prepare(
        request: BootRequest, directory: SessionDirectory, places: Places, emulatorUser: UserID?, teardown: Teardown
    ) async throws -> GuestSurroundings {
        let connection = try await HypervisorConnection.open(request.connect ?? HypervisorConnection.defaultURI)
        let choice = AcceleratorChoice(rawValue: request.accel) ?? .auto
        let accelerator = try await connection.accelerator(choice).accelerator
        let owner = emulatorUser ?? connection.emulatorUser
        let credentials = try await network(
            request: request, directory: directory, places: places, owner: owner, teardown: teardown)
        let console = try await WorkerThread.run(name: "console") {
            try GuestConsole(
                guestSocketPath: directory.consoleForGuest, viewerSocketPath: directory.console, logPath: directory.log,
                emulatorUser: owner)
        }
        await teardown.add { await console.finish() }
        return GuestSurroundings(
            connection: connection, accelerator: accelerator, credentials: credentials, emulatorUser: emulatorUser)
    }

    /// The network, and ssh in both directions. They listen before QEMU starts: a QEMU that finds no network stays without one.
    private static func network(
        request: BootRequest, directory: SessionDirectory, places: Places, owner: UserID?, teardown: Teardown
    ) async throws -> GuestCredentials {
        let (credentials, gateway, network) = try await WorkerThread.run(name: "network") {
            () throws -> (GuestCredentials, SSHGateway, GuestNetwork) in
            let keys = try SessionKeys.make(in: directory.secrets)
            try places.makePassable(places.state)
            let gateway = try SSHGateway(
                .init(
                    socketPath: directory.sshToHost, directory: "\(directory.secrets)/sandbox",
                    exchangeDirectory: places.exchange, logPath: "\(places.logs)/\(directory.id).ssh.log"),
                keys: keys)
            let network = try GuestNetwork(
                .init(
                    mode: GuestNetworkMode(rawValue: request.network) ?? .user, socketPath: directory.networkForGuest,
                    sshSocketPath: directory.sshToHost, guestSSHSocketPath: directory.sshToGuest, socketOwner: owner))
            let credentials = try GuestCredentials.write(keys, to: directory.credentials)
            // QEMU's user must get through; the files are 0600, and libvirt gives them to that user.
            if owner != nil { try Paths.setPermissions(directory.credentials, 0o711) }
            return (credentials, gateway, network)
        }
        await teardown.addBlocking { gateway.close() }
        await teardown.addBlocking { network.close() }
        return credentials
    }
}

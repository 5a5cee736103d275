import Catalog
import Glibc
import GuestDomain
import GuestNetwork
import ImageIndex
import Linux

/// The guest stage of a session: keys, network, console, overlay and domain, over a mounted image.
struct SessionGuest: Sendable {
    let events: AsyncStream<GuestEvent>
    let domain: SessionStatus.Domain
    private let guest: RunningGuest

    /// Makes everything the guest needs and starts it.
    /// - Parameters:
    ///   - teardown: learns how to take each thing away again.
    ///   - starting: told which accelerator it will be, before the domain is made.
    /// - Throws: ``GuestDomainError``, ``GuestNetworkError``, ``BootError``.
    static func start(
        request: BootRequest, chosen: ChosenVersion, index: ImageIndex, imagePath: String, directory: SessionDirectory,
        places: Places, teardown: Teardown, starting: (Accelerator) -> Void
    ) async throws -> SessionGuest {
        let uri = request.connect ?? HypervisorConnection.defaultURI
        let connection = try await HypervisorConnection.open(uri)
        let choice = AcceleratorChoice(rawValue: request.accel) ?? .auto
        let accelerator = try await connection.accelerator(choice).accelerator
        starting(accelerator)

        let owner = connection.emulatorUser
        let credentials = try await network(
            request: request, directory: directory, places: places, owner: owner, teardown: teardown)
        let console = try await WorkerThread.run(name: "console") {
            try GuestConsole(
                guestSocketPath: directory.consoleForGuest, viewerSocketPath: directory.console, logPath: directory.log,
                emulatorUser: owner)
        }
        await teardown.add { await console.finish() }

        let settings = chosen.guest
        let media: GuestSpecification.Media = settings.media == .cdrom ? .cdrom : .disk
        if media == .disk {
            let overlay = directory.overlay
            await teardown.add { unlink(overlay) }
            try await WorkerThread.run(name: "overlay") {
                try Overlay.create(at: overlay, backing: imagePath, size: index.imageSize)
            }
        }
        let specification = GuestSpecification(
            name: directory.domainName, memoryMiB: request.memoryMiB ?? settings.memoryMiB ?? 1024,
            cpus: request.cpus ?? settings.cpus ?? 1, accelerator: accelerator,
            firmware: settings.firmware == .uefi ? .uefi : .bios, media: media, imagePath: imagePath,
            overlayPath: media == .disk ? directory.overlay : nil, consoleSocketPath: directory.consoleForGuest,
            networkSocketPath: directory.networkForGuest,
            firmwareEntries: credentials.entries.map { .init(name: $0.firmwareName, path: $0.path) },
            vncSocketPath: request.display == .window ? directory.vnc : nil, nvramPath: directory.nvram)
        let guest = try await RunningGuest.start(specification, on: connection)
        await teardown.add { await guest.destroy() }
        return SessionGuest(
            events: guest.events,
            domain: SessionStatus.Domain(uri: connection.uri, name: specification.name, uuid: specification.uuid),
            guest: guest)
    }

    /// The network and both ways of ssh. They listen before QEMU starts: a QEMU that finds no network stays without one.
    private static func network(
        request: BootRequest, directory: SessionDirectory, places: Places, owner: uid_t?, teardown: Teardown
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
            // QEMU's user passes through; the files are 0600, and libvirt gives them to it.
            if owner != nil { chmod(directory.credentials, 0o711) }
            return (credentials, gateway, network)
        }
        await teardown.addBlocking { gateway.close() }
        await teardown.addBlocking { network.close() }
        return credentials
    }

    /// Seconds of CPU that it has used; nil when libvirt does not say.
    func cpuSeconds() async -> Double? { await guest.cpuSeconds() }

    /// - Returns: whether libvirt did it.
    func pause() async -> Bool { (try? await guest.suspend()) != nil }

    /// - Returns: whether libvirt did it; a guest that runs already counts.
    func resume() async -> Bool {
        if (try? await guest.resume()) != nil { return true }
        return await guest.state() == .running
    }

    /// Looks at the guest without waiting for QEMU, and tells what an event should have told.
    func check(_ signals: AsyncStream<SessionSignal>.Continuation) {
        let guest = guest
        Task {
            switch await guest.state() {
            case .off: signals.yield(.guest(.stopped(hasFailed: false)))
            case .paused(isForError: true): signals.yield(.guest(.paused(isForError: true)))
            default: break
            }
        }
    }

    /// Asks the guest to shut down, and powers it off when it has not after a time. Returns at once; events tell the end.
    func beginStop(force: Bool, within time: Duration) {
        let guest = guest
        Task {
            if force {
                await guest.destroy()
            } else {
                await guest.stop(graceful: time)
            }
        }
    }
}

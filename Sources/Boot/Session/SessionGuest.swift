import Catalog
import GuestDomain
import ImageIndex
import Linux

/// The guest stage of a session: overlay and domain, on a mounted image and in their ``GuestSurroundings``.
struct SessionGuest: Sendable {
    let events: AsyncStream<GuestEvent>
    let domain: SessionStatus.Domain
    private let guest: RunningGuest

    /// Refuses what cannot start, before anything large is fetched for it.
    /// - Parameter userData: see ``SessionSeed/usualUserData``.
    /// - Throws: ``GuestDomainError``, ``SystemCallError``.
    static func check(
        _ request: BootRequest, chosen: ChosenVersion, userData: String?, directory: SessionDirectory
    ) async throws {
        try await WorkerThread.run(name: "seed") {
            try SessionSeed(request: request, chosen: chosen, directory: directory, usualUserData: userData).check()
        }
        guard let processor = chosen.guest.cpuLevel.flatMap({ ProcessorLevel(rawValue: $0.rawValue) }) else { return }
        let connection = try await HypervisorConnection.open(request.connect ?? HypervisorConnection.defaultURI)
        let choice = AcceleratorChoice(rawValue: request.accel) ?? .auto
        try processor.check(try await connection.accelerator(choice).accelerator)
    }

    /// Creates the overlay and the domain, and starts the guest.
    /// - Parameters:
    ///   - surroundings: what was set up for it besides the disk.
    ///   - home: the disk that is its user's home.
    ///   - diskSize: bytes of the disk in `imagePath`.
    ///   - userData: see ``SessionSeed/usualUserData``.
    ///   - teardown: gets a step for each thing that must be removed again.
    /// - Throws: ``GuestDomainError``.
    static func start(
        in surroundings: GuestSurroundings, request: BootRequest, resources: GuestResources, chosen: ChosenVersion,
        home: GuestHome?, userData: String?, diskSize: UInt64, imagePath: String, directory: SessionDirectory,
        teardown: Teardown
    ) async throws -> SessionGuest {
        let settings = chosen.guest
        let processor = settings.cpuLevel.flatMap { ProcessorLevel(rawValue: $0.rawValue) }
        // It ends with the session's folder.
        let seed = try await WorkerThread.run(name: "seed") {
            try SessionSeed(request: request, chosen: chosen, directory: directory, usualUserData: userData)
                .write(authorizedKey: surroundings.credentials.authorizedKey, home: home)
        }
        var entries: [GuestSpecification.FirmwareEntry] = surroundings.credentials.entries.map {
            .init(name: $0.firmwareName, path: $0.path)
        }
        if let home {
            let path = "\(directory.credentials)/home"
            try AtomicFile.write(
                home.script(authorizedKey: surroundings.credentials.authorizedKey), to: path, mode: 0o600)
            entries.append(.init(name: GuestHome.firmwareName, path: path))
        }
        let media: GuestSpecification.Media = settings.media == .cdrom ? .cdrom : .disk
        var sectorSize = 512
        if media == .disk {
            let overlay = directory.overlay
            // The next start removes what is left of it.
            await teardown.add { _ = try? Paths.remove(overlay) }
            sectorSize = try await WorkerThread.run(name: "overlay") {
                // An image whose head cannot be read now most likely has these; the guest reads it again.
                let size = (try? DiskSectors.size(ofImage: imagePath)) ?? 512
                let sectors = (diskSize + UInt64(size) - 1) / UInt64(size)
                try Overlay.create(at: overlay, backing: imagePath, size: sectors * UInt64(size))
                return size
            }
        }
        // A BIOS cannot boot from sectors of 4096 bytes.
        let needsUEFI = settings.firmware == .uefi || sectorSize != 512
        let specification = GuestSpecification(
            name: directory.domainName, memoryMiB: resources.memoryMiB,
            cpus: resources.cpus, accelerator: surroundings.accelerator,
            firmware: needsUEFI ? .uefi : .bios, media: media, imagePath: imagePath,
            overlayPath: media == .disk ? directory.overlay : nil, consoleSocketPath: directory.consoleForGuest,
            networkSocketPath: directory.networkForGuest,
            firmwareEntries: entries,
            vncSocketPath: request.display == .window ? directory.vnc : nil, nvramPath: directory.nvram,
            sectorSize: sectorSize, hasDisplayAdapter: settings.adapter != .absent,
            processor: processor, seed: seed, home: home, emulatorUser: surroundings.emulatorUser)
        let connection = surroundings.connection
        let guest = try await RunningGuest.start(specification, on: connection)
        await teardown.add { await guest.destroy() }
        return SessionGuest(
            events: guest.events,
            domain: SessionStatus.Domain(uri: connection.uri, name: specification.name, uuid: specification.uuid),
            guest: guest)
    }

    /// Seconds of CPU time that it has used; nil when libvirt does not say.
    func cpuSeconds() async -> Double? { await guest.cpuSeconds() }

    /// - Returns: whether libvirt did it; why not is of no use to the caller.
    func pause() async -> Bool { (try? await guest.suspend()) != nil }

    /// - Returns: whether libvirt did it, or the guest was running already.
    func resume() async -> Bool {
        // What counts is how the guest is then.
        if (try? await guest.resume()) != nil { return true }
        return await guest.state() == .running
    }

    /// Pulls the network's cable, or puts it in. A guest that does not hear of it goes on all the same.
    /// - Returns: whether libvirt did it.
    func setLink(isUp: Bool) async -> Bool { (try? await guest.setLink(isUp: isUp)) != nil }

    /// Whether it exists still. Does not wait for QEMU.
    func isActive() async -> Bool { await guest.isActive() }

    /// Looks at the guest without waiting for QEMU, in case an event was lost.
    func check(_ signals: AsyncStream<SessionSignal>.Continuation) {
        let guest = guest
        Task { signals.yield(.seen(await guest.state())) }
    }

    /// Asks the guest to shut down, and powers it off if it has not done so after a time. Returns at once; events report the end.
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

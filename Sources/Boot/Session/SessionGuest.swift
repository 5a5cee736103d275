import Catalog
import GuestDomain
import GuestNetwork
import ImageIndex
import Linux

/// The guest stage of a session: overlay and domain, on a mounted image and in their ``GuestSurroundings``.
struct SessionGuest: Sendable {
    let events: AsyncStream<GuestEvent>
    let domain: SessionStatus.Domain
    /// How it was started.
    let specification: GuestSpecification
    private let guest: RunningGuest
    /// Takes a picture of its screen; nil where it has none. May wait for as long as QEMU does.
    let look: SessionScreen.Look?

    init(_ guest: RunningGuest, _ specification: GuestSpecification, uri: String) {
        events = guest.events
        domain = SessionStatus.Domain(uri: uri, name: specification.name, uuid: specification.uuid)
        (self.guest, self.specification) = (guest, specification)
        let look: SessionScreen.Look = { try guest.look() }
        self.look = GuestDevices(specification).hasScreen ? look : nil
    }

    /// Refuses a system whose processor no guest can have here, before anything is fetched for it.
    /// - Returns: the processor.
    /// - Throws: ``GuestDomainError``.
    @discardableResult
    static func checkProcessor(
        _ request: BootRequest, of distribution: Distribution
    ) async throws -> GuestArchitecture {
        guard let architecture = GuestArchitecture(distribution.architecture) else {
            throw GuestDomainError.unknownArchitecture(distribution.architecture)
        }
        // Whether this machine's own has an emulator is seen when libvirt is needed.
        if architecture.isHost { return architecture }
        let connection = try await HypervisorConnection.open(request.connect ?? HypervisorConnection.defaultURI)
        let choice = AcceleratorChoice(rawValue: request.accel) ?? .auto
        _ = try await connection.accelerator(choice, for: architecture)
        return architecture
    }

    /// Refuses what cannot start, before anything large is fetched for it.
    /// - Parameter userData: see ``SessionSeed/usualUserData``.
    /// - Throws: ``GuestDomainError``, ``SystemCallError``.
    static func check(
        _ request: BootRequest, chosen: ChosenVersion, userData: String?, directory: SessionDirectory,
        machine: SessionMachine? = nil
    ) async throws {
        try await WorkerThread.run(name: "seed") {
            try SessionSeed(
                request: request, chosen: chosen, directory: directory, usualUserData: userData, machine: machine
            ).check()
        }
        _ = try await usbDevices(of: request)
        guard let processor = processor(chosen) else { return }
        let connection = try await HypervisorConnection.open(request.connect ?? HypervisorConnection.defaultURI)
        let choice = AcceleratorChoice(rawValue: request.accel) ?? .auto
        try processor.check(try await connection.accelerator(choice, for: .x86_64).accelerator)
    }

    /// The level of its processor that a version asks for; there are levels of x86_64 only.
    private static func processor(_ chosen: ChosenVersion) -> ProcessorLevel? {
        guard GuestArchitecture(chosen.distribution.architecture) == .x86_64 else { return nil }
        return chosen.guest.cpuLevel.flatMap { ProcessorLevel(rawValue: $0.rawValue) }
    }

    /// What a guest is started from.
    struct Plan: Sendable {
        let request: BootRequest
        let resources: GuestResources
        let version: SessionImage
        /// See ``SessionSeed/usualUserData``.
        let userData: String?
        /// The disk that is mounted, and its bytes.
        let imagePath: String
        let imageSize: UInt64
        let directory: SessionDirectory
        /// Nil for a guest that is thrown away.
        let machine: SessionMachine?
        /// The disk that is its user's home.
        let home: GuestHome?
        /// The folder of the host that it sees; its server listens.
        var share: GuestShare?
    }

    /// Creates the overlay and the domain, and starts the guest.
    /// - Parameters:
    ///   - surroundings: what was set up for it besides the disk.
    ///   - teardown: gets a step for each thing that must be removed again.
    /// - Throws: ``GuestDomainError``, ``MachineError``.
    static func start(
        _ plan: Plan, in surroundings: GuestSurroundings, teardown: Teardown
    ) async throws -> SessionGuest {
        let (chosen, directory) = (plan.version.chosen, plan.directory)
        // It ends with the session's folder.
        let seed = try await WorkerThread.run(name: "seed") {
            try SessionSeed(
                request: plan.request, chosen: chosen, directory: directory, usualUserData: plan.userData,
                machine: plan.machine
            ).write(authorizedKey: surroundings.credentials.authorizedKey, home: plan.home, share: plan.share)
        }
        var specification = try await machine(
            plan, surroundings, entries: try entries(of: plan, surroundings.credentials), seed: seed)
        (specification.home, specification.share) = (plan.home, plan.share)
        if let identity = plan.machine?.identity {
            (specification.uuid, specification.macAddress) = (identity.uuid, identity.mac)
        }
        specification.usbDevices = try await usbDevices(of: plan.request)
        try await addDisk(to: &specification, plan, surroundings, teardown)
        let connection = surroundings.connection
        let guest = try await RunningGuest.start(specification, on: connection)
        await teardown.add { await guest.destroy() }
        return SessionGuest(guest, specification, uri: connection.uri)
    }

    /// Writes what a guest that boots reads through qemu_fw_cfg, besides what its seed has.
    /// - Throws: ``SystemCallError``.
    static func entries(
        of plan: Plan, _ credentials: GuestCredentials
    ) throws(SystemCallError) -> [GuestSpecification.FirmwareEntry] {
        let folder = plan.directory.credentials
        var entries: [GuestSpecification.FirmwareEntry] = credentials.entries.map {
            .init(name: $0.firmwareName, path: $0.path)
        }
        if let home = plan.home {
            let path = "\(folder)/home"
            try AtomicFile.write(home.script(authorizedKey: credentials.authorizedKey), to: path, mode: 0o600)
            entries.append(.init(name: GuestHome.firmwareName, path: path))
        }
        if let share = plan.share {
            let path = "\(folder)/share"
            try AtomicFile.write(share.script, to: path, mode: 0o600)
            entries.append(.init(name: GuestShare.firmwareName, path: path))
        }
        return entries
    }

    /// The machine of a guest that is started from a version's image, without a disk of its own, a home and a folder.
    /// - Parameters:
    ///   - entries: what the guest reads through qemu_fw_cfg, besides those of its seed.
    ///   - seed: what it learns at its first boot; nil for nothing.
    /// - Throws: ``GuestDomainError``.
    static func machine(
        _ plan: Plan, _ surroundings: GuestSurroundings, entries: [GuestSpecification.FirmwareEntry],
        seed: GuestSeed.Files?
    ) async throws -> GuestSpecification {
        let (chosen, directory) = (plan.version.chosen, plan.directory)
        let settings = chosen.guest
        guard let architecture = GuestArchitecture(chosen.distribution.architecture) else {
            throw GuestDomainError.unknownArchitecture(chosen.distribution.architecture)
        }
        let media: GuestSpecification.Media = settings.media == .cdrom ? .cdrom : .disk
        let sectorSize = try await WorkerThread.run(name: "sectors") {
            if media == .cdrom { return 512 }
            if let kept = plan.machine?.record?.sectorSize { return kept }
            // An image whose head cannot be read now most likely has these; the guest reads it again.
            return (try? DiskSectors.size(ofImage: plan.imagePath)) ?? 512
        }
        // A BIOS cannot boot from sectors of 4096 bytes.
        let needsUEFI = settings.firmware == .uefi || sectorSize != 512 || !architecture.hasBIOS
        return GuestSpecification(
            name: directory.domainName, architecture: architecture, memoryMiB: plan.resources.memoryMiB,
            cpus: plan.resources.cpus, accelerator: surroundings.accelerator,
            firmware: plan.machine?.record?.firmware ?? (needsUEFI ? .uefi : .bios), media: media,
            imagePath: plan.imagePath, overlayPath: nil, consoleSocketPath: directory.consoleForGuest,
            networkSocketPath: directory.networkForGuest,
            firmwareEntries: entries,
            screen: try await screen(of: plan, architecture, surroundings), nvramPath: directory.nvram,
            sectorSize: sectorSize, hasDisplayAdapter: settings.adapter != .absent,
            processor: processor(chosen), seed: seed, emulatorUser: surroundings.emulatorUser)
    }

    /// The devices that the user hands over. QEMU of a user's own is that user's.
    /// - Throws: ``GuestDomainError``.
    private static func usbDevices(of request: BootRequest) async throws -> [HostUSBDevice.Place] {
        try await WorkerThread.run(name: "usb") { try request.usbPlaces() }
    }

    /// The screen that the guest was asked for; nil for none.
    static func screen(
        of plan: Plan, _ architecture: GuestArchitecture, _ surroundings: GuestSurroundings
    ) async throws -> GuestScreen? {
        guard plan.request.display == .window else { return nil }
        let kind = try await surroundings.connection.screenKind(surroundings.accelerator, architecture)
        return GuestScreen(
            kind, socketPath: plan.directory.screenSocket, sharesClipboard: plan.request.sharesClipboard == true)
    }

    /// Makes the disk that takes what the guest writes, or finds a machine's; none for a CD-ROM alone.
    private static func addDisk(
        to specification: inout GuestSpecification, _ plan: Plan, _ surroundings: GuestSurroundings,
        _ teardown: Teardown
    ) async throws {
        let directory = plan.directory
        let isDrive = specification.media == .cdrom
        guard !isDrive || plan.machine != nil || plan.request.diskSize != nil else { return }
        // The next start removes what is left of it.
        await teardown.addBlocking { directory.removeDisk() }
        let size =
            isDrive
            ? try DiskSize.rounded(plan.request.diskSize ?? DiskSize.usualForInstallers, sectorSize: 512)
            : try DiskSize.ofGuest(
                wanted: plan.request.diskSize, image: plan.imageSize, sectorSize: specification.sectorSize)
        guard let machine = plan.machine else {
            let image = isDrive ? nil : plan.imagePath
            try await WorkerThread.run(name: "overlay") {
                try Overlay.create(at: directory.overlay, backing: image, size: size)
            }
            specification.overlayPath = directory.overlay
            return
        }
        let emulator = surroundings.emulator
        let links = try await WorkerThread.run(name: "machine") { [specification] in
            if machine.record == nil { try machine.make(plan.version, specification, size: size) }
            return try machine.begin(specification, home: plan.request.home, emulator: emulator)
        }
        specification.overlayPath = links.overlay
        specification.layers = links.layers
        if let variables = links.variables { (specification.nvramPath, specification.hasVariables) = (variables, true) }
    }

    /// See ``RunningGuest/memoryOrigin(_:)``.
    func memoryOrigin() async throws -> MemoryOrigin { try await guest.memoryOrigin(specification.accelerator) }

    /// See ``RunningGuest/saveMemory(as:_:progress:isCancelled:)``.
    func saveMemory(
        as path: String, _ reserve: DiskReserve, progress: @escaping @Sendable (UInt64) -> Void,
        isCancelled: @escaping @Sendable () -> Bool
    ) async throws -> MemoryFile.Written {
        try await guest.saveMemory(as: path, reserve, progress: progress, isCancelled: isCancelled)
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

    /// - Throws: ``GuestDomainError``.
    func plug(_ share: GuestShare) async throws { try await guest.plug(share) }

    /// - Throws: ``GuestDomainError``.
    func unplugShare(within time: Duration) async throws { try await guest.unplugShare(within: time) }

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

import BlockStore
import Catalog
import GuestDomain
import GuestNetwork
import Linux

/// Saves a session's guest, which is paused: memory and disk of one instant, and all that it needs to go on.
struct SessionSaving: Sendable {
    let guest: SessionGuest
    let keys: SessionKeys
    let directory: SessionDirectory
    let places: Places
    /// As the guest was started, with its memory and processors.
    let request: BootRequest
    let version: SessionImage
    let machine: SessionMachine?
    let home: SessionHome?
    let cache: BlockCache
    let reserve: DiskReserve
    /// The ports that are published now, as ``PublishedPort`` writes them; nil for none.
    let ports: @Sendable () -> [String]?
    /// Hears how many bytes of the memory are written.
    let progress: @Sendable (UInt64) -> Void

    /// The files of a session that the guest, or who logs in to it, needs again, and bytes that each may have.
    private static let files = ["user", "password", "home"]
    private static let longestFile = 64 << 20

    /// Returns when the guest is suspended. Where it throws, nothing of the saving is left, and the guest can go on.
    /// - Throws: why it was not saved; `CancellationError` where it was told to go on.
    func run(_ turn: SavingTurn) async throws {
        let (library, folder) = (SuspendedLibrary(places: places), SuspendedFolder(directory.id, in: places))
        do {
            let origin = try await guest.memoryOrigin()
            let saving = self
            let (prepared, hold) = try await WorkerThread.run(name: "suspend") {
                try saving.prepare(folder, library)
            }
            var record = prepared
            let memory = try await guest.saveMemory(
                as: folder.memory, reserve, progress: progress, isCancelled: { turn.isCancelled })
            record.memory = SuspendRecord.Memory(
                size: memory.size, content: memory.content, digest: memory.digest, origin: origin)
            let whole = record
            try await WorkerThread.run(name: "suspend") {
                // QEMU has written all that it knew of its disks.
                for path in saving.disks { try FileHandle(path, for: .reading, .refuseLink).sync() }
                try Folder(path: folder.path).sync()
                try turn.commit { try folder.write(whole) }
                library.pin(whole, folder, saving.cache)
            }
            withExtendedLifetime(hold) {}
        } catch {
            // Whatever else could not be done: the guest goes on, and what is left is not suspended.
            _ = try? await WorkerThread.run(name: "suspend") { try library.remove(folder, nil) }
            throw error
        }
    }

    /// Writes down all but the memory.
    private func prepare(
        _ folder: SuspendedFolder, _ library: SuspendedLibrary
    ) throws -> (record: SuspendRecord, hold: FileHandle) {
        try places.makePassable(places.state)
        try Folder.make(places.suspended, mode: 0o700)
        // What is left of an earlier try of this session.
        try Folder.removeTree(folder.path)
        try Folder.makeNew(folder.path, mode: 0o700)
        guard let hold = try folder.hold() else {
            throw SystemCallError(.busy, call: "flock", subject: folder.lock)
        }
        for path in [folder.session, folder.credentials, folder.keys, folder.base] {
            try Folder.makeNew(path, mode: 0o700)
        }
        let credentials = Folder.namesIfAny(in: directory.credentials).map {
            ("\(directory.credentials)/\($0)", "\(folder.credentials)/\($0)")
        }
        let own = SessionSaving.files.map { ("\(directory.path)/\($0)", "\(folder.session)/\($0)") }
        for (from, to) in credentials + own where try Paths.isThere(from) {
            let bytes = try FileContents.read(from, limit: SessionSaving.longestFile)
            try AtomicFile.write(bytes, to: to, mode: 0o600, durable: true)
        }
        try keys.keep(in: folder.keys)
        keepConsole(folder)
        var request = request
        var base: MachineRecord.Base?
        if let machine {
            request.machine = .started(machine.name)
        } else {
            let copies = MachineFolder(name: folder.id, path: folder.base)
            base = .init(
                version.image, indexDigest: try copies.keepBase(of: version), size: version.index.imageSize)
            try keepDisk(folder)
        }
        // The questions are answered, and what was asked for at the first boot is done.
        (request.userData, request.resumes, request.asksOfTable) = (nil, nil, nil)
        request.diskSize = nil
        // They may have been changed since the start.
        request.publish = ports()
        request.accel = guest.specification.accelerator.rawValue
        (request.memoryMiB, request.cpus) = (guest.specification.memoryMiB, guest.specification.cpus)
        let chosen = version.chosen
        var record = SuspendRecord(
            created: .now, catalog: chosen.source.name, distribution: chosen.distribution.id,
            version: chosen.version.id.text, title: chosen.distribution.title, request: request,
            guest: try .init(guest.specification, credentials: directory.credentials), base: base)
        if machine == nil, !guest.specification.layers.isEmpty {
            record.guest.layers = guest.specification.layers.count
        }
        for path in [folder.credentials, folder.session, folder.keys, folder.base] { try Folder(path: path).sync() }
        try library.mark(record, folder.id)
        try folder.write(record)
        return (record, hold)
    }

    /// The disk and UEFI's variables of a guest that is no kept machine.
    private func keepDisk(_ folder: SuspendedFolder) throws {
        if guest.specification.overlayPath != nil {
            // Another name: what QEMU writes last is in it as well.
            try Paths.addName(folder.overlay, of: directory.overlay)
            for (number, layer) in guest.specification.layers.enumerated() {
                try Paths.addName(folder.layer(number), of: layer)
            }
        }
        if guest.specification.firmware == .uefi {
            try UEFIFirmware.copyVariables(
                try FileHandle(guest.specification.nvramPath, for: .reading, [.refuseLink, .nonblocking]),
                to: folder.variables)
        }
    }

    /// What the user sees first when he looks at the guest again.
    private func keepConsole(_ folder: SuspendedFolder) {
        // Without it the console is empty at first.
        guard let log = try? FileHandle(directory.log, for: .reading, .refuseLink), let size = try? log.status().size
        else { return }
        let length = min(size, GuestConsole.backlogSize)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, length), alignment: 8)
        defer { buffer.deallocate() }
        // As above.
        guard let count = try? log.read(into: buffer, at: size - length) else { return }
        // As above.
        try? AtomicFile.write(Array(buffer[..<min(count, length)]), to: folder.console, mode: 0o600)
    }

    /// The files that the guest writes to.
    private var disks: [String] {
        let guest = guest.specification
        return [guest.overlayPath, (guest.home ?? guest.pluggedHome)?.diskPath].compactMap(\.self)
    }
}

import BlockStore
import GuestDomain
import GuestNetwork
import Linux

/// The suspended guest that a session goes on with: the session's alone until it runs, and then nothing is left of it here.
struct ResumedGuest: Sendable {
    let record: SuspendRecord
    let resumption: BootRequest.Resumption
    private let folder: SuspendedFolder
    private let library: SuspendedLibrary
    private let hold: FileHandle

    /// Bytes of a file of the session that are read.
    private static let longestFile = 64 << 20

    /// Takes what the session is to go on with.
    /// - Returns: nil for a session that boots, also one that starts the disk of a kept machine cold: its memory is gone then.
    /// - Throws: ``SuspendError``.
    static func take(_ request: BootRequest, places: Places) throws(SuspendError) -> ResumedGuest? {
        guard let resumption = request.resumes else { return nil }
        let (library, folder) = (SuspendedLibrary(places: places), SuspendedFolder(request.id, in: places))
        let record = try folder.read()
        guard let hold = try folder.hold() else { throw .running(request.id) }
        if resumption == .cold, record.machine != nil {
            try library.remove(folder, nil)
            return nil
        }
        if resumption == .memory, record.memory == nil {
            throw .misfit(
                SuspendMisfit(
                    session: request.id, reason: "its memory was not saved to the end", machine: record.machine))
        }
        return ResumedGuest(record: record, resumption: resumption, folder: folder, library: library, hold: hold)
    }

    private init(
        record: SuspendRecord, resumption: BootRequest.Resumption, folder: SuspendedFolder, library: SuspendedLibrary,
        hold: FileHandle
    ) {
        (self.record, self.resumption) = (record, resumption)
        (self.folder, self.library, self.hold) = (folder, library, hold)
    }

    func misfit(_ reason: String) -> SuspendError {
        .misfit(SuspendMisfit(session: folder.id, reason: reason, machine: record.machine))
    }

    // MARK: Its files

    /// The keys that the guest knows.
    func keys(in directory: String) throws(GuestNetworkError) -> SessionKeys {
        try SessionKeys.restore(from: folder.keys, in: directory)
    }

    /// What it said on its console last.
    var console: [UInt8] {
        // Without it the console is empty at first.
        (try? FileContents.read(folder.console, limit: GuestConsole.backlogSize)) ?? []
    }

    /// Copies what describes its image into the session's folder, for the folder here goes when the guest runs.
    /// - Throws: ``SuspendError/damaged(_:path:reason:)`` where it is not what was kept.
    func keepBase(_ base: MachineRecord.Base, in directory: SessionDirectory) throws -> MachineFolder {
        let copies = MachineFolder(name: folder.id, path: "\(directory.path)/base")
        try Folder.make(copies.path, mode: 0o700)
        for name in try Folder.names(in: folder.base) {
            try MachineFiles.copy("\(folder.base)/\(name)", to: "\(copies.path)/\(name)")
        }
        guard try MachineLibrary.digest(of: copies.index) == base.indexDigest else {
            throw SuspendError.damaged(
                folder.id, path: "\(folder.base)/index", reason: "it is not the index that the guest was booted with")
        }
        return copies
    }

    /// Puts the session's files back: those that the guest reads have the lengths that it knows.
    /// - Throws: ``SystemCallError``.
    func restoreFiles(to directory: SessionDirectory) throws(SystemCallError) {
        for name in try Folder.names(in: folder.credentials) {
            let bytes = try FileContents.read("\(folder.credentials)/\(name)", limit: ResumedGuest.longestFile)
            try AtomicFile.write(bytes, to: "\(directory.credentials)/\(name)", mode: 0o600)
        }
        for name in ["user", "password", "home"] where try Paths.isThere("\(folder.session)/\(name)") {
            let bytes = try FileContents.read("\(folder.session)/\(name)", limit: ResumedGuest.longestFile)
            try AtomicFile.write(bytes, to: "\(directory.path)/\(name)", mode: 0o600)
        }
    }

    /// Gives a folder, with what is in it, to a user. Links are links. Nobody else may work in it meanwhile.
    /// - Throws: ``SystemCallError``.
    static func giveFolder(_ path: String, to user: UserID, depth: Int = 0) throws(SystemCallError) {
        guard let status = try Paths.statusOfName(path) else { return }
        try Paths.setOwner(path, user)
        guard status.kind == .folder, depth < 64 else { return }
        for name in try Folder.names(in: path) { try giveFolder("\(path)/\(name)", to: user, depth: depth + 1) }
    }

    /// Gives QEMU the disk and UEFI's variables of a guest that is no kept machine.
    /// - Parameter emulator: whom QEMU runs as where that is not this user.
    /// - Throws: ``SystemCallError``.
    func giveDisk(
        to guest: inout GuestSpecification, _ directory: SessionDirectory, emulator: UserID?
    ) throws(SystemCallError) {
        if record.guest.hasDisk {
            directory.removeDisk()
            try MachineDiskLinks.link(folder.overlay, as: directory.overlay)
            guest.overlayPath = directory.overlay
            guest.layers = try MachineDiskLinks.linkLayers(
                (0..<(record.guest.layers ?? 0)).map(folder.layer), directory, emulator: emulator)
        }
        if guest.firmware == .uefi {
            try UEFIFirmware.copyVariables(
                try FileHandle(folder.variables, for: .reading, [.refuseLink, .nonblocking]), to: directory.nvram)
            guest.hasVariables = true
        }
    }

    // MARK: Its memory

    func feed(_ memory: SuspendRecord.Memory, to pipe: FileHandle) throws {
        try MemoryFile.feed(folder.memory, memory, id: folder.id, to: pipe)
    }

    /// Writes down that the memory is used: from now on the disk may change, and the memory would not fit it any more.
    /// - Throws: ``SuspendError/file(_:)``.
    func useMemory() throws(SuspendError) {
        var used = record
        used.memory = nil
        try folder.write(used)
    }

    /// The guest runs: nothing is suspended any more.
    /// - Throws: ``SuspendError/file(_:)``; then it seems to be still, without a memory.
    func finish(_ cache: BlockCache) throws(SuspendError) {
        defer { withExtendedLifetime(hold) {} }
        try library.remove(folder, cache)
    }
}

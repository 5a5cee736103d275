import ContentAddress
import GuestDomain
import Linux

/// A warm state that a session is about to start from. Its files are open: they stay readable whatever becomes of their names.
package struct WarmState: Sendable {
    package let record: WarmRecord
    package let folder: WarmFolder
    private let files: Files
    /// Starts in a row that it had failed when it was found.
    var failures = 0
    /// The QEMU that it was found for; nil where libvirt does not say.
    var emulator: MemoryOrigin.EmulatorVersion?

    /// Nil where the guest has none.
    struct Files: Sendable {
        let memory: FileHandle
        var overlay: FileHandle?
        var variables: FileHandle?
        var seed: FileHandle?
    }

    init(record: WarmRecord, folder: WarmFolder, files: Files) {
        (self.record, self.folder, self.files) = (record, folder, files)
    }

    /// Gives the guest its disk: the frozen overlay as the session's own further name, or a copy, under ``GuestSpecification/layers``,
    /// a new overlay over that, and copies of UEFI's variables and of the seed. Digests are compared. ``SessionDirectory/removeDisk()`` undoes
    /// it.
    /// - Parameters:
    ///   - size: bytes of the disk.
    ///   - emulator: whom QEMU runs as where that is not this user.
    /// - Throws: ``WarmError/misfit(_:)``, ``SystemCallError``, ``GuestDomainError``.
    package func giveDisk(
        to guest: inout GuestSpecification, in directory: SessionDirectory, size: UInt64, emulator: UserID?
    ) throws {
        if let seed = files.seed, let path = guest.seed?.diskPath {
            try check(seed, record.seedDigest, "the disk of its first boot")
            try WarmState.copy(seed, to: path, mode: 0o600)
        }
        if let variables = files.variables {
            try check(variables, record.variablesDigest, "what its firmware keeps")
            try UEFIFirmware.copyVariables(variables, to: directory.nvram)
            (guest.nvramPath, guest.hasVariables) = (directory.nvram, true)
        }
        guard let overlay = files.overlay else { return }
        directory.removeDisk()
        try Folder.makeNew(directory.layerLinks, mode: 0o700)
        let layer = "\(directory.layerLinks)/0.qcow2"
        try name(overlay, as: layer)
        // By what is under the name now: whoever had the file before cannot write to it any more.
        try check(try FileHandle(layer, for: .reading, .refuseLink), record.overlayDigest, "its disk")
        try MachineDiskLinks.giveLayers(of: directory, to: emulator)
        try Overlay.create(at: directory.overlay, backing: nil, size: size)
        (guest.overlayPath, guest.layers) = (directory.overlay, [layer])
    }

    /// Gives a machine that is kept its lowest layer: the frozen overlay as a further name, or a copy, and UEFI's variables as a copy. Digests are
    /// compared.
    /// - Parameters:
    ///   - path: of the layer.
    ///   - variablesPath: of the variables that go with it.
    /// - Throws: ``WarmError/misfit(_:)``, ``SystemCallError``.
    func giveLayer(as path: String, variables variablesPath: String) throws {
        if let variables = files.variables {
            try check(variables, record.variablesDigest, "what its firmware keeps")
            try UEFIFirmware.copyVariables(variables, to: variablesPath)
        }
        guard let overlay = files.overlay else { throw WarmError.misfit("it has no disk") }
        try name(overlay, as: path)
        try check(try FileHandle(path, for: .reading, .refuseLink), record.overlayDigest, "its disk")
    }

    /// Writes the memory into QEMU's pipe, for ``RunningGuest/resume(_:on:from:feed:commit:)``.
    /// - Throws: ``WarmError/misfit(_:)`` where it is not what was written, also after all of it was given; ``SystemCallError``.
    package func feed(to pipe: FileHandle) throws {
        do {
            try MemoryFile.feed(files.memory, at: folder.memory, record.memory, id: folder.key, to: pipe)
        } catch SuspendError.damaged(_, _, let reason) {
            throw WarmError.misfit("its memory cannot be used: \(reason)")
        }
    }

    /// Bytes on the disk.
    package var size: Int {
        [files.memory, files.overlay, files.variables, files.seed].compactMap(\.self).reduce(0) { sum, file in
            // What is shown; the file is open.
            sum + ((try? file.status().allocated) ?? 0)
        }
    }

    private func check(_ file: FileHandle, _ digest: String?, _ what: String) throws {
        if try FileDigest(of: file).description != digest {
            throw WarmError.misfit("\(what) is not what the template left")
        }
    }

    /// Gives the open file another name where that is possible, else a copy: its own name may be gone, or another file's.
    private func name(_ file: FileHandle, as path: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            try Paths.addName(path, of: folder.overlay)
            if try Paths.statusOfName(path)?.identity == file.status().identity { return }
            try Paths.remove(path)
        } catch {
            guard error.isAbsent || [.otherFileSystem, .notPermitted].contains(error.number) else { throw error }
        }
        try WarmState.copy(file, to: path, mode: WarmLibrary.frozen)
    }

    /// Makes a copy that is on the disk.
    static func copy(_ file: FileHandle, to path: String, mode: FilePermissions) throws(SystemCallError) {
        let copy = try FileHandle(path, for: .writing, [.createNew, .refuseLink], mode: 0o600)
        if try !copy.shareBlocks(of: file) { try copy.copyData(of: file) }
        try copy.setPermissions(mode)
        try copy.sync()
    }
}

/// Why a guest does not start from a warm state, or why none is made.
package enum WarmError: Error, Sendable, Equatable {
    /// It does not fit, in words that go on after "the warm state is not used: ".
    case misfit(String)
    /// None can be made of this version, in words that go on after its name; nothing is wrong with it.
    case notMade(String)
    /// The template did not come as far as to sleep, or could not be saved, in words that go on after "the warm state of … was not made: ".
    case failed(String)
    /// What the user does comes first: a session has started, or the machine has other work.
    case givenUp(String)
}

import GuestDomain
import Linux

/// A machine's disk as QEMU reaches it: further names of its files, in the folder of guests' overlays, which end with the session. So QEMU's user needs
/// no way into the machine's own folder, and what clears up after a dead session never touches the machine's disk.
struct MachineDiskLinks: Sendable {
    let overlay: String
    /// The layers below, the topmost first.
    let layers: [String]
    /// UEFI's variables; nil where there are none.
    let variables: String?
    /// Whether the variables were lost, and are those of a first start.
    let hasLostVariables: Bool

    /// Of a file's owner before the guest; beside the file's bytes, in root's case.
    static let libvirtsNotes = ["dac", "ref_dac", "timestamp_dac"].map { "trusted.libvirt.security.\($0)" }

    /// - Parameter emulator: whom QEMU runs as where that is not this user.
    /// - Throws: ``SystemCallError``.
    static func make(
        _ record: MachineRecord, _ folder: MachineFolder, _ directory: SessionDirectory, emulator: UserID?
    ) throws(SystemCallError) -> MachineDiskLinks {
        directory.removeDisk()
        let chain = record.disk.chain
        guard let top = chain.first else {
            throw SystemCallError(.noSuchFile, call: "open", subject: folder.layers)
        }
        try link(folder.layer(top.id), as: directory.overlay)
        let layers = try linkLayers(chain.dropFirst().map { folder.layer($0.id) }, directory, emulator: emulator)
        guard record.firmware == .uefi else {
            return MachineDiskLinks(
                overlay: directory.overlay, layers: layers, variables: nil, hasLostVariables: false)
        }
        let hasLost = try makeIfLost(folder.variables(top.id), record)
        try link(folder.variables(top.id), as: directory.variablesLink)
        return MachineDiskLinks(
            overlay: directory.overlay, layers: layers, variables: directory.variablesLink, hasLostVariables: hasLost)
    }

    /// Gives layers that nobody writes to further names.
    /// - Parameter emulator: whom QEMU runs as where that is not this user.
    /// - Returns: the new names, in the same order.
    /// - Throws: ``SystemCallError``.
    static func linkLayers(
        _ files: [String], _ directory: SessionDirectory, emulator: UserID?
    ) throws(SystemCallError) -> [String] {
        if files.isEmpty { return [] }
        var layers: [String] = []
        try Folder.makeNew(directory.layerLinks, mode: 0o700)
        for (number, file) in files.enumerated() {
            let path = "\(directory.layerLinks)/\(number).qcow2"
            // Everybody may read a layer, but nobody gets to one: neither folder lets others pass.
            try MachineLibrary.freeze(file)
            try Paths.addName(path, of: file)
            layers.append(path)
        }
        try giveLayers(of: directory, to: emulator)
        return layers
    }

    /// Lets QEMU's user, and nobody else, pass to the layers.
    /// - Parameter emulator: nil where that is this user.
    /// - Throws: ``SystemCallError``.
    static func giveLayers(of directory: SessionDirectory, to emulator: UserID?) throws(SystemCallError) {
        guard let emulator, CurrentUser.isRoot else { return }
        try Paths.setOwner(directory.layerLinks, emulator)
        try Paths.setPermissions(directory.layerLinks, 0o500)
    }

    /// Makes new variables where a power cut left none, or an empty file: without them the machine would not start, and UEFI finds most
    /// systems without them.
    /// - Returns: whether it made them.
    private static func makeIfLost(_ path: String, _ record: MachineRecord) throws(SystemCallError) -> Bool {
        if let status = try Paths.statusOfName(path), status.size > 0 { return false }
        guard let architecture = GuestArchitecture(record.base.architecture) else {
            throw SystemCallError(.noSuchFile, call: "open", subject: path)
        }
        try architecture.firmware.writeVariables(to: path)
        if let folder = Folder.parent(of: path) { try Folder(path: folder).sync() }
        return true
    }

    /// Gives a file that QEMU writes to another name. libvirt gives it to QEMU's user and back; after a power cut it is somebody's still.
    static func link(_ path: String, as new: String) throws(SystemCallError) {
        guard let status = try Paths.statusOfName(path), status.kind == .regular else {
            throw SystemCallError(.noSuchFile, call: "open", subject: path)
        }
        if CurrentUser.isRoot, status.owner != 0 { try Paths.setOwner(path, 0, 0) }
        // What libvirt noted of a guest that was killed: it would not let another user have the file.
        if CurrentUser.isRoot { FileNotes.remove(libvirtsNotes, of: path) }
        try Paths.setPermissions(path, 0o600)
        // Links from before this host's start are removed as those of dead sessions.
        try Paths.setTimes(path)
        try Paths.addName(new, of: path)
    }
}

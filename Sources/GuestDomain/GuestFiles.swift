import Linux

/// The files that a guest's start makes beside the caller's: UEFI's variables, the folder of the screen's socket, and
/// libvirt's log, which would stay for each guest that ever ran.
struct GuestFiles: Sendable {
    private let domainName: String
    private let variables: String?
    private let firmware: UEFIFirmware
    private let hasVariables: Bool
    private let screenSocket: String?

    init(_ specification: GuestSpecification) {
        domainName = specification.name
        variables = specification.firmware == .uefi ? specification.nvramPath : nil
        firmware = specification.architecture.firmware
        hasVariables = specification.hasVariables
        screenSocket = specification.screen?.socketPath
    }

    /// Makes them, so that neither libvirt nor QEMU needs to write to the session's own folder.
    /// - Parameter identity: who gets the folder that QEMU makes its socket in.
    /// - Throws: ``SystemCallError``.
    func prepare(for identity: EmulatorIdentity?) throws(SystemCallError) {
        if let variables, !hasVariables { try firmware.writeVariables(to: variables) }
        if let folder = screenFolder {
            // A folder that is there already is somebody's, and not given away.
            try Folder.makeNew(folder, mode: 0o700)
            if let identity, CurrentUser.isRoot { try Paths.setOwner(folder, identity.user, identity.group) }
        }
    }

    /// Closes the screen's socket to all but the user that QEMU runs as; its folder lets nobody else pass anyway.
    /// - Throws: ``SystemCallError``; where QEMU has something else in its place, too.
    func closeScreen() throws(SystemCallError) {
        guard let screenSocket else { return }
        try Paths.setSocketPermissions(screenSocket, 0o600)
    }

    /// Takes them away, and the socket.
    func remove() {
        for path in [variables, screenSocket].compactMap({ $0 }) { Paths.removeIfPossible(path) }
        // What stays is removed with the session's folder.
        if let folder = screenFolder { _ = try? Paths.removeFolder(folder) }
    }

    /// Takes away what libvirt wrote about the guest. Not after a failure: it may say why.
    func removeEmulatorLog() {
        let cache = Environment.folder("XDG_CACHE_HOME") ?? "\(Environment.home)/.cache"
        // libvirt's places for its daemons of the system and of a user. Only the user's own files can be removed.
        let folder = CurrentUser.isRoot ? "/var/log/libvirt/qemu" : "\(cache)/libvirt/qemu/log"
        if !domainName.contains("/") { Paths.removeIfPossible("\(folder)/\(domainName).log") }
    }

    private var screenFolder: String? {
        guard let screenSocket, let slash = screenSocket.lastIndex(of: "/") else { return nil }
        return String(screenSocket[..<slash])
    }
}

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
        // Only the user's own files can be removed.
        if let emulatorLog { Paths.removeIfPossible(emulatorLog) }
    }

    /// What QEMU complained about last; nil where it did not, or that cannot be read.
    var lastWords: String? {
        // The doc comment says what nil means.
        guard let emulatorLog, let text = try? FileContents.readText(emulatorLog, limit: 1 << 20) else { return nil }
        let lines = text.split(separator: "\n").filter { $0.contains("qemu-system-") && $0.contains(": ") }
        // The line before the one that says only that it failed.
        let line = lines.last { !$0.contains("load of migration failed") } ?? lines.last
        return line.flatMap { line in
            let words = line.split(separator: ": ", maxSplits: 1)
            return words.count == 2 ? String(words[1]) : nil
        }
    }

    private var emulatorLog: String? {
        let cache = Environment.folder("XDG_CACHE_HOME") ?? "\(Environment.home)/.cache"
        // libvirt's places for its daemons of the system and of a user.
        let folder = CurrentUser.isRoot ? "/var/log/libvirt/qemu" : "\(cache)/libvirt/qemu/log"
        return domainName.contains("/") ? nil : "\(folder)/\(domainName).log"
    }

    private var screenFolder: String? {
        guard let screenSocket, let slash = screenSocket.lastIndex(of: "/") else { return nil }
        return String(screenSocket[..<slash])
    }
}

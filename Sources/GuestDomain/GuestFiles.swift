import Linux

/// The files that a guest's start makes beside the caller's: UEFI's variables, the folder of the screen's socket, and
/// libvirt's log, which would stay for each guest that ever ran.
struct GuestFiles: Sendable {
    private let domainName: String
    private let variables: String?
    private let firmware: UEFIFirmware
    private let screenSocket: String?

    /// Bytes of the largest variables that are copied.
    private static let largest = 256 << 20

    init(_ specification: GuestSpecification) {
        domainName = specification.name
        variables = specification.firmware == .uefi ? specification.nvramPath : nil
        firmware = specification.architecture.firmware
        screenSocket = specification.vncSocketPath
    }

    /// Makes them, so that neither libvirt nor QEMU needs to write to the session's own folder.
    /// - Parameter identity: who gets the folder that QEMU makes its socket in.
    /// - Throws: ``SystemCallError``.
    func prepare(for identity: EmulatorIdentity?) throws(SystemCallError) {
        if let variables { try GuestFiles.copy(firmware.variables, to: variables) }
        if let folder = screenFolder {
            // A folder that is there already is somebody's, and not given away.
            try Folder.makeNew(folder, mode: 0o700)
            if let identity, CurrentUser.isRoot { try Paths.setOwner(folder, identity.user, identity.group) }
        }
    }

    /// Copies the variables as they are at first, without their zeros: those of AAVMF are 64 MiB of them, and the session's folder
    /// lies in memory.
    static func copy(_ first: String, to path: String) throws(SystemCallError) {
        let source = try FileHandle(first, for: .reading)
        let size = try source.status().size
        guard size <= largest else { throw SystemCallError(.fileTooLarge, call: "read", subject: first) }
        let temporary = AtomicFile.temporaryName(for: path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 8)
        defer { buffer.deallocate() }
        do throws(SystemCallError) {
            let copy = try FileHandle(temporary, for: .writing, [.createNew, .refuseLink], mode: 0o600)
            var offset = 0
            while offset < size {
                let count = try source.read(into: buffer, at: offset)
                if count == 0 { break }
                let part = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                if part.contains(where: { $0 != 0 }) { try copy.write(part, at: offset) }
                offset += count
            }
            try copy.truncate(to: offset)
            try Paths.rename(temporary, to: path)
        } catch {
            Paths.removeIfPossible(temporary)
            throw error
        }
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

import Linux

/// The files of one session: all in its runtime folder except the overlay and the logs.
package struct SessionDirectory: Sendable {
    package let id: String
    private let places: Places

    package init(id: String, places: Places) {
        self.id = id
        self.places = places
        path = places.folder(ofSession: id)
    }

    package let path: String
    /// Held with flock by the session's process for as long as it lives.
    package var lock: String { "\(path)/lock" }
    package var control: String { "\(path)/control" }
    package var mount: String { "\(path)/mount" }
    /// QEMU connects its serial port and its network here.
    package var consoleForGuest: String { "\(path)/serial" }
    package var networkForGuest: String { "\(path)/net" }
    /// Viewers connect here.
    package var console: String { "\(path)/console" }
    /// From the guest to the host's sshd, and from the host to the guest's.
    package var sshToHost: String { "\(path)/ssh-host" }
    package var sshToGuest: String { "\(path)/ssh-guest" }
    /// One-time keys, sshd's configuration and credential files.
    package var secrets: String { "\(path)/keys" }
    /// Where the sshd of each login asks for its host key's signatures.
    package var logins: String { "\(path)/a" }
    /// Files that QEMU hands to the guest through fw_cfg.
    package var credentials: String { "\(path)/fw" }
    /// The key with which `oscircular ssh` logs in to the guest.
    package var keyIntoGuest: String { "\(secrets)/host_ed25519" }
    /// Whom ssh logs in as in the guest; absent for root.
    package var userInGuest: String { "\(path)/user" }
    /// How far the guest is with its user's home, see ``HomeState``; absent for a guest without one.
    package var home: String { "\(path)/home" }
    /// QEMU connects to the server of a shared folder here.
    package var share: String { "\(path)/share" }
    /// The password for the guest's console, 0600; absent where none was made.
    package var password: String { "\(path)/password" }
    /// In a folder of its own, where QEMU creates its socket.
    var screenSocket: String { "\(screen)/qemu" }
    /// There while the guest has a screen.
    package var screen: String { "\(path)/screen" }
    /// The longest of the sockets above.
    var longestSocketPath: String {
        [control, consoleForGuest, networkForGuest, console, sshToHost, sshToGuest, screenSocket, "\(logins)/9999"]
            .max { $0.utf8.count < $1.utf8.count } ?? path
    }
    /// What bounds the session's processes and outlives them, see ``SessionBounds``.
    package var bounds: String { "\(path)/bounds" }
    package var nvram: String { "\(path)/nvram.fd" }
    package var overlay: String { "\(places.overlays)/\(id).qcow2" }
    /// Further names of what lies under the topmost layer of a machine's disk, and of its UEFI variables.
    var layerLinks: String { "\(places.overlays)/\(id).layers" }
    var variablesLink: String { "\(places.overlays)/\(id).fd" }
    /// The session's exchange folder.
    /// - Parameter isKept: else it is removed with the session.
    package func exchange(isKept: Bool) -> String { "\(places.exchanges)/\(id)\(isKept ? "" : ".temporary")" }
    package var log: String { "\(places.logs)/\(id).log" }
    /// What followed the session, see ``Rollback``; absent where nothing did.
    var rollbackFile: String { "\(places.logs)/\(id).rollback" }
    package var processLog: String { "\(places.logs)/\(id).session.log" }
    /// Why the session failed, as its process wrote it last; nil when the guest ended as it should, or the log cannot be read.
    /// Waits for the disk.
    package var failure: String? {
        // A log that is gone says nothing.
        let text = (try? FileContents.readText(processLog, limit: 1 << 20)) ?? ""
        let last = text.split(separator: "\n").last { $0.hasPrefix(SessionDirectory.failureMark) }
        return last.map { String($0.dropFirst(SessionDirectory.failureMark.count)) }
    }

    /// What a failure's line in the log of the session's process begins with.
    package static let failureMark = "oscircular: "

    package var domainName: String { "oscircular-\(id)" }

    /// Creates the folder and takes its lock; the lock's descriptor is handed to the session's process.
    ///
    /// The folder gets its name once it is locked, so that it is never mistaken for a dead session's.
    /// - Throws: ``BootError/file(_:)``.
    package func create() throws(BootError) -> FileHandle {
        let hidden = "\(places.sessions)/.\(id)"
        do throws(SystemCallError) {
            for folder in [places.state, places.overlays, places.logs] { try places.makePassable(folder) }
            try Folder.makeNew(hidden, mode: 0o700)
            if CurrentUser.isRoot { try Paths.setPermissions(hidden, 0o711) }
            let handle = try FileHandle("\(hidden)/lock", for: .both, [.create, .refuseLink], mode: 0o600)
            _ = try handle.lock(exclusive: true, wait: true)
            try Paths.rename(hidden, to: path)
            return handle
        } catch {
            // The next start removes it as well.
            try? Folder.removeTree(hidden)
            throw .file(error)
        }
    }

    /// Whether a process holds the session's lock (a process id proves nothing). True if that cannot be determined.
    package var isAlive: Bool {
        do throws(SystemCallError) {
            let handle = try FileHandle(lock, for: .reading, .refuseLink)
            // Shared: several may ask at once.
            return try !handle.lock(exclusive: false, wait: false)
        } catch {
            return error.number != .noSuchFile
        }
    }

    /// Returns when no process holds the session's lock any more, and wakes up for nothing else.
    package func waitUntilEnded() async {
        let lock = lock
        // Where there is no lock, no thread, or a file system without locks, the end is seen by the looks below.
        try? await WorkerThread.run(name: "session end") {
            _ = try FileHandle(lock, for: .reading, .refuseLink).lock(exclusive: false, wait: true)
        }
        while isAlive {
            do { try await Task.sleep(for: .milliseconds(500)) } catch { return }
        }
    }

    /// The session's process: the one that was started as a session, and has the lock open under the number that it was given as.
    /// Looks at all processes.
    package var process: Int32? {
        // Without the lock there is no process, or none to be found.
        guard let own = try? Paths.status(lock)?.identity else { return nil }
        return Folder.namesIfAny(in: "/proc").compactMap { Int32($0) }.first { pid in
            // What cannot be looked at is another user's, or has ended.
            let other = try? Paths.status("/proc/\(pid)/fd/\(SessionLauncher.lockDescriptor)")?.identity
            guard pid != CurrentProcess.id, other == own else { return false }
            // A process that has just ended has no arguments.
            let arguments = (try? FileContents.read("/proc/\(pid)/cmdline", limit: 1 << 16)) ?? []
            return arguments.split(separator: 0).contains { $0.elementsEqual("run-session".utf8) }
        }
    }

    /// Removes the guest's disk: of a machine's only the names that this session gave it.
    func removeDisk() {
        Paths.removeIfPossible(overlay)
        Paths.removeIfPossible(variablesLink)
        // What stays is tried again at the next start.
        try? Folder.removeTree(layerLinks)
    }

    /// Whether the session's guest is suspended, or is being saved or resumed.
    package var isSuspended: Bool { SuspendedFolder(id, in: places).isThere }

    /// Lets an exchange folder stay that was to be removed.
    func keepExchange() {
        // Where there is none, or there is another, it goes as ever.
        try? Paths.rename(exchange(isKept: false), to: exchange(isKept: true))
    }

    /// Removes what need not stay of the exchange folder when nobody can write to it any more. May take long.
    func clearExchange() {
        // A guest that is suspended finds it again.
        if isSuspended { return }
        // One that is not empty is the user's.
        _ = try? Paths.removeFolder(exchange(isKept: true))
        // What stays is tried again at the next start.
        try? Folder.removeTree(exchange(isKept: false))
    }

    /// Calls `body` while holding the lock of a dead session; does nothing if it is alive.
    func ifDead(_ body: () -> Void) {
        // Only an absent lock is proof; with any other error the session counts as alive.
        guard let handle = try? FileHandle(lock, for: .both, .refuseLink) else {
            // As above.
            let (folder, lock) = (try? Paths.isThere(path), try? Paths.isThere(lock))
            if folder == true && lock == false { body() }
            return
        }
        // What cannot be locked counts as alive.
        if (try? handle.lock(exclusive: true, wait: false)) == true { body() }
    }
}

/// A session's name: short, because the path of a unix socket has at most 108 bytes.
package enum SessionID {
    private static let digits = Array("0123456789abcdefghijkmnpqrstuvwxyz")

    /// Eight random letters and digits.
    package static func random() -> String {
        String((0..<8).map { _ in digits[Int.random(in: 0..<digits.count)] })
    }

    /// Whether a text may be a session's id; keeps user input out of paths.
    package static func isValid(_ text: String) -> Bool {
        (1...12).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
            }
    }
}

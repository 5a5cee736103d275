import Glibc
import Linux

/// The folders this user's OS Circular lives in (DESIGN: Places). Nothing is made until it is needed.
package struct Places: Sendable {
    /// Sockets and mount points of running sessions.
    package let runtime: String
    /// Followed catalogs, overlays of running guests, logs.
    package let state: String
    /// The block cache unless the configuration names another.
    package let cache: String
    /// Configuration files, least important first.
    package let configurationFiles: [String]

    package var sessions: String { "\(runtime)/sessions" }
    package var catalogs: String { "\(state)/catalogs" }
    package var overlays: String { "\(state)/overlays" }
    package var logs: String { "\(state)/logs" }
    /// Boot sets that this user's boots recorded.
    package var bootSets: String { "\(state)/boot-sets" }
    /// Which versions ran, and when.
    package var runs: String { "\(state)/runs" }
    /// Since when versions are missed in their catalogs of which something is kept.
    package var departed: String { "\(state)/departed" }
    /// What the guest's ssh sees of the host.
    package var exchange: String { "\(state)/exchange" }

    /// - Parameters:
    ///   - environment: looks up a variable; empty values count as absent, as the XDG specification says.
    ///   - user: effective user id.
    ///   - home: the user's home folder.
    package init(environment: (String) -> String?, user: uid_t, home: String) {
        func variable(_ name: String) -> String? {
            // Relative paths are invalid by the XDG specification.
            environment(name).flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        let isRoot = user == 0
        runtime =
            variable("XDG_RUNTIME_DIR").map { "\($0)/oscircular" }
            ?? (isRoot ? "/run/oscircular" : "/tmp/oscircular-\(user)")
        state =
            variable("XDG_STATE_HOME").map { "\($0)/oscircular" }
            ?? (isRoot ? "/var/lib/oscircular" : "\(home)/.local/state/oscircular")
        cache =
            variable("XDG_CACHE_HOME").map { "\($0)/oscircular" }
            ?? (isRoot ? "/var/cache/oscircular" : "\(home)/.cache/oscircular")
        let configuration = variable("XDG_CONFIG_HOME") ?? "\(home)/.config"
        configurationFiles = ["/etc/oscircular/config.toml", "\(configuration)/oscircular/config.toml"]
    }

    /// Of this process.
    package static func current() -> Places {
        Places(
            environment: { name in
                guard let value = Environment.value(name) else { return nil }
                // Root's QEMU runs as another user, which must get through: a login's 0700 folder will not do, and somebody
                // else's folder is not root's to work in.
                if name == "XDG_RUNTIME_DIR" && geteuid() == 0 && !letsOthersPass(value) { return nil }
                return value
            }, user: geteuid(), home: Environment.home)
    }

    /// Whether what is in the runtime folder can be believed: it and the folder of sessions are real folders of this user's
    /// that nobody else can write.
    package var isRuntimeOurs: Bool { Places.isOurs(runtime) && Places.isOurs(sessions) }

    /// Makes a folder that QEMU's own user can pass through when we are root.
    /// - Throws: ``SystemCallError``.
    package func makePassable(_ folder: String) throws(SystemCallError) {
        let isNew = access(folder, F_OK) != 0
        try Folder.make(folder, mode: 0o711)
        // The umask may have taken the bits.
        if isNew { return _ = try systemCall("chmod", folder) { chmod(folder, 0o711) } }
        // Or somebody made it for itself first, as the catalogs' metadata does.
        var status = stat()
        guard geteuid() == 0, stat(folder, &status) == 0, status.st_uid == 0, status.st_mode & 0o001 == 0 else {
            return
        }
        try systemCall("chmod", folder) { chmod(folder, status.st_mode & 0o7777 | 0o011) }
    }

    private static func isOurs(_ folder: String) -> Bool {
        var status = stat()
        return lstat(folder, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR && status.st_uid == geteuid()
            && status.st_mode & 0o022 == 0
    }

    private static func letsOthersPass(_ folder: String) -> Bool {
        var status = stat()
        return stat(folder, &status) == 0 && status.st_uid == 0 && status.st_mode & 0o001 != 0
    }

    /// Makes the runtime folder, or checks that an existing one is a real folder of this user's that nobody else can write.
    ///
    /// The fallback in /tmp could have been made by somebody else, hence the look at owner and mode.
    /// - Throws: ``BootError/unsafeRuntimeFolder(_:)``, ``BootError/runtimeFolder(_:)``.
    package func prepareRuntime() throws(BootError) {
        do {
            for folder in [runtime, sessions] {
                try Folder.make(folder, mode: 0o700)
                guard Places.isOurs(folder) else { throw BootError.unsafeRuntimeFolder(folder) }
                // QEMU's own user reaches its sockets below root's; a user's QEMU is the user.
                if geteuid() == 0 { try systemCall("chmod", folder) { chmod(folder, 0o711) } }
            }
        } catch let error as SystemCallError {
            // Something that is no folder has the name; where its parent is none, the name itself is not there.
            if error.code == ENOTDIR, access(runtime, F_OK) == 0 { throw .unsafeRuntimeFolder(runtime) }
            throw .runtimeFolder(error)
        } catch let error as BootError {
            throw error
        } catch {
            throw .unsafeRuntimeFolder(runtime)
        }
    }
}

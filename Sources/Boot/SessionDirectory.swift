import Glibc
import Linux

/// The files of one session, all below its runtime folder but overlay and log.
package struct SessionDirectory: Sendable {
    package let id: String
    private let places: Places

    package init(id: String, places: Places) {
        self.id = id
        self.places = places
    }

    package var path: String { "\(places.sessions)/\(id)" }
    /// Held with flock by the session's process for as long as it lives.
    package var lock: String { "\(path)/lock" }
    package var control: String { "\(path)/control" }
    package var mount: String { "\(path)/mount" }
    /// QEMU connects here with its serial port and its network.
    package var consoleForGuest: String { "\(path)/serial" }
    package var networkForGuest: String { "\(path)/net" }
    /// Viewers connect here.
    package var console: String { "\(path)/console" }
    /// The way from the guest to the host's sshd, and back.
    package var sshToHost: String { "\(path)/ssh-host" }
    package var sshToGuest: String { "\(path)/ssh-guest" }
    /// One-time keys, sshd's configuration and credential files.
    package var secrets: String { "\(path)/keys" }
    /// Files that QEMU hands to the guest through fw_cfg.
    package var credentials: String { "\(path)/fw" }
    /// With it `oscircular ssh` logs in to the guest.
    package var keyIntoGuest: String { "\(secrets)/host_ed25519" }
    package var vnc: String { "\(path)/vnc" }
    package var nvram: String { "\(path)/nvram.fd" }
    package var overlay: String { "\(places.overlays)/\(id).qcow2" }
    package var log: String { "\(places.logs)/\(id).log" }
    package var processLog: String { "\(places.logs)/\(id).session.log" }
    package var domainName: String { "oscircular-\(id)" }

    /// Makes the folder and takes its lock; the lock's descriptor is handed to the session's process.
    ///
    /// The folder gets its name when the lock is held: another process would take it for a dead session's and clear it.
    /// - Throws: ``BootError/file(_:)``.
    package func create() throws(BootError) -> FileHandle {
        do {
            for folder in [places.overlays, places.logs] { try DirectoryTree.make(folder, mode: 0o711) }
            // No session's id begins with a dot.
            let unnamed = "\(places.sessions)/.\(id).\(getpid())"
            try systemCall("mkdir", unnamed) { mkdir(unnamed, geteuid() == 0 ? 0o711 : 0o700) }
            do {
                let handle = try FileHandle(path: "\(unnamed)/lock", flags: O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
                guard try handle.lock(exclusive: true, wait: false) else {
                    throw SystemCallError(code: EWOULDBLOCK, call: "flock", subject: lock)
                }
                // Fails with ENOTEMPTY where the id is taken.
                try systemCall("rename", path) { rename(unnamed, path) }
                return handle
            } catch {
                try? DirectoryTree.remove(unnamed)
                throw error
            }
        } catch let error as SystemCallError {
            throw .file(error)
        } catch {
            throw .refused(session: id, reason: "\(error)")
        }
    }

    /// Whether a process holds the session's lock. A process id proves nothing.
    package var isAlive: Bool {
        guard let handle = try? FileHandle(path: lock, flags: O_RDWR | O_NOFOLLOW) else { return false }
        return (try? handle.lock(exclusive: true, wait: false)) == false
    }
}

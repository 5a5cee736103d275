import FUSE
import Glibc
import Linux
import TestSupport

/// A folder that goes away with this object, and what is mounted in it too.
final class TemporaryFolder: Sendable {
    let path: String

    /// The name has a space, as the kernel's tables must have it escaped.
    init(in parent: String = "/tmp") throws {
        var template = Array("\(parent)/osc mount.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw SystemCallError.last("mkdtemp") }
        path = String(cString: made)
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    func makeFolder(_ name: String) throws -> String {
        let folder = path(name)
        try systemCall("mkdir", folder) { mkdir(folder, 0o755) }
        return folder
    }

    deinit {
        // What stays mounted is seen by the next test that looks for stale mounts.
        for entry in (try? MountTable.entries()) ?? [] where entry.mountPoint.hasPrefix(path + "/") {
            // The same.
            try? Mountpoint(entry.mountPoint).abort()
        }
        TemporaryDirectory.remove(path)
    }
}

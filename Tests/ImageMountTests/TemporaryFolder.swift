import FUSE
import Glibc
import Linux

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
        for entry in (try? MountTable.entries()) ?? [] where entry.mountPoint.hasPrefix(path + "/") {
            try? Mountpoint(entry.mountPoint).abort()
        }
        TemporaryFolder.removeTree(path)
    }

    private static func removeTree(_ path: String) {
        if remove(path) == 0 { return }
        guard let stream = opendir(path) else { return }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { removeTree("\(path)/\(name)") }
        }
        closedir(stream)
        remove(path)
    }
}

import Glibc
import Linux

/// A folder of one test's own, removed with all that is in it when the object goes.
package final class ScratchFolder: Sendable {
    package let path: String

    /// - Parameter base: the folder that it is made in.
    package init(in base: String = "/tmp") throws {
        path = "\(base)/oscircular-test-\(getpid())-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        let path = path
        try systemCall("mkdir", path) { mkdir(path, 0o700) }
    }

    deinit { ScratchFolder.remove(path) }

    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// A file's bytes.
    package func bytes(_ name: String) throws -> [UInt8] {
        let handle = try FileHandle(path: file(name), flags: O_RDONLY)
        var bytes = [UInt8](repeating: 0, count: Int(try handle.status().st_size))
        let size = bytes.count
        let count = try bytes.withUnsafeMutableBytes { try handle.read(into: $0, at: 0) }
        return count == size ? bytes : Array(bytes.prefix(count))
    }

    /// Paths of all files below, relative, hidden ones too; links are not followed.
    package func files(below folder: String = "") -> [String] {
        ScratchFolder.names(folder.isEmpty ? path : file(folder)).flatMap { name -> [String] in
            let relative = folder.isEmpty ? name : "\(folder)/\(name)"
            return ScratchFolder.isFolder(file(relative)) ? files(below: relative) : [relative]
        }
    }

    /// The names in a folder, hidden ones too, sorted.
    package static func names(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func remove(_ path: String) {
        if isFolder(path) {
            for name in names(path) { remove("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}

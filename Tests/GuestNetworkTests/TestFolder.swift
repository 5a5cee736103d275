import Glibc
import Linux

@testable import GuestNetwork

/// A temporary folder with a short path (sockets), gone with the object.
final class TestFolder: Sendable {
    let path: String

    init(mode: mode_t = 0o700) throws {
        path = "/tmp/osc-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let path = path
        try systemCall("mkdir", path) { mkdir(path, 0o700) }
        try systemCall("chmod", path) { chmod(path, mode) }
    }

    deinit { _ = try? HostProgram.run("/bin/rm", ["-rf", path]) }

    var names: [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var result: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { result.append(name) }
        }
        return result.sorted()
    }
}

import Glibc
import Linux
import Synchronization
import TestSupport

/// A service of the host on a loopback port, which notes whether anybody came.
final class LoopbackListener: Sendable {
    let port: Int
    private let handle: FileHandle
    private let reached = Atomic(false)

    var wasReached: Bool { reached.load(ordering: .acquiring) }

    init() throws {
        let bound = try FreePort.listen()
        port = bound.port
        handle = bound.handle
        try? WorkerThread.start(name: "listener") { [weak self, handle] in
            while true {
                let connection = accept(handle.descriptor, nil, nil)
                if connection < 0 { return }
                close(connection)
                self?.reached.store(true, ordering: .releasing)
            }
        }
    }

    deinit { shutdown(handle.descriptor, Int32(SHUT_RDWR)) }
}

/// Processes, found by their arguments.
enum ProcessTable {
    /// Processes whose first argument is `command`, and that have `text` among the others.
    static func pids(running command: String, naming text: String) -> [pid_t] {
        Folder.namesIfAny(in: "/proc").compactMap { pid_t($0) }.filter { pid in
            // One that has ended meanwhile has no arguments.
            let words = (try? FileContents.readText("/proc/\(pid)/cmdline", limit: 65_536)) ?? ""
            return words.split(separator: "\0").dropFirst().first == Substring(command) && words.contains(text)
        }
    }

    /// Processes whose first argument is `command` and who hold a file below `folder` open.
    static func pids(running command: String, under folder: String) -> [pid_t] {
        Folder.namesIfAny(in: "/proc").compactMap { pid_t($0) }.filter { pid in
            let words = (try? FileContents.readText("/proc/\(pid)/cmdline", limit: 65_536)) ?? ""
            guard words.split(separator: "\0").dropFirst().first == Substring(command) else { return false }
            return Folder.namesIfAny(in: "/proc/\(pid)/fd").contains { name in
                var buffer = [CChar](repeating: 0, count: 4096)
                let count = readlink("/proc/\(pid)/fd/\(name)", &buffer, buffer.count - 1)
                guard count > 0 else { return false }
                return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self).hasPrefix(folder)
            }
        }
    }
}

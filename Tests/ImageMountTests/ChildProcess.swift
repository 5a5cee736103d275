import Glibc
import Linux

/// A process that a test started, killed with this object.
final class ChildProcess: Sendable {
    let pid: pid_t

    /// Its output goes nowhere.
    init(_ arguments: [String], environment: [String] = []) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for descriptor in Int32(0)...2 {
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_RDWR, 0)
        }
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { (word: String) in strdup(word) }
        pointers.append(nil)
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { (word: String) in strdup(word) }
        var position = 0
        while let variable = environ[position] {
            variables.append(strdup(variable))
            position += 1
        }
        variables.append(nil)
        defer { for pointer in pointers + variables { free(pointer) } }
        var child = pid_t()
        let result = posix_spawnp(&child, arguments[0], &actions, nil, pointers, variables)
        guard result == 0 else { throw SystemCallError(code: result, call: "posix_spawn", subject: arguments[0]) }
        pid = child
    }

    static func shell(_ script: String) throws -> ChildProcess { try ChildProcess(["/bin/sh", "-c", script]) }

    func kill() { _ = Glibc.kill(pid, SIGKILL) }

    /// Waits without blocking the cooperative pool. Nil when it is still there after `seconds`.
    /// - Returns: the exit code, or the negated signal that ended it.
    func wait(seconds: Double = 30) async throws -> Int32? {
        let pid = pid
        return try await WorkerThread.run(name: "test-wait") {
            let end = MonotonicClock.nanoseconds + UInt64(seconds * 1e9)
            while MonotonicClock.nanoseconds < end {
                var status: Int32 = 0
                if waitpid(pid, &status, WNOHANG) == pid {
                    return status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
                }
                usleep(5000)
            }
            return nil
        }
    }

    deinit {
        // A process that has been waited for is no more; its number is ours until then.
        var status: Int32 = 0
        if waitpid(pid, &status, WNOHANG) == 0 {
            Glibc.kill(pid, SIGKILL)
        }
    }
}

/// Runs a shell script to its end; nil when that takes too long.
func exitCode(_ script: String) async throws -> Int32? {
    let child = try ChildProcess.shell(script)
    return try await child.wait()
}

import CLinux
import Glibc

/// A child process started with posix_spawn: never fork, which a process with threads must not.
package struct SpawnedProcess: Sendable {
    package let pid: pid_t

    /// Starts a program.
    /// - Parameters:
    ///   - arguments: the first is the program's path.
    ///   - descriptors: child's number to ours; everything else that is open is closed on exec or not inherited.
    ///   - newSession: the child leads a session of its own, so no terminal's signals reach it.
    ///   - environment: nil passes ours on.
    /// - Throws: ``SystemCallError`` of `posix_spawn`, such as ENOENT.
    package static func start(
        _ arguments: [String], descriptors: [Int32: Int32] = [:], newSession: Bool = false, environment: [String]? = nil
    ) throws(SystemCallError) -> SpawnedProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Copies above all targets, so that no dup2 overwrites a source that is still wanted. dup2 clears close-on-exec.
        let floor = (descriptors.keys.max() ?? 0) + 1
        var copies: [FileHandle] = []
        for (target, source) in descriptors {
            let copy = try systemCall("fcntl") { fcntl(source, osc_F_DUPFD_CLOEXEC, floor) }
            copies.append(FileHandle(owning: copy))
            posix_spawn_file_actions_adddup2(&actions, copy, target)
        }
        defer { withExtendedLifetime(copies) {} }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The child starts with no signal blocked and defaults for those that we ignore or block.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for signal in [SIGINT, SIGTERM, SIGPIPE, SIGHUP, SIGWINCH, SIGTSTP, SIGQUIT] { sigaddset(&defaults, signal) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
        if newSession { flags |= Int16(osc_POSIX_SPAWN_SETSID) }
        posix_spawnattr_setflags(&attributes, flags)

        var pid = pid_t()
        var argv = arguments.map { strdup($0) } + [nil]
        defer { argv.forEach { free($0) } }
        var result: Int32
        if let environment {
            var envp = environment.map { strdup($0) } + [nil]
            defer { envp.forEach { free($0) } }
            result = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, &envp)
        } else {
            result = posix_spawnp(&pid, arguments[0], &actions, &attributes, &argv, osc_environment())
        }
        guard result == 0 else { throw SystemCallError(code: result, call: "posix_spawn", subject: arguments[0]) }
        return SpawnedProcess(pid: pid)
    }

    /// Waits for the end. Blocks; call it from a thread that may.
    /// - Returns: the exit code, or 128 + the signal that ended it, as a shell says.
    package func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) == -1 {
            if errno != EINTR { return 127 }
        }
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }
}

import CLinux
import Glibc

/// A program that this process started. Somebody must call ``wait()`` or see ``reap()`` answer, or a zombie stays.
///
/// Started by posix_spawn, never by fork: this process has threads. The child gets the descriptors named and no other,
/// no blocked signals and the default handlers.
package final class ChildProcess: Sendable {
    /// How a program ended.
    package enum Ending: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        /// The exit code, or 128 and the signal's number, as a shell says it.
        package var shellStatus: Int32 {
            switch self {
            case .exited(let code): code
            case .killed(let signal): 128 + signal
            }
        }

        package var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .killed(let signal): "signal \(signal)"
            }
        }
    }

    package let pid: pid_t
    private let process: ProcessDescriptor

    /// For poll; readable when the program has ended.
    package var descriptor: Int32 { process.descriptor }

    /// Starts a program.
    /// - Parameters:
    ///   - program: a path, or a name to look for in PATH.
    ///   - arguments: without the program's own name.
    ///   - environment: `NAME=value`, nothing else is inherited; nil passes ours on.
    ///   - descriptors: become 0, 1, 2, … of the child; `nil` is /dev/null.
    ///   - newSession: the child leads a session of its own, so no terminal's signals reach it.
    /// - Throws: ``SystemCallError`` of `posix_spawn` (the program cannot be executed) or of the preparations.
    package init(
        program: String, arguments: [String], environment: [String]? = ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"],
        descriptors: [Int32?], newSession: Bool = false
    ) throws(SystemCallError) {
        // Copies above the targets, so that no dup2 overwrites a source that is still wanted.
        var sources: [FileHandle] = []
        let floor = Int32(descriptors.count)
        let null = try FileHandle(path: "/dev/null", flags: O_RDWR)
        for descriptor in descriptors {
            sources.append(
                FileHandle(
                    owning: try systemCall("fcntl") {
                        fcntl(descriptor ?? null.descriptor, osc_F_DUPFD_CLOEXEC, floor)
                    }))
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, source) in sources.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, source.descriptor, Int32(target))
        }
        // Libraries of this process may have opened descriptors without close-on-exec.
        _ = osc_spawn_add_close_from(&actions, floor)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let session = newSession ? Int32(osc_POSIX_SPAWN_SETSID) : 0
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session))

        var argumentPointers = ([program] + arguments).map { strdup($0) } + [nil]
        var environmentPointers = (environment ?? []).map { strdup($0) } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var child: pid_t = 0
        let result =
            environment == nil
            ? posix_spawnp(&child, program, &actions, &attributes, &argumentPointers, osc_environment())
            : posix_spawnp(&child, program, &actions, &attributes, &argumentPointers, &environmentPointers)
        guard result == 0 else { throw SystemCallError(code: result, call: "posix_spawn", subject: program) }
        pid = child
        guard let process = ProcessDescriptor(pid: child) else {
            let error = SystemCallError.last("pidfd_open", program)
            Glibc.kill(child, SIGKILL)
            waitpid(child, nil, 0)
            throw error
        }
        self.process = process
    }

    /// Sends a signal. Call it only while nobody has seen the ending: then the number cannot be another process's.
    package func signal(_ number: Int32) {
        Glibc.kill(pid, number)
    }

    /// How the program ended, or nil while it runs. Never blocks.
    package func reap() -> Ending? {
        ending(WNOHANG)
    }

    /// Blocks the calling thread until the program has ended.
    @discardableResult
    package func wait() -> Ending {
        ending(0) ?? .exited(-1)
    }

    private func ending(_ options: Int32) -> Ending? {
        var status: Int32 = 0
        var result: pid_t
        repeat { result = waitpid(pid, &status, options) } while result == -1 && errno == EINTR
        if result == 0 { return nil }
        // Whoever ignores SIGCHLD loses the status; the program is gone all the same.
        if result == -1 { return .exited(-1) }
        return status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: status & 0x7F)
    }
}

@preconcurrency import Glibc
import Linux

/// Another program, run to its end on the calling thread.
package enum ChildProgram {
    /// How it ended.
    package struct Ended: Sendable, Equatable {
        /// Its exit status; 128 and the signal's number when one killed it.
        package let status: Int32
        package let output: [UInt8]
        package let errors: [UInt8]
    }

    /// Finds the program in PATH, runs it with no input, and waits. It is asked to end (SIGTERM) when `cancellation` says so.
    /// - Parameter environment: the whole environment; nil for this process's.
    /// - Throws: ``PublisherError/programMissing(_:)``, ``PublisherError/interrupted(signal:)``,
    ///   ``PublisherError/unwritable(_:)`` when there is no room for its output.
    package static func run(
        _ program: String, _ arguments: [String], environment: [String: String]? = nil,
        cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) -> Ended {
        // Files, not pipes: they cannot fill up and block the child.
        let (output, errors) = (try scratch(), try scratch())
        let process = try start(program, arguments, environment: environment, output: output, errors: errors)
        var status: Int32 = 0
        var pause: UInt32 = 1_000
        var isCancelled = false
        while true {
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process || (ended < 0 && errno != EINTR) { break }
            if cancellation.signal != nil && !isCancelled {
                isCancelled = true
                kill(process, SIGTERM)
            }
            usleep(pause)
            pause = min(50_000, pause * 2)
        }
        try cancellation.check()
        let signal = status & 0x7F
        return Ended(
            status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, output: contents(output),
            errors: contents(errors))
    }

    /// Starts the program and returns its process id, which the caller waits for.
    /// - Throws: ``PublisherError/programMissing(_:)``, ``PublisherError/unreadable(_:)``.
    package static func start(
        _ program: String, _ arguments: [String], environment: [String: String]? = nil, output: FileHandle,
        errors: FileHandle
    ) throws(PublisherError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.descriptor, 1)
        posix_spawn_file_actions_adddup2(&actions, errors.descriptor, 2)
        // The program blocks SIGINT and SIGTERM for its own signal thread; a child must not inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        var words = ([program] + arguments).map { strdup($0) } + [nil]
        var settings = (environment ?? [:]).map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (words + settings).forEach { free($0) } }
        var process = pid_t()
        let code =
            environment == nil
            ? posix_spawnp(&process, program, &actions, &attributes, &words, environ)
            : posix_spawnp(&process, program, &actions, &attributes, &words, &settings)
        guard code == 0 else {
            if code == ENOENT { throw .programMissing(program) }
            throw .unreadable(SystemCallError(code: code, call: "posix_spawn", subject: program))
        }
        return process
    }

    /// A file without a name, for a child's output.
    /// - Throws: ``PublisherError/unwritable(_:)``.
    package static func scratch() throws(PublisherError) -> FileHandle {
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let path = AtomicFile.temporaryName(for: "\(folder)/oscircular-output")
        do {
            let file = try FileHandle(path: path, flags: O_RDWR | O_CREAT | O_EXCL | O_APPEND, mode: 0o600)
            unlink(path)
            return file
        } catch {
            throw .unwritable(error)
        }
    }

    /// What a child wrote, at most 16 MiB of it.
    package static func contents(_ file: FileHandle) -> [UInt8] {
        guard let size = try? file.status().st_size, size > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: min(Int(size), 16_777_216))
        let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }) ?? 0
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

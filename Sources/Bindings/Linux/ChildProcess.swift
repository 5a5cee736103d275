import CLinux
import Glibc

/// A program that this process started. Its starter calls ``wait()``, or ``reap()`` until that answers; else a zombie stays.
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

    /// The session that a program belongs to: whose terminal sends it signals.
    package enum Session: Sendable, Equatable {
        /// This process's.
        case inherited
        /// One of its own without a terminal: no terminal's signals reach it.
        case own
        /// One of its own with this terminal (its path), which is each standard descriptor that is not given, too.
        case onTerminal(String)
    }

    /// Search path of a program that inherits no environment.
    package static let plainEnvironment = ["PATH=/usr/bin:/bin:/usr/sbin:/sbin"]

    package let pid: pid_t
    private let process: ProcessDescriptor

    /// For poll; readable when the program has ended.
    package var descriptor: Int32 { process.descriptor }

    /// Starts a program.
    /// - Parameters:
    ///   - program: a path, or a name to look for in PATH.
    ///   - arguments: without the program's own name.
    ///   - environment: `NAME=value`, nothing else is inherited; nil passes ours on.
    ///   - standardInput: becomes 0 of the child, and so on; nil is /dev/null.
    ///   - otherDescriptors: what becomes 3, 4, … of the child, by its number there.
    ///   - workingFolder: nil for ours.
    /// - Throws: ``SystemCallError`` of `posix_spawn` (the program cannot be executed) or of the preparations.
    package init(
        _ program: String, _ arguments: [String], environment: [String]? = plainEnvironment,
        standardInput: Int32? = nil, standardOutput: Int32? = nil, standardError: Int32? = nil,
        otherDescriptors: [Int32: Int32] = [:], workingFolder: String? = nil, session: Session = .inherited
    ) throws(SystemCallError) {
        var descriptors: [Int32: Int32?] = otherDescriptors.mapValues { $0 }
        for (number, descriptor) in [standardInput, standardOutput, standardError].enumerated() {
            descriptors[Int32(number)] = .some(descriptor)
        }
        let spawning = try Spawning(descriptors, session: session, workingFolder: workingFolder)
        let child = try spawning.start(program, arguments, environment: environment)
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

    /// As ``signal(_:)``.
    package func send(_ signal: Signal) { self.signal(signal.rawValue) }

    /// How the program ended, or nil while it runs. Does not wait.
    package func reap() -> Ending? {
        ending(WNOHANG)
    }

    /// Holds the calling thread until the program has ended.
    @discardableResult
    package func wait() -> Ending {
        ending(0) ?? .exited(-1)
    }

    private func ending(_ options: Int32) -> Ending? {
        var status: Int32 = 0
        var result: pid_t
        repeat { result = waitpid(pid, &status, options) } while result == -1 && errno == EINTR
        if result == 0 { return nil }
        // A process that ignores SIGCHLD loses the status; the program is gone all the same.
        if result == -1 { return .exited(-1) }
        return status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: status & 0x7F)
    }
}

extension ChildProcess {
    /// What a program that has ended left.
    package struct Finished: Sendable {
        package let ending: Ending
        /// The last bytes of its standard output.
        package let output: [UInt8]
        /// The last bytes of its standard error.
        package let errors: [UInt8]
        /// Whether it was killed because its time was over.
        package let ranOutOfTime: Bool

        /// What it wrote as text, without spaces and newlines around it: errors, else results.
        package var text: String {
            let bytes = errors.isEmpty ? output : errors
            let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") }
            let end = bytes.lastIndex { !isSpace($0) }.map { $0 + 1 } ?? 0
            return String(decoding: bytes[..<end].drop(while: isSpace), as: UTF8.self)
        }
    }

    /// Runs a program to its end, and collects what it writes. Holds the calling thread.
    ///
    /// What it started and left behind is not waited for, even where that still holds its output.
    /// - Parameters:
    ///   - environment: as of ``init(_:_:environment:standardInput:standardOutput:standardError:otherDescriptors:workingFolder:session:)``.
    ///   - standardInput: becomes its standard input; nil is /dev/null.
    ///   - otherDescriptors: what becomes 3, 4, … of the child, by its number there.
    ///   - limit: bytes that are kept of each of the two.
    ///   - time: after it the program is killed, with all that it started and that has not left its group; then it leads a session
    ///     of its own. Nil for no end.
    /// - Throws: ``SystemCallError`` when it could not be started.
    package static func run(
        _ program: String, _ arguments: [String], environment: [String]? = plainEnvironment,
        standardInput: Int32? = nil, otherDescriptors: [Int32: Int32] = [:], keeping limit: Int = 65_536,
        within time: Duration? = nil
    ) throws(SystemCallError) -> Finished {
        let (output, errors) = (try Pipe(), try Pipe())
        let streams = [output.reading, errors.reading]
        for stream in streams { try stream.makeNonblocking() }
        let child = try ChildProcess(
            program, arguments, environment: environment, standardInput: standardInput,
            standardOutput: output.writing.descriptor, standardError: errors.writing.descriptor,
            otherDescriptors: otherDescriptors, session: time == nil ? .inherited : .own)
        do throws(SystemCallError) {
            return try collect(streams, child, keeping: limit, within: time)
        } catch {
            child.send(.kill)
            child.wait()
            throw error
        }
    }

    /// Reads both until the child has ended and nothing is left in them.
    private static func collect(
        _ streams: [FileHandle], _ child: ChildProcess, keeping limit: Int, within time: Duration?
    ) throws(SystemCallError) -> Finished {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        var collected: [[UInt8]] = [[], []]
        var isOpen = [true, true]
        /// - Returns: false when there is nothing now.
        func take(_ index: Int) throws(SystemCallError) -> Bool {
            guard case .bytes(let count) = try streams[index].receive(into: buffer) else { return false }
            collected[index].append(contentsOf: buffer[..<count])
            if collected[index].count > 2 * limit { collected[index].removeFirst(collected[index].count - limit) }
            return true
        }
        var end = time.map { MonotonicClock.nanoseconds + UInt64($0 / .nanoseconds(1)) }
        var (hasEnded, ranOutOfTime) = (false, false)
        while !hasEnded {
            var sources = [PollSource(child.descriptor)]
            // A stream that the child has closed would end every wait at once.
            sources += streams.indices.map { PollSource(isOpen[$0] ? streams[$0].descriptor : nil) }
            let now = MonotonicClock.nanoseconds
            let rest = end.map { Int32(clamping: $0 > now ? ($0 - now) / 1_000_000 + 1 : 0) } ?? -1
            if try !PollSource.wait(for: &sources, milliseconds: rest) {
                // Its number, and the group's, are its own until it is collected below.
                Glibc.kill(-child.pid, SIGKILL)
                (end, ranOutOfTime) = (nil, true)
            }
            hasEnded = sources[0].hasNews
            for index in streams.indices where sources[index + 1].isReadable { isOpen[index] = try take(index) }
        }
        // What it wrote fits in its pipes (1 MiB at most); more comes from what it left behind, which may write for ever.
        for index in streams.indices {
            for _ in 0..<64 { guard try take(index) else { break } }
        }
        let ending = child.wait()
        return Finished(
            ending: ending, output: Array(collected[0].suffix(limit)), errors: Array(collected[1].suffix(limit)),
            ranOutOfTime: ranOutOfTime)
    }
}

/// The preparations of one start, and the copies of descriptors that live until then.
private final class Spawning {
    private let actions = UnsafeMutablePointer<posix_spawn_file_actions_t>.allocate(capacity: 1)
    private let attributes = UnsafeMutablePointer<posix_spawnattr_t>.allocate(capacity: 1)
    private var sources: [FileHandle] = []

    init(
        _ descriptors: [Int32: Int32?], session: ChildProcess.Session, workingFolder: String?
    ) throws(SystemCallError) {
        posix_spawn_file_actions_init(actions)
        posix_spawnattr_init(attributes)
        // Copies above the targets, so that no dup2 overwrites a source that is still wanted.
        let floor = (descriptors.keys.max() ?? 2) + 1
        var targets: [(target: Int32, source: Int32?)] = []
        let null = try FileHandle("/dev/null", for: .both)
        for (target, descriptor) in descriptors.sorted(by: { $0.key < $1.key }) {
            if case .onTerminal = session, descriptor == nil {
                targets.append((target, nil))
                continue
            }
            let source = FileHandle(
                owning: try systemCall("fcntl") { fcntl(descriptor ?? null.descriptor, osc_F_DUPFD_CLOEXEC, floor) })
            sources.append(source)
            targets.append((target, source.descriptor))
        }
        // The first terminal that the leader of a session without one opens becomes the session's.
        let terminal = (sources.map(\.descriptor).max() ?? floor) + 1
        if case .onTerminal(let path) = session {
            posix_spawn_file_actions_addopen(actions, terminal, path, O_RDWR, 0)
        }
        for (target, source) in targets { posix_spawn_file_actions_adddup2(actions, source ?? terminal, target) }
        let given = Set(targets.map(\.target))
        for number in 0..<floor where !given.contains(number) { posix_spawn_file_actions_addclose(actions, number) }
        // Libraries of this process may have opened descriptors without close-on-exec.
        _ = osc_spawn_add_close_from(actions, floor)
        if let workingFolder { _ = osc_spawn_add_chdir(actions, workingFolder) }

        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(attributes, &signals)
        let flags = session == .inherited ? 0 : Int32(osc_POSIX_SPAWN_SETSID)
        posix_spawnattr_setflags(attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | flags))
    }

    deinit {
        posix_spawn_file_actions_destroy(actions)
        posix_spawnattr_destroy(attributes)
        actions.deallocate()
        attributes.deallocate()
    }

    func start(
        _ program: String, _ arguments: [String], environment: [String]?
    ) throws(SystemCallError) -> pid_t {
        var argumentPointers = ([program] + arguments).map { strdup($0) } + [nil]
        var environmentPointers = (environment ?? []).map { strdup($0) } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var child: pid_t = 0
        let result =
            environment == nil
            ? posix_spawnp(&child, program, actions, attributes, &argumentPointers, osc_environment())
            : posix_spawnp(&child, program, actions, attributes, &argumentPointers, &environmentPointers)
        guard result == 0 else { throw SystemCallError(code: result, call: "posix_spawn", subject: program) }
        return child
    }
}

/// A running process, by a descriptor that never means another one, even when its number is used again.
package final class ProcessDescriptor: Sendable {
    package let pid: pid_t
    private let handle: FileHandle

    /// For poll; readable when the process has ended.
    package var descriptor: Int32 { handle.descriptor }

    /// nil when there is no such process.
    package init?(pid: pid_t) {
        let descriptor = osc_pidfd_open(pid)
        guard descriptor >= 0 else { return nil }
        self.pid = pid
        handle = FileHandle(owning: descriptor)
    }

    /// Sends it to this process, and to no other that has its number by now.
    /// - Returns: false when it has ended, or is another user's.
    @discardableResult
    package func send(_ signal: Signal) -> Bool { osc_pidfd_send_signal(descriptor, signal.rawValue) == 0 }

    /// Holds the calling thread.
    /// - Returns: false when the process still runs after `milliseconds`.
    package func waitForEnd(milliseconds: Int32) -> Bool {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let count = poll(&item, 1, milliseconds)
            if count >= 0 { return count > 0 }
            if errno != EINTR { return false }
        }
    }
}

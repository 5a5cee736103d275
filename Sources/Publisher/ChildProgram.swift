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
        let status = wait(for: process, cancellation: cancellation)
        try cancellation.check()
        return Ended(status: status, output: contents(output), errors: contents(errors))
    }

    /// Waits for the program's end. It is asked to end (SIGTERM) when `cancellation` says so, or when `goesOn`, called again and again, returns
    /// false.
    /// - Returns: its status, as ``Ended/status``.
    static func wait(
        for process: ChildProcess, cancellation: Cancellation, while goesOn: () -> Bool = { true }
    ) -> Int32 {
        var pause: UInt32 = 1
        var isCancelled = false
        var ending = process.reap()
        while ending == nil {
            if !isCancelled && (cancellation.signal != nil || !goesOn()) {
                isCancelled = true
                process.send(.terminate)
            }
            MonotonicClock.pause(milliseconds: pause)
            pause = min(50, pause * 2)
            ending = process.reap()
        }
        return ending?.shellStatus ?? 1
    }

    /// This process's environment.
    static var environment: [String: String] {
        var variables: [String: String] = [:]
        for entry in CurrentProcess.environment {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
        }
        return variables
    }

    /// Starts the program; the caller waits for it.
    /// - Parameter input: nil for none.
    /// - Throws: ``PublisherError/programMissing(_:)``, ``PublisherError/unreadable(_:)``.
    package static func start(
        _ program: String, _ arguments: [String], environment: [String: String]? = nil, input: FileHandle? = nil,
        output: FileHandle, errors: FileHandle
    ) throws(PublisherError) -> ChildProcess {
        do throws(SystemCallError) {
            return try ChildProcess(
                program, arguments, environment: environment?.map { "\($0.key)=\($0.value)" },
                standardInput: input?.descriptor, standardOutput: output.descriptor, standardError: errors.descriptor)
        } catch {
            if error.number == .noSuchFile, error.call == "posix_spawn" { throw .programMissing(program) }
            throw .unreadable(error)
        }
    }

    /// A file without a name, for a child's output.
    /// - Throws: ``PublisherError/unwritable(_:)``.
    package static func scratch() throws(PublisherError) -> FileHandle {
        let folder = Environment.temporaryFolder
        let path = AtomicFile.temporaryName(for: "\(folder)/oscircular-output")
        do {
            let file = try FileHandle(path, for: .both, [.createNew, .append], mode: 0o600)
            Paths.removeIfPossible(path)
            return file
        } catch {
            throw .unwritable(error)
        }
    }

    /// What a child wrote, at most 16 MiB of it.
    package static func contents(_ file: FileHandle) -> [UInt8] {
        // What cannot be read counts as not written: each caller fails, or says less, where it finds nothing.
        guard let size = try? file.status().size, size > 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: min(size, 16_777_216))
        // As above.
        let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }) ?? 0
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

import Linux

/// Starts a session's process and follows its start.
package struct SessionLauncher: Sendable {
    private let places: Places
    /// Our own program's path.
    private let program: String

    package init(places: Places, program: String) {
        self.places = places
        self.program = program
    }

    /// Starts `oscircular run-session` in a session of its own (setsid), and waits until its guest runs or its start failed.
    ///
    /// How far the start is, the session says on its control socket. The lock of the session's folder is taken here and
    /// inherited by the process, so the folder is never without one.
    /// - Returns: the session's report. A process that dies without one gives a failure.
    /// - Throws: ``BootError``; ``SystemCallError`` where there is no thread.
    package func start(_ request: BootRequest) async throws -> StartReport {
        try await withCheckedThrowingContinuation { continuation in
            do throws(SystemCallError) {
                try WorkerThread.start(name: "session start") {
                    do throws(BootError) {
                        let (process, pipe) = try launch(request)
                        continuation.resume(returning: report(of: request.id, from: pipe))
                        // Reaped here, or it would stay a zombie for as long as we run.
                        process.wait()
                    } catch {
                        continuation.resume(throwing: error)
                    }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Starts the process of a session that nobody waits for. It stays when this program ends.
    /// - Throws: ``BootError``.
    package func begin(_ request: BootRequest) throws(BootError) { _ = try launch(request) }

    /// Starts the process.
    /// - Returns: it, and where it reports. The pipe's other end is the process's alone, so its death shows as the end.
    private func launch(_ asked: BootRequest) throws(BootError) -> (ChildProcess, FileHandle) {
        var request = asked
        request.asked = MonotonicClock.nanoseconds
        try places.prepareRuntime()
        let directory = SessionDirectory(id: request.id, places: places)
        // Checked here, so that the message names the folder and not a socket.
        guard directory.longestSocketPath.utf8.count <= UnixListener.longestPath else {
            throw .longRuntimeFolder(places.runtime)
        }
        let lock = try directory.create()
        do {
            let log = try FileHandle(
                directory.processLog, for: .writing, [.create, .append, .refuseLink], mode: 0o600)
            let input = try Pipe()
            let report = try Pipe()
            let process = try ChildProcess(
                program, ["run-session"], environment: nil, standardInput: input.reading.descriptor,
                standardOutput: log.descriptor, standardError: log.descriptor,
                otherDescriptors: [
                    SessionLauncher.reportDescriptor: report.writing.descriptor,
                    SessionLauncher.lockDescriptor: lock.descriptor,
                ], session: .own)
            // A process that died shows on the report pipe.
            try? LineSocket.send(request, to: input.writing)
            return (process, report.reading)
        } catch {
            // The next start removes it as well, and the first error is the one to report.
            try? Folder.removeTree(directory.path)
            throw .file(error)
        }
    }

    /// What the session's process reports. Waits for its start.
    private func report(of id: String, from pipe: FileHandle) -> StartReport {
        // A report that cannot be read counts as none: the process ended without one.
        if let report = try? LineSocket.receive(StartReport.self, from: pipe) { return report }
        let log = SessionDirectory(id: id, places: places).processLog
        let message = "the session's process ended without reporting why; its log is \(log)"
        return StartReport(failure: SessionFailure(exitCode: 1, message: message))
    }

    /// The descriptors that are open in the session's process.
    package static let reportDescriptor: Int32 = 3
    package static let lockDescriptor: Int32 = 4
}

import Glibc
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

    /// Starts `oscircular run-session` in a session of its own (setsid), and passes on its reports until the guest runs.
    ///
    /// The lock of the session's folder is taken here and inherited by the process, so the folder is never without one.
    /// - Returns: its reports in order; the last one has `isUp` or a failure. A process that dies without a report gives a
    ///   failure.
    /// - Throws: ``BootError``.
    package func start(_ request: BootRequest) throws(BootError) -> AsyncStream<StartReport> {
        try places.prepareRuntime()
        let directory = SessionDirectory(id: request.id, places: places)
        // Checked here, so that the message names the folder and not a socket.
        guard directory.longestSocketPath.utf8.count <= UnixListener.longestPath else {
            throw .longRuntimeFolder(places.runtime)
        }
        let lock = try directory.create()
        do {
            let log = try FileHandle(
                path: directory.processLog, flags: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
            let input = try Pipe()
            let report = try Pipe()
            // In the order of ``reportDescriptor`` and ``lockDescriptor``.
            let process = try ChildProcess(
                program: program, arguments: ["run-session"], environment: nil,
                descriptors: [
                    input.reading.descriptor, log.descriptor, log.descriptor, report.writing.descriptor,
                    lock.descriptor,
                ], newSession: true)
            // A process that died shows on the report pipe.
            try? LineSocket.send(request, to: input.writing)
            let logPath = directory.processLog
            let reportEnd = report.reading
            let reports = AsyncStream<StartReport> { continuation in
                do throws(SystemCallError) {
                    try WorkerThread.start(name: "start reports") {
                        SessionLauncher.pass(reportEnd, to: continuation, logPath: logPath)
                        // Reaped here, or it would stay a zombie for as long as we run.
                        process.wait()
                    }
                } catch {
                    continuation.yield(StartReport(failure: SessionFailure(exitCode: 1, message: "\(error)")))
                    continuation.finish()
                }
            }
            return reports
        } catch {
            // The next start removes it as well, and the first error is the one to report.
            try? Folder.removeTree(directory.path)
            throw .file(error)
        }
    }

    /// Passes reports on until the last. Waits for the start.
    private static func pass(
        _ reports: FileHandle, to continuation: AsyncStream<StartReport>.Continuation, logPath: String
    ) {
        var ended = false
        let lines = LineReader(reports)
        // A report that cannot be read counts as none: the process's end is reported below.
        while !ended, let line = try? lines.next(StartReport.self) {
            ended = line.isUp || line.failure != nil
            continuation.yield(line)
        }
        if !ended {
            let message = "the session's process ended without reporting why; its log is \(logPath)"
            continuation.yield(StartReport(failure: SessionFailure(exitCode: 1, message: message)))
        }
        continuation.finish()
    }

    /// The descriptors that are open in the session's process.
    package static let reportDescriptor: Int32 = 3
    package static let lockDescriptor: Int32 = 4
}

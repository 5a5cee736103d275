import Boot
import Linux

/// The viewer of a session that was stopped since its guest did not come up: goes on to the one that boots in its place.
struct SuccessorViewer {
    private let ended: SessionDirectory
    private let rollback: Rollback
    private let registry: SessionRegistry
    private let display: BootRequest.Display

    /// Seconds until the successor's process is there, after everything of the session before it has gone.
    private static let patience = 30

    init(
        ended: SessionDirectory, _ rollback: Rollback, registry: SessionRegistry, display: BootRequest.Display
    ) {
        (self.ended, self.rollback, self.registry, self.display) = (ended, rollback, registry, display)
    }

    /// - Throws: ``SessionFailure`` where the successor did not start; what its viewer throws.
    func run() async throws {
        Terminal.note(Terminal.clean(rollback.text))
        let id = rollback.successor
        let registry = registry
        Interruption.handle { signal in
            if signal == .hangUp { CurrentProcess.endNow(signal.exitCode) }
            // One that does not answer yet hears it when it does.
            Task { try? await registry.send(.stop, to: id, patience: .seconds(5)) }
        }
        guard let directory = try await successor() else {
            throw SessionFailure(
                exitCode: 69,
                message: ended.failure
                    ?? "\(rollback.distribution)@\(rollback.instead) was not started: 'oscircular boot' does so")
        }
        var progress = StartProgress()
        while directory.isAlive {
            // One that does not answer now may answer the next time.
            if let status = try? await registry.send(.status, to: id).status {
                progress.show(status)
                if status.phase == .up { break }
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        progress.end()
        guard directory.isAlive else {
            throw SessionFailure(exitCode: 1, message: directory.failure ?? "session \(id) ended at its start")
        }
        try await SessionViewer(directory: directory, registry: registry, display: display).run()
    }

    /// - Returns: nil where it does not come.
    private func successor() async throws -> SessionDirectory? {
        for _ in 0..<(SuccessorViewer.patience * 5) {
            // Until it is there it is no session.
            if let directory = try? registry.directory(of: rollback.successor) { return directory }
            try await Task.sleep(for: .milliseconds(200))
        }
        return nil
    }
}

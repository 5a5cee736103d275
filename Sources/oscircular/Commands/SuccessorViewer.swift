import Boot
import Linux
import Synchronization

/// The viewer of a session that was stopped since its guest did not come up: goes on to the one that boots in its place.
struct SuccessorViewer {
    private let ended: SessionDirectory
    private let rollback: Rollback
    private let registry: SessionRegistry
    private let display: BootRequest.Display

    /// Seconds until the successor's process is there, after everything of the session before it has gone.
    private static let patience = 30
    private static let patienceWhenUnwanted = 5

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
        let isInterrupted = Atomic(false)
        Interruption.handle { signal in
            if signal == .hangUp { CurrentProcess.endNow(signal.exitCode) }
            isInterrupted.store(true, ordering: .relaxed)
            // One that does not answer yet hears it when it does.
            Task { try? await registry.send(.stop, to: id, patience: .seconds(5)) }
        }
        let directory = try await successor { isInterrupted.load(ordering: .relaxed) }
        guard let directory else {
            if isInterrupted.load(ordering: .relaxed) {
                throw SessionFailure(
                    exitCode: 130, message: "interrupted before \(rollback.distribution)@\(rollback.instead) ran")
            }
            throw SessionFailure(
                exitCode: 69,
                message: ended.failure
                    ?? "\(rollback.distribution)@\(rollback.instead) was not started: 'oscircular boot' does so")
        }
        if isInterrupted.load(ordering: .relaxed) {
            // It was not there when it was told. One that does not answer now is told by the next signal.
            _ = try? await registry.send(.stop, to: id, patience: .seconds(5))
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

    /// - Parameter isInterrupted: whether the user wants it no more.
    /// - Returns: nil where it does not come.
    private func successor(unless isInterrupted: @Sendable () -> Bool) async throws -> SessionDirectory? {
        var rest = SuccessorViewer.patience * 5
        while rest > 0 {
            rest -= 1
            // One that is about to start all the same is to hear of it, and is waited for that long.
            if isInterrupted() { rest = min(rest, SuccessorViewer.patienceWhenUnwanted * 5) }
            // Until it is there it is no session.
            if let directory = try? registry.directory(of: rollback.successor) { return directory }
            try await Task.sleep(for: .milliseconds(200))
        }
        return nil
    }
}

import Boot
import Catalog
import Formats
import GuestDomain
import Linux

/// The making of a warm state for `fetch --warm`: a session that boots a template, while this program shows how far it is.
struct WarmStates {
    let context: CommandContext

    /// Makes the state that a guest of the version would start from which is started with the user's settings.
    /// - Parameter isForOthers: makes it for guests of others, see ``Boot/BootRequest/Purpose/published``.
    /// - Throws: what the session failed with.
    func make(_ version: ChosenVersion, isForOthers: Bool = false) async throws {
        let key = VersionKey(version)
        let registry = context.registry
        try await WorkerThread.run(name: "stale") { registry.clearStale() }
        let request = request(key, isForOthers ? .published : .template)
        Interruption.handle { signal in
            // One that has no socket yet hears it when it has; one that never does is stuck, and the next signal is another try.
            if signal != .hangUp { Task { try? await registry.send(.stop, to: request.id, patience: .seconds(5)) } }
        }
        let launcher = SessionLauncher(places: context.places, program: CommandContext.program)
        let following = Task { await WarmProgress(title: "warm \(key)").follow(request.id, registry) }
        let report: StartReport
        do { report = try await launcher.start(request) } catch {
            following.cancel()
            throw error
        }
        following.cancel()
        await following.value
        Interruption.handle(nil)
        if let failure = report.failure {
            let log = SessionDirectory(id: request.id, places: context.places).log
            if !isForOthers { Terminal.note("what the guest said is in \(log)") }
            throw failure
        }
        Terminal.print(report.notes?.first ?? "\(key): its guests start warm now")
    }

    private func request(_ key: VersionKey, _ purpose: BootRequest.Purpose) -> BootRequest {
        let own = context.configuration.systems["\(key.catalog)/\(key.distribution)"] ?? SystemSettings()
        let settings = context.configuration.applying(own)
        let usual: BootRequest.Display = GuestWindow.hasDisplay() ? .window : .console
        let guest = BootRequest(
            id: SessionID.random(), name: key.description, memoryMiB: settings.memoryMiB, cpus: settings.cpus,
            display: settings.display.flatMap(BootRequest.Display.init(rawValue:)) ?? usual, network: "none",
            accel: settings.accelerator, connect: settings.connect)
        return guest.template(of: key, purpose)
    }
}

/// How far a template is, a line for each step.
private struct WarmProgress {
    let title: String

    /// Shows what the session says of itself until the task is cancelled.
    func follow(_ id: String, _ registry: SessionRegistry) async {
        var begun: UInt64?
        while !Task.isCancelled {
            // A session that has no socket yet, or none any more, has nothing to show.
            if let status = try? await registry.send(.status, to: id).status {
                let now = MonotonicClock.nanoseconds
                if let saving = status.suspension {
                    Terminal.progress("\(title): saved \(ByteCount.text(saving.bytes))")
                } else if status.phase == .guest {
                    begun = begun ?? now
                    Terminal.progress("\(title): boots for \((now - (begun ?? now)) / 1_000_000_000) s")
                } else {
                    Terminal.progress("\(title): \(status.phase.rawValue)")
                }
            }
            // A wait that is cancelled ends the loop.
            try? await Task.sleep(for: .milliseconds(250))
        }
        Terminal.endProgress()
    }
}

import Boot
import Formats
import Linux

/// `bisect --run`.
struct BisectByTest {
    let work: BisectWork
    let test: GuestTest
    let request: BootRequest
    let limits: GuestTrials.Limits
    let noBoot: BisectRun.NoBoot

    /// - Returns: how it ended.
    /// - Throws: ``BisectError``, what a session's start failed with; `CancellationError`. All that was found out is stored.
    func run(_ hold: BisectHold, _ record: BisectRecord) async throws -> BisectSummary {
        let context = work.context
        let stop = try EventDescriptor()
        BisectByTest.obey(stop)
        defer { Interruption.handle(nil) }
        let (registry, contents) = (context.registry, test.contents)
        try await WorkerThread.run(name: "test") {
            registry.clearStale()
            registry.trimLogs()
            // What is run is the same in all versions, whatever becomes of the user's file meanwhile.
            try AtomicFile.write(contents, to: hold.test, mode: 0o600)
        }
        let launcher = SessionLauncher(places: context.places, program: CommandContext.program)
        let start = SessionStart(context: context, detach: true, json: true)
        let trials = GuestTrials(
            hold: hold, test: test, request: request, places: context.places, systems: work.systems,
            cache: context.cache(), limits: limits, stop: stop,
            launch: { request in
                var request = request
                var report = try await launcher.start(request)
                while try await start.answers(report, &request) {
                    BisectByTest.obey(stop)
                    let old = request.id
                    request.id = SessionID.random()
                    try hold.rename(old, to: request.id)
                    report = try await launcher.start(request)
                }
                return report
            },
            show: { Terminal.note("    | \(Terminal.clean($0))") },
            rises: { Terminal.note("\($0.version): up; running the test") })
        let run = BisectRun(hold: hold, trials: trials, noBoot: noBoot, report: BisectText.tell)
        do {
            return try await work.summary(of: try await run.run(record))
        } catch {
            Terminal.note("what has been found out is kept: the same command goes on from there")
            throw error
        }
    }

    /// The first signal lets the guest be ended; a second one ends the program, and the guest is ended by the next bisect.
    private static func obey(_ stop: EventDescriptor) {
        Interruption.handle { signal in
            if stop.wait(milliseconds: 0) { CurrentProcess.endNow(signal.exitCode) }
            Terminal.note("ending the guest; press again to leave it behind")
            stop.signal()
        }
    }
}

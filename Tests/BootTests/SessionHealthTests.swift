import Catalog
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

/// What a session keeps, and does, about its guest's health: without a guest.
@Suite(.timeLimit(.minutes(1))) struct SessionHealthTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let library: HealthLibrary
    private let directory: SessionDirectory
    private let state: SessionState
    private let signals = AsyncStream<SessionSignal>.makeStream()
    private static let key = VersionKey(catalog: "demo", distribution: "debian", version: "2026-11-23")

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        library = HealthLibrary(places: places)
        directory = SessionDirectory(id: "abcd1234", places: places)
        state = SessionState(
            SessionStatus(
                id: "abcd1234", catalog: "demo", distribution: "debian", version: "2026-11-23", state: .running,
                phase: .up, pid: 1, started: "", consoleLog: directory.log))
        try Folder.make(places.logs)
        try AtomicFile.write("Kernel panic\n", to: directory.log)
        try library.change("demo", "debian") {
            $0.noteHealthy("2026-11-16", at: .now, seconds: 4, accel: "tcg")
        }
    }

    private func health(
        offered: Set<String> = ["2026-11-16", "2026-11-23"], asked: Int? = nil,
        blame: (@Sendable () -> Void)? = nil
    ) -> SessionHealth {
        let plan = HealthPlan(
            Self.key, library.record("demo", "debian"), offered: offered, accel: "tcg", asked: asked, hasHome: true,
            isMachine: false)
        return SessionHealth(
            plan, accel: "tcg", library: library, directory: directory, state: state, signals: signals.continuation,
            home: ("work", "2026-11-23-auto"), waited: { 0 }, blame: blame, log: { _ in })
    }

    /// The failure that the session is to end with; nil where it is not to end.
    private func told() async -> String? {
        signals.continuation.finish()
        for await signal in signals.stream {
            if case .unhealthy(let failure) = signal { return failure.message }
        }
        return nil
    }

    @Test func aGuestAtItsLoginIsRememberedWithItsTime() async throws {
        let health = health()
        #expect(health.take(.look))
        #expect(!health.take(.login(isSerial: true)))
        await health.finish()
        let record = library.record("demo", "debian")
        #expect(record.isHealthy("2026-11-23") && record.starts.count == 2)
        #expect(await told() == nil && health.rollback == nil && directory.rollback == nil)
    }

    @Test func oneThatStartsAnewTwiceIsMarkedBeforeItIsStopped() async throws {
        let health = health()
        health.seen(.guest(.restarted))
        #expect(health.rollback == nil)
        health.seen(.guest(.restarted))
        await health.finish()
        let fault = try #require(library.record("demo", "debian").fault(of: "2026-11-23"))
        #expect(fault.why == .restarts)
        let rollback = try #require(health.rollback)
        #expect(directory.rollback == rollback && rollback.instead == "2026-11-16" && rollback.home == "work")
        #expect(try FileContents.readText(rollback.log, limit: 100) == "Kernel panic\n")
        let text = try #require(await told())
        for part in [
            "debian@2026-11-23", "debian@2026-11-16", rollback.successor, "'work'", "2026-11-23-auto", rollback.log,
        ] {
            #expect(text.contains(part), "\(text)")
        }
        // Other sessions' logs go, and this one stays.
        SessionRegistry(places: places).trimLogs(keeping: 0)
        #expect(Paths.allows(.reading, rollback.log) && !Paths.allows(.reading, directory.log))
    }

    /// A session whose guest did not come up.
    private func unhealthySession(_ blame: (@Sendable () -> Void)? = nil) async throws -> (SessionRun, Rollback) {
        var request = BootRequest(
            id: "abcd1234", name: "demo/debian@2026-11-23", memoryMiB: nil, cpus: nil, display: .none, network: "user",
            accel: "tcg", connect: nil, home: "work")
        request.resumes = .cold
        let session = SessionRun(
            request: request, places: places, configuration: Configuration(), report: { _ in }, describe: { "\($0)" })
        let health = health(blame: blame)
        health.take(.crashed)
        session.health.withLock { $0 = health }
        await health.finish()
        return (session, try #require(health.rollback))
    }

    @Test func theOneThatFollowsIsABoot() async throws {
        let (session, rollback) = try await unhealthySession()
        _ = await session.settleRollback(.failure(SessionFailure(exitCode: 69, message: rollback.text)))
        let next = try #require(session.successor)
        #expect(next.id == rollback.successor && next.name == "demo/debian@2026-11-16" && next.resumes == nil)
        #expect(next.home == "work" && next.rolledBackFrom == rollback && directory.rollback == rollback)
    }

    @Test func oneThatStartedWarmIsFollowedByItsOwnVersionWhichIsNotBlamed() async throws {
        let blamed = Mutex(0)
        let (session, rollback) = try await unhealthySession { blamed.withLock { $0 += 1 } }
        #expect(blamed.withLock { $0 } == 1 && rollback.startedWarm == true && rollback.instead == "2026-11-23")
        #expect(library.record("demo", "debian").fault(of: "2026-11-23") == nil)
        #expect(rollback.text.contains("warm state") && directory.rollback == rollback)
        _ = await session.settleRollback(.failure(SessionFailure(exitCode: 69, message: rollback.text)))
        let next = try #require(session.successor)
        #expect(next.name == "demo/debian@2026-11-23" && next.bootsCold == true && next.id == rollback.successor)
    }

    @Test func aWarmGuestsVersionNeedsNoOtherToFallBackTo() async throws {
        let blamed = Mutex(0)
        let health = health(offered: ["2026-11-23"]) { blamed.withLock { $0 += 1 } }
        health.seen(.guest(.crashed))
        await health.finish()
        #expect(blamed.withLock { $0 } > 0 && health.rollback?.instead == "2026-11-23")
    }

    @Test func theOutcomeOfAWarmStartIsWrittenDownOnce() async throws {
        let (session, _) = try await unhealthySession()
        let outcomes = Mutex<[WarmLibrary.Outcome]>([])
        session.warmOutcome.withLock { $0 = { outcome in outcomes.withLock { $0.append(outcome) } } }
        session.settleWarm(.woke)
        session.settleWarm(.failed)
        #expect(await eventually { outcomes.withLock { $0 } == [.woke] })
    }

    @Test func whoseEndSomebodyWantsIsFollowedByNoneAndNobodyIsToldOfOne() async throws {
        let (session, rollback) = try await unhealthySession()
        session.stop(force: false)
        let result = await session.settleRollback(.failure(SessionFailure(exitCode: 69, message: rollback.text)))
        #expect(session.successor == nil && directory.rollback == nil)
        let failure = #expect(throws: SessionFailure.self) { try result.get() }
        #expect(failure?.message.contains("debian@2026-11-23 crashed before its login and is stopped") == true)
        #expect(failure?.message.contains("boots in") == false)
    }

    @Test func oneThatEndedOtherwiseIsFollowedByNone() async throws {
        // It was suspended, or has shut down by itself.
        let (suspended, _) = try await unhealthySession()
        _ = await suspended.settleRollback(.success(()))
        #expect(suspended.successor == nil && directory.rollback == nil)
        let (untrue, _) = try await unhealthySession()
        let result = await untrue.settleRollback(.failure(SessionFailure(exitCode: 76, message: "it is not true")))
        #expect(untrue.successor == nil && directory.rollback == nil)
        #expect(throws: SessionFailure(exitCode: 76, message: "it is not true")) { try result.get() }
    }

    @Test func aTrialGetsNothingOfItsUsersAndNothingOfItIsKept() {
        var request = BootRequest(
            id: "abcd1234", name: "demo/debian@2026-11-23", memoryMiB: 512, cpus: 2, display: .none, network: "user",
            accel: "tcg", connect: nil, home: "work")
        (request.publish, request.sharesClipboard, request.healthy) = (["8080:80"], true, 60)
        request.share = SharedFolder(path: "/srv", isReadOnly: true)
        request.becomeTrial()
        #expect(request.isTrial == true && request.healthy == 0 && request.home == nil && request.publish == nil)
        #expect(request.sharesClipboard == nil && request.share == nil && request.memoryMiB == 512)
        #expect(request.bootsCold == true)
    }

    @Test func aTrialIsNotWatchedSoThatNothingIsNotedOfIt() throws {
        let fixture = try MachineFixture()
        let version = SessionImage(
            image: VersionImage(
                chosen: try MachineFixture.chosen(size: fixture.image.index.imageSize),
                indexPath: fixture.image.indexPath, file: nil),
            index: fixture.image.index, bootSet: [], ledger: nil)
        let configuration = Configuration()
        let transfers = configuration.transfers(catalogs: fixture.places.catalogs)
        defer { transfers.close() }
        let systems = SystemsLibrary(places: fixture.places, configuration: configuration, transfers: transfers)
        var request = BootRequest(
            id: "abcd1234", name: "test/debian", memoryMiB: nil, cpus: nil, display: .none, network: "user",
            accel: "tcg", connect: nil)
        func isWatched() -> Bool {
            let session = SessionRun(
                request: request, places: fixture.places, configuration: configuration, report: { _ in },
                describe: { "\($0)" })
            return session.watchHealth(version, systems, accel: "tcg", home: nil, waited: { 0 }) != nil
        }
        #expect(isWatched())
        request.becomeTrial()
        #expect(!isWatched())
    }

    @Test func withNothingToGoBackToTheGuestIsLeftRunning() async throws {
        let health = health(offered: ["2026-11-23"])
        health.seen(.guest(.restarted))
        health.seen(.guest(.restarted))
        await health.finish()
        #expect(state.snapshot.lastError?.contains("left running") == true)
        #expect(health.rollback == nil && library.record("demo", "debian").fault(of: "2026-11-23") != nil)
        // It comes up after all.
        health.take(.login(isSerial: true))
        await health.finish()
        #expect(state.snapshot.lastError == nil && library.record("demo", "debian").fault(of: "2026-11-23") == nil)
        #expect(await told() == nil)
    }

    @Test func whoseEndWasAskedForOrWhoseLibvirtIsGoneIsNotJudged() async throws {
        for signal in [SessionSignal.stop(force: false), .mountEnded, .guest(.stopped(hasFailed: true)), .seen(.off)] {
            let health = health()
            health.seen(signal)
            health.seen(.guest(.restarted))
            health.seen(.guest(.restarted))
            await health.finish()
            #expect(health.rollback == nil, "\(signal)")
        }
        #expect(library.record("demo", "debian").unhealthy.isEmpty)
        #expect(await told() == nil)
    }

    @Test func whatTheLoopShowsHoldsTheTime() async throws {
        let health = health(asked: 1)
        var loop = SessionLoop(shutdown: .seconds(60))
        func take(_ signal: SessionSignal) {
            health.seen(signal)
            for case .show(let state, _) in loop.take(signal, blocksAreMissing: false) { health.shown(state) }
        }
        func wait() async throws {
            for _ in 0..<7 {
                try await Task.sleep(for: .milliseconds(200))
                health.take(.look)
            }
            await health.finish()
        }
        // The overlay has no room; then the user pauses it; then libvirt does not answer.
        take(.guest(.ioError(device: "d", isFull: true)))
        take(.guest(.paused(isForError: true)))
        try await wait()
        #expect(health.rollback == nil)
        take(.ended(.resume, isDone: true))
        take(.seen(.running))
        take(.pause)
        try await wait()
        #expect(health.rollback == nil)
        take(.ended(.suspend, isDone: true))
        take(.resume)
        take(.ended(.resume, isDone: true))
        take(.seen(.unknown))
        try await wait()
        #expect(health.rollback == nil)
        take(.seen(.running))
        try await wait()
        #expect(health.rollback?.reason == "did not reach its login within 1 second")
    }

    @Test func onlyTheLatestLogsOfBadVersionsAreKept() throws {
        for number in 0..<30 {
            let day = number % 28 + 1
            let key = VersionKey(
                catalog: "demo", distribution: "d\(number)", version: "2026-11-\(day < 10 ? "0" : "")\(day)")
            _ = directory.keepLog(of: key)
        }
        #expect(Folder.namesIfAny(in: places.logs).filter { $0.hasPrefix("unhealthy-") }.count == 20)
        // Another try of the same version.
        let path = directory.keepLog(of: Self.key)
        #expect(directory.keepLog(of: Self.key) == path && path != directory.log)
    }

    @Test func aRollbackThatNobodyWroteIsNone() throws {
        for text in ["", "{", "{\"successor\":\"../../etc\"}", String(repeating: " ", count: 1 << 17)] {
            try AtomicFile.write(text, to: "\(places.logs)/abcd1234.rollback")
            #expect(directory.rollback == nil)
        }
    }
}

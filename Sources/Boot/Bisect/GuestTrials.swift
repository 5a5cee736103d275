import BlockStore
import Catalog
import Linux

/// Trials in guests that are thrown away.
package struct GuestTrials: BisectTrials {
    /// How long things may take, in seconds.
    package struct Limits: Sendable {
        /// From the guest's start until somebody can log in.
        package var boot: Int
        package var test: Int

        package init(boot: Int = 300, test: Int = 600) { (self.boot, self.test) = (boot, test) }
    }

    /// Seconds for copying the test.
    private static let copying = 180

    private let hold: BisectHold
    private let test: GuestTest
    private let request: BootRequest
    private let registry: SessionRegistry
    private let places: Places
    private let systems: SystemsLibrary
    private let cache: BlockCache
    private let limits: Limits
    private let stop: EventDescriptor
    private let launch: @Sendable (BootRequest) async throws -> StartReport
    private let show: @Sendable (String) -> Void
    private let rises: @Sendable (SessionStatus) -> Void

    /// - Parameters:
    ///   - request: how guests are started; their names and sessions are put in.
    ///   - stop: made readable by who wants the trial that runs to end.
    ///   - launch: starts a session, and asks what has to be asked.
    ///   - show: gets the lines that the test writes.
    ///   - rises: called when somebody can log in.
    package init(
        hold: BisectHold, test: GuestTest, request: BootRequest, places: Places,
        systems: SystemsLibrary, cache: BlockCache, limits: Limits, stop: EventDescriptor,
        launch: @escaping @Sendable (BootRequest) async throws -> StartReport,
        show: @escaping @Sendable (String) -> Void, rises: @escaping @Sendable (SessionStatus) -> Void
    ) {
        (self.hold, self.test, self.request, self.places, self.systems) = (hold, test, request, places, systems)
        (self.cache, self.limits, self.stop, self.launch, self.show) = (cache, limits, stop, launch, show)
        self.rises = rises
        registry = SessionRegistry(places: places)
    }

    package func unavailable(_ record: BisectRecord) async throws -> [String: String] {
        let copies = await systems.copies(refresh: false)
        let reader = SystemsReader(places: places, systems: systems, cache: cache)
        let system = record.system
        return try await WorkerThread.run(name: "versions") {
            record.unavailable(in: reader.system(system, in: copies))
        }
    }

    package func end(session: String) async { await registry.end(session) }

    package func trial(_ version: String, session: String) async throws -> TrialResult {
        let begin = ContinuousClock.now
        var request = request
        request.id = session
        request.name = hold.system.key(version).description
        request.becomeTrial()
        let watch = GuestWatch()
        var id = session
        do {
            let report = try await launched(request)
            // A question may have led to another session.
            id = report.status?.id ?? session
            if let failure = report.failure { throw failure }
            if stop.wait(milliseconds: 0) { throw CancellationError() }
            let directory = SessionDirectory(id: id, places: places)
            let following = Task { await watch.follow(id, registry) }
            defer { following.cancel() }
            let command = GuestCommand(directory: directory, stop: stop, isHeld: { watch.isHeld })
            let found = try await WorkerThread.run(name: "test") { try work(command, version, watch) }
            await watch.look(id, registry)
            await end(session: id)
            let seconds = Int((ContinuousClock.now - begin) / .seconds(1))
            return TrialResult(found, bytes: watch.status?.bytesFetched ?? 0, seconds: seconds)
        } catch {
            await end(session: id)
            throw stop.wait(milliseconds: 0) ? CancellationError() : error
        }
    }

    /// Starts a session, and stops it if the start is to end.
    private func launched(_ request: BootRequest) async throws -> StartReport {
        let (id, stop, registry) = (request.id, stop, registry)
        let stopping = Task {
            while !Task.isCancelled {
                if stop.wait(milliseconds: 0) {
                    // One that has no socket yet hears it when it has; one that does not hear it is ended below.
                    _ = try? await registry.send(.stop, to: id, patience: .seconds(5))
                    return
                }
                // A wait that is cancelled ends the loop.
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
        defer { stopping.cancel() }
        return try await launch(request)
    }

    // MARK: In the guest

    /// Holds the calling thread.
    private func work(_ command: GuestCommand, _ version: String, _ watch: GuestWatch) throws -> TrialResult.End {
        if let reason = try waitUntilUp(command, watch) { return .notRun(reason) }
        if let status = watch.status { rises(status) }
        let (folder, reason) = try copy(command, watch)
        guard let folder else { return .notRun(reason) }
        return try run(command, in: folder, version, watch)
    }

    /// - Returns: why nobody can log in; nil when somebody can.
    private func waitUntilUp(_ command: GuestCommand, _ watch: GuestWatch) throws -> String? {
        var left = limits.boot * 1000
        while true {
            let begin = MonotonicClock.nanoseconds
            if try answers(command) { return nil }
            try checkGoesOn(command, watch)
            guard command.directory.isAlive else { return "its guest ended before anybody could log in" }
            // Not too often: the guest has other things to do.
            _ = stop.wait(milliseconds: 700)
            if !watch.isHeld { left -= Int((MonotonicClock.nanoseconds - begin) / 1_000_000) }
            if left <= 0 { return "nobody could log in by ssh within \(limits.boot) s" }
        }
    }

    /// Whether somebody can log in now.
    private func answers(_ command: GuestCommand) throws(SystemCallError) -> Bool {
        let token = GuestTest.token()
        var said: [UInt8] = []
        let answer = try command.run("echo \(token)", within: .seconds(60)) { bytes in
            said += bytes
            return said.count > 65_536
        }
        return answer.end == .exited(0) && String(decoding: said, as: UTF8.self).contains(token)
    }

    /// - Throws: where it is to end, and where what happened is no fault of the version.
    private func checkGoesOn(_ command: GuestCommand, _ watch: GuestWatch) throws {
        if stop.wait(milliseconds: 0) { throw CancellationError() }
        // It could neither log anybody in nor end its test: the version is not to blame.
        if command.directory.isSuspended {
            throw SessionFailure(
                exitCode: 69,
                message:
                    "the guest of this trial was suspended, so nobody knows how its version is: "
                    + "'oscircular stop --force \(command.directory.id)' gives it up, then go on with the bisection")
        }
        if let failure = command.directory.failure, !command.directory.isAlive {
            throw SessionFailure(exitCode: 69, message: failure)
        }
        guard watch.isStuck, let status = watch.status else { return }
        let reason = status.lastError.map { ": \($0)" } ?? ""
        throw SessionFailure(
            exitCode: 69,
            message: "the guest of \(status.key) has been waiting for \(GuestWatch.longestWait / 60) minutes\(reason)")
    }

    /// - Returns: the folder that the test is in now; else why it is not there.
    private func copy(_ command: GuestCommand, _ watch: GuestWatch) throws -> (folder: String?, reason: String) {
        let token = GuestTest.token()
        var said: [UInt8] = []
        let copied = try command.run(
            GuestTest.copying(token), input: try FileHandle(hold.test, for: .reading),
            within: .seconds(GuestTrials.copying)
        ) { bytes in
            if said.count < 65_536 { said += bytes }
            return false
        }
        try checkGoesOn(command, watch)
        if let folder = test.folder(in: String(decoding: said, as: UTF8.self), token) { return (folder, "") }
        let why = copied.errors.split(separator: "\n").last.map(String.init)
        switch copied.end {
        case .outOfTime: return (nil, "the test could not be copied within \(GuestTrials.copying) s")
        case .exited, .stopped: return (nil, "the test could not be copied into it\(why.map { ": \($0)" } ?? "")")
        }
    }

    private func run(
        _ command: GuestCommand, in folder: String, _ version: String, _ watch: GuestWatch
    ) throws -> TrialResult.End {
        let token = GuestTest.token()
        // A log that cannot be written is not what this is about.
        let log = try? FileHandle(hold.log(of: version), for: .writing, [.create, .truncate, .refuseLink], mode: 0o600)
        var output = TestOutput(log: log, token: token, show: show)
        let script = GuestTest.running(
            in: folder, token,
            environment: [("OSCIRCULAR_VERSION", version), ("OSCIRCULAR_SYSTEM", "\(hold.system)")])
        let ended = try command.run(script, within: .seconds(limits.test)) { output.take($0) }
        if let code = output.code { return .exited(code) }
        output.finish()
        try checkGoesOn(command, watch)
        if ended.end == .outOfTime { return .outOfTime(limits.test) }
        // ssh has ended, and the test has not said how: a guest that crashed, or a connection that did.
        for _ in 0..<6 {
            _ = stop.wait(milliseconds: 2000)
            try checkGoesOn(command, watch)
            guard command.directory.isAlive else { return .crashed("the guest ended while the test ran") }
            if try answers(command) { return .broken("the connection to the guest broke while the test ran") }
        }
        return .crashed("the guest did not answer any more while the test ran")
    }
}

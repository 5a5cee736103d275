import BlockStore
import Catalog
import Curl
import GuestDomain
import ImageIndex
import ImageMount
import Linux
import Synchronization

/// One session, from a chosen version to a running guest and to its end. Runs in a process of its own.
///
/// `start` goes through the stages: the version in its catalog, its index, the mounted image, the blocks that must be stored
/// first, and, beside all these, what the guest needs besides its disk; then the guest. Each stage gives ``Teardown`` the steps
/// that undo it, which run in reverse order however the session ends. In between, ``RunningSession`` follows the guest, by the
/// rules of ``SessionLoop``. Other programs ask how the session is, and order its end, through the ``ControlServer``, which
/// listens from the beginning; the program that started the session is told once, through a pipe, how the start ended.
package final class SessionRun: Sendable {
    let request: BootRequest
    let directory: SessionDirectory
    let places: Places
    let configuration: Configuration
    let state: SessionState
    let signals = AsyncStream<SessionSignal>.makeStream()
    private let report: @Sendable (StartReport) -> Void
    let describe: @Sendable (any Error) -> String
    /// Of the guest, from the moment on when its ports may be published.
    let ports = SessionPorts()
    private let stopAsked = Atomic(false)
    /// Sees the login on the guest's console, and hears what it says when it parks or wakes.
    let login = LoginWatch()
    let park = ParkWatch()
    /// Nil before the guest runs, and for one whose health is nobody's business.
    let health = Mutex<SessionHealth?>(nil)
    /// What the guest was ended for; nil where it was not for its health.
    let endedFor = Mutex<Rollback?>(nil)
    /// What the user should know about the guest, once it runs.
    let notes = Mutex<[String]>([])
    let screen = SessionScreen()
    /// The start, for as long as it can be cancelled.
    private let starting = Mutex<Task<RunningSession, any Error>?>(nil)
    /// What a warm state may be made from when the guest has ended; nil for nothing.
    let spare = Mutex<SpareTemplate?>(nil)
    /// Writes down how a start from a warm state ended; nil where that is written down, and for a guest that booted.
    let warmOutcome = Mutex<(@Sendable (WarmLibrary.Outcome) -> Void)?>(nil)
    /// Cancels the making of a warm state; nil where none is being made.
    let making = Mutex<(@Sendable () -> Void)?>(nil)

    /// - Parameters:
    ///   - report: tells the program that started us that the guest runs. A failure is its caller's to report.
    ///   - describe: the message for an error.
    package init(
        request: BootRequest, places: Places, configuration: Configuration,
        report: @escaping @Sendable (StartReport) -> Void, describe: @escaping @Sendable (any Error) -> String
    ) {
        self.request = request
        self.places = places
        self.configuration = configuration
        self.report = report
        self.describe = describe
        let directory = SessionDirectory(id: request.id, places: places)
        self.directory = directory
        let name = VersionName(request.name)
        var status = SessionStatus(
            id: request.id, catalog: name?.catalog ?? "", distribution: name?.distribution ?? request.name,
            version: name?.version ?? "", state: .starting, phase: .catalog, pid: CurrentProcess.id,
            started: Timestamp.now.description, accel: nil, mount: nil, consoleLog: directory.log, sshTarget: nil,
            bytesFetched: 0, bytesFromCache: 0, blocks: 0, blocksHere: 0, rate: 0, lastError: nil, domain: nil)
        (status.rolledBackFrom, status.purpose) = (request.rolledBackFrom, request.purpose)
        state = SessionState(status)
    }

    /// How the session is now.
    package var status: SessionStatus { state.snapshot }

    /// Asks the guest to shut down; before it runs, cancels the start.
    package func stop(force: Bool) {
        stopAsked.store(true, ordering: .sequentiallyConsistent)
        starting.withLock { $0?.cancel() }
        making.withLock { $0 }?()
        signals.continuation.yield(.stop(force: force))
    }

    /// Goes through all stages; returns when the guest has ended and everything has been removed.
    /// - Throws: what the stages throw; ``SessionFailure`` 130 when it was stopped before the guest ran, and 69 when the guest
    ///   ended otherwise than by its own power-off or our request.
    package func run() async throws {
        let teardown = Teardown()
        var result: Result<Void, any Error>
        do {
            let task = Task { try await start(teardown) }
            starting.withLock { $0 = task }
            // If it was asked before the task could be cancelled.
            if stopAsked.load(ordering: .sequentiallyConsistent) { task.cancel() }
            let session = try await task.value
            // A resumed guest's memory is used up by now: it is shut down instead.
            if request.resumes == nil { try checkNotStopped() }
            session.up()
            var started = StartReport(status: state.snapshot, isUp: true)
            started.notes = notes.withLock { $0.isEmpty ? nil : $0 }
            report(started)
            result = .success(try await session.follow())
        } catch {
            let isInterrupted = stopAsked.load(ordering: .sequentiallyConsistent) && state.snapshot.phase != .up
            result = .failure(isInterrupted ? SessionRun.interrupted : failure(error))
        }
        result = await settleRollback(result)
        // Before the folder is removed: a program that sees the session end finds the reason in its log.
        if case .failure(let error) = result { note("\(SessionDirectory.failureMark)\(describe(error))\n") }
        await teardown.run()
        // With it goes all that the session had: another one may follow in this process.
        starting.withLock { $0 = nil }
        if successor == nil { forgetRollback() }
        try result.get()
    }

    private func start(_ teardown: Teardown) async throws -> RunningSession {
        let sessionDirectory = directory
        let users = try await claimUsers()
        // Given up last: until then something may be left that is these users'.
        await teardown.add { withExtendedLifetime(users) {} }
        let machine: SessionMachine?
        let resumed: ResumedGuest?
        do {
            resumed = try await takeSuspended(teardown)
            machine = try await openMachine(teardown)
        } catch {
            // The next start removes what is left of it; so below.
            try? Folder.removeTree(sessionDirectory.path)
            throw error
        }
        // As said above.
        await teardown.addBlocking { try? Folder.removeTree(sessionDirectory.path) }
        // Before anything is fetched for a guest that could not be reached as its user wants.
        let bound = try await bindPorts()
        let control = try ControlServer(path: directory.control) { [self] in answer($0) }
        await teardown.addBlocking { control.close() }

        let transfers = configuration.transfers(stallSeconds: 5, catalogs: places.catalogs)
        await teardown.addBlocking { transfers.close() }

        let systems = SystemsLibrary(places: places, configuration: configuration, transfers: transfers)
        let cache = BlockCache.open(places: places, configuration: configuration) { [self] in note("warning: \($0)\n") }
        // What makers of warm states left that were killed.
        await teardown.addBlocking { WarmLibrary(cache: cache.directory).clearStale() }
        let finding = Task { try await findVersion(systems, cache, transfers, machine, resumed, teardown) }
        async let preparing = GuestSurroundings.prepare(
            request: request, architecture: { try (try await finding.value).architecture() }, directory: directory,
            places: places, users: users, teardown: teardown,
            exchange: ExchangeKeeping(
                atStart: { [self] in keepsExchange(of: try await finding.value) },
                atEnd: { [self] in request.keepsExchange == nil && state.snapshot.verified == true }),
            machine: machine, suspended: resumed,
            observer: { [login, park] in
                login.take($0)
                park.take($0)
            },
            log: { [self] in note("\($0)\n") })
        let version = try await withTaskCancellationHandler {
            try await finding.value
        } onCancel: {
            finding.cancel()
        }
        if resumed == nil {
            try await SessionGuest.check(
                request, chosen: version.chosen, userData: configuration.userData, directory: directory,
                machine: machine)
        }
        let asked = request.asBefore(machine?.record)
        let home = try await takeHome(asked, version, teardown)
        let found = try await takeShare(asked, version, teardown)
        let resources = try GuestResources(asked, advice: version.chosen.guest, on: .here)
        if let lowered = resources.lowered {
            note("\(lowered)\n")
            update { $0.lowered = lowered }
        }
        let verification = SessionVerification(
            version, library: systems.vendors, places: places, cache: cache, directory: directory, state: state,
            signals: signals.continuation, machine: machine, log: { [self] in note("\($0)\n") })
        try checkMayPublish(version)
        // After everything that uses the file has ended.
        await teardown.addBlocking { verification?.discard() }
        if machine != nil, let ledger = version.ledger { await keepDurable(ledger, teardown) }
        let disk = SessionDisk(
            version: version, cache: cache, transfers: transfers, id: request.id, state: state, describe: describe,
            log: { [self] in note($0) }, verification: verification,
            packDiffers: { [self] in condemnPack(of: version, $0) })
        let mounted = try await disk.mount(
            at: directory.mount, reader: try await reader(users), readBound: configuration.readBound,
            quiet: .seconds(configuration.quietSeconds), signals: signals.continuation, teardown)
        if let file = version.image.streamed, let library = systems.vendors {
            await teardown.addBlocking { file.remember(mounted.stores, in: library) }
        }
        await teardown.addBlocking { verification?.settle(mounted.stores) }
        update {
            $0.phase = .mount
            $0.mount = mounted.image.path
            $0.blocks = version.index.count
        }
        try checkDiskSize(mounted.image.size, version.chosen)
        let ahead = SessionPrefetch(
            version: version, mounted: mounted, cache: disk.cache, library: BootSetLibrary(places: places),
            state: state, isKept: machine != nil)
        let published = publishedStart(
            version,
            PublishedStates(systems.catalogs, cache, transfers, DiskReserve(setting: configuration.reserve)),
            resumes: resumed != nil)
        let fetching = Task {
            await published?.untilDecided()
            await ahead.fetchBootSet(parallel: configuration.parallelRequests)
        }
        await teardown.add { fetching.cancel() }
        update { $0.phase = .bootSet }
        do {
            try await disk.fetchEnds(of: mounted.image, ahead.bootSet, teardown)
        } catch let error as BlockStoreError {
            if let resumed, machine == nil { throw lossOfImage(resumed, cache, error) }
            throw machine.map { lossOfBase($0, cache, error) } ?? error
        }
        let surroundings = try await preparing
        try checkNotStopped()
        update {
            $0.phase = .guest
            $0.accel = surroundings.accelerator.rawValue
        }
        let share = try await serve(found, surroundings)
        try openPorts(bound, of: surroundings.network)
        let plan = SessionGuest.Plan(
            request: asked, resources: resources, version: version, userData: configuration.userData,
            imagePath: mounted.image.path, imageSize: mounted.image.size, directory: directory, machine: machine,
            home: home?.guest, share: share?.guest)
        let guest: SessionGuest
        var resumeNote: String?
        var isWarm = false
        do {
            if let resumed {
                (guest, resumeNote) = try await SessionGuest.goOn(
                    plan, resumed, in: surroundings, teardown: teardown, check: { [self] in try checkNotStopped() })
            } else if let woken = try await startWarm(
                plan, cache, mounted.image, published, ahead, share, in: surroundings, teardown: teardown)
            {
                (guest, isWarm) = (woken, true)
            } else {
                guest = try await SessionGuest.start(plan, in: surroundings, teardown: teardown)
            }
            await published?.settle(fetching, teardown)
        } catch {
            throw share?.cause(of: error) ?? error
        }
        await setClock(of: resumed, teardown)
        if let look = guest.look { screen.attach(look) }
        show(guest.specification.screen)
        await noteSpare(version, guest, cache, surroundings.connection)
        // When the guest has ended, and before its overlay goes.
        await teardown.addBlocking { verification?.keepOverlay() }
        // What goes on has a disk that exists nowhere else: no other version boots in its place.
        let health =
            resumed != nil
            ? nil
            : watchHealth(
                version, systems, accel: surroundings.accelerator.rawValue, home: home, isWarm: isWarm,
                waited: { [reader = mounted.image.reader] in reader.waitedNanoseconds })
        self.health.withLock { $0 = health }
        if resumed == nil { await noteStart(isWarm: isWarm, teardown) }
        // Who stops one that went on shuts it down: its memory exists nowhere else any more.
        if resumed == nil { try checkNotStopped() }
        if let home, resumed?.resumption != .memory || !directory.isHomeSettled {
            let settling = try home.settle(
                surroundings.credentials.authorizedKey, in: directory, state: state,
                reached: { health?.take(.login(isSerial: false)) }, log: { [self] in note("\($0)\n") })
            await teardown.add { settling.cancel() }
        }
        if let share, resumed?.resumption != .memory {
            let mounting = share.settle()
            await teardown.add { mounting.cancel() }
        }
        let row = version.image.file.flatMap { systems.vendors?.hint($0.system) }
        await followBoot(
            guest, ahead, fetching, teardown, isSoonGone: row?.isShortLived ?? false, isKept: machine != nil,
            boots: resumed?.resumption != .memory && !isWarm
        ) { fetchRest in
            await verification?.follow(mounted.stores, fetchRest: fetchRest)
        }
        if let machine {
            try await WorkerThread.run(name: "machine") { try machine.finish(cache) }
            notes.withLock { $0 += machine.notes }
        }
        await followLogind(teardown)
        let emulator = surroundings.emulator
        let detachables = [share?.detachable(guest, emulator: emulator)].compactMap(\.self)
        let suspender = SessionSuspender(
            SessionSaving(
                guest: guest, keys: surroundings.keys, directory: directory, places: places,
                request: share?.remembered(in: asked) ?? asked.withoutShare,
                version: version, machine: machine, home: home, cache: cache,
                reserve: DiskReserve(setting: configuration.reserve),
                ports: { [ports] in ports.published },
                progress: { [self] bytes in update { $0.suspension?.bytes = bytes } }),
            detachables: detachables, state: state, signals: signals.continuation, describe: describe,
            log: { [self] in note("\($0)\n") })
        // Last of all: whatever failed until here has left a disk that can be started.
        if let resumed { await goesOn(resumed, suspender, detachables, share, cache, resumeNote, teardown) }
        return RunningSession(
            guest: guest, network: surroundings.network, image: mounted.image, state: state, signals: signals,
            shutdownSeconds: configuration.shutdownSeconds,
            disks: SessionDisks(
                overlays: places.overlays, exchange: places.exchanges, cache: disk.cache.directory,
                reserve: DiskReserve(setting: configuration.reserve), homes: home.map { _ in places.homes }),
            bounds: surroundings.bounds, health: health, log: { [self] in note("\($0)\n") }, teardown: teardown,
            suspender: suspender)
    }

    /// Writes to the session's own log, which is our standard error.
    func note(_ line: String) {
        StandardError.write(line)
    }

    /// Tells the program that started the session how that ended.
    func tell(_ started: StartReport) { report(started) }

    /// Changes the status.
    func update(_ body: (inout SessionStatus) -> Void) {
        state.update(body)
    }

    var isStopAsked: Bool { stopAsked.load(ordering: .sequentiallyConsistent) }

    func checkNotStopped() throws {
        if stopAsked.load(ordering: .sequentiallyConsistent) { throw SessionRun.interrupted }
    }

    static let interrupted = SessionFailure(exitCode: 130, message: "interrupted before the guest ran")
}

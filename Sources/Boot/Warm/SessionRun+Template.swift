import BlockStore
import Catalog
import Curl
import GuestDomain
import ImageIndex
import Linux
import Synchronization

/// A session that makes a warm state: it boots a template, which has nothing of its user's, until that sleeps, saves it, and ends.
extension SessionRun {
    /// Returns when the state is there, or is not, and nothing of the template is left.
    /// - Throws: ``WarmError``; what the stages throw; ``SessionFailure`` 130 when it was stopped.
    package func makeWarmState() async throws {
        let teardown = Teardown()
        let result: Result<String?, any Error>
        do {
            let task = Task { try await template(teardown) }
            making.withLock { $0 = { task.cancel() } }
            // If it was asked before the task could be cancelled.
            if isStopAsked { task.cancel() }
            result = .success(try await task.value)
        } catch {
            result = .failure(isStopAsked ? SessionRun.interrupted : error)
        }
        // Before the folder is removed: a program that sees the session end finds the reason in its log.
        if case .failure(let error) = result { note("\(SessionDirectory.failureMark)\(describe(error))\n") }
        await teardown.run()
        making.withLock { $0 = nil }
        var report = StartReport(status: state.snapshot, isUp: true)
        report.notes = try result.get().map { [$0] }
        tell(report)
    }

    /// - Returns: why nothing was to be done; nil where the state was made.
    private func template(_ teardown: Teardown) async throws -> String? {
        let sessionDirectory = directory
        let users = try await claimUsers()
        // Given up last: until then something may be left that is these users'.
        await teardown.add { withExtendedLifetime(users) {} }
        // The next start removes what is left of it.
        await teardown.addBlocking { try? Folder.removeTree(sessionDirectory.path) }
        let control = try ControlServer(path: directory.control) { [self] in answer($0) }
        await teardown.addBlocking { control.close() }
        let isSpare = request.purpose == .spareTemplate
        if isSpare { ProcessPriority.lower(CurrentProcess.id) }
        let turn = WarmTurn(isSpare: isSpare, others: { [self] in hasOthers }, load: { MachineLoad.now() })
        try await turn.wait()

        let transfers = configuration.transfers(stallSeconds: 5, catalogs: places.catalogs)
        await teardown.addBlocking { transfers.close() }
        let systems = SystemsLibrary(places: places, configuration: configuration, transfers: transfers)
        let cache = BlockCache.open(places: places, configuration: configuration) { [self] in note("warning: \($0)\n") }
        let library = WarmLibrary(cache: cache.directory)
        try await takeTurn(library, turn, teardown)
        let version = try await findVersion(systems, cache, transfers, nil, nil, teardown)
        try await check(version, cache)

        let (news, heard) = AsyncStream<TemplateNews>.makeStream()
        let watch = TemplateWatch { heard.yield($0) }
        let surroundings = try await GuestSurroundings.prepare(
            request: request, architecture: { try version.architecture() }, directory: directory, places: places,
            users: users, teardown: teardown, exchange: ExchangeKeeping(atStart: { false }, atEnd: { false }),
            observer: { watch.take($0) }, log: { [self] in note("\($0)\n") })
        let disk = SessionDisk(
            version: version, cache: cache, transfers: transfers, id: request.id, state: state, describe: describe,
            log: { [self] in note($0) })
        let mounted = try await disk.mount(
            at: directory.mount, reader: try await reader(users), readBound: configuration.readBound,
            quiet: .seconds(configuration.quietSeconds), signals: signals.continuation, teardown)
        update {
            $0.phase = .mount
            $0.mount = mounted.image.path
            $0.blocks = version.index.count
        }
        try await disk.fetchEnds(of: mounted.image, version.bootSet, teardown)
        update {
            $0.phase = .guest
            $0.accel = surroundings.accelerator.rawValue
        }
        let plan = SessionGuest.Plan(
            request: request, resources: try GuestResources(request, advice: version.chosen.guest, on: .here),
            version: version, userData: nil, imagePath: mounted.image.path, imageSize: mounted.image.size,
            directory: directory, machine: nil, home: nil, share: nil)
        let template = WarmTemplate(
            plan: plan, surroundings: surroundings, library: library, cache: cache,
            reserve: DiskReserve(setting: configuration.reserve), turn: turn, parkFolders: places.parkFolders,
            isStopped: { [self] in isStopAsked },
            progress: { [self] bytes in
                update {
                    $0.suspension = .init()
                    $0.suspension?.bytes = bytes
                }
            },
            log: { [self] in note("\($0)\n") })
        return try await template.make(news, heard, teardown)
    }

    /// Whether other sessions of this user run.
    private var hasOthers: Bool { SessionRegistry(places: places).ids().contains { $0 != directory.id } }

    /// Waits until no other template is booted; what nobody waits for is given up instead.
    private func takeTurn(_ library: WarmLibrary, _ turn: WarmTurn, _ teardown: Teardown) async throws {
        var isTold = false
        while true {
            if let hold = try await WorkerThread.run(name: "warm", { try library.takeTurn() }) {
                await teardown.add { withExtendedLifetime(hold) {} }
                return
            }
            if turn.isSpare { throw WarmError.givenUp("another warm state is being made") }
            if !isTold { note("another warm state is being made; this one is next\n") }
            isTold = true
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Refuses what no state is made of.
    private func check(_ version: SessionImage, _ cache: BlockCache) async throws {
        if let obstacle = version.chosen.obstacleToPark { throw WarmError.notMade(obstacle) }
        let notes = VendorNotes(places: places)
        let (isVerified, isWhole) = try await WorkerThread.run(name: "whole") {
            (version.isVerified(notes), try version.isWhole(in: cache))
        }
        // A publisher has all of it where it reads it from.
        guard isWhole || request.purpose == .published else {
            throw WarmError.notMade("is not all here: fetch it first")
        }
        guard isVerified else { throw WarmError.notMade("is not verified: nobody has signed all of it") }
    }
}

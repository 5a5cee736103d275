import BlockStore
import Catalog
import Curl
import Glibc
import GuestDomain
import ImageIndex
import ImageMount
import Linux
import Synchronization

/// One session, from a chosen version to a running guest and to its end. Runs in a process of its own.
///
/// The stages follow each other in `start`; what each of them makes is handed to ``Teardown``, which takes it away in
/// reverse order however the session ends. ``RunningSession`` follows the guest in between.
package final class SessionRun: Sendable {
    let request: BootRequest
    let directory: SessionDirectory
    let places: Places
    let configuration: Configuration
    let state: SessionState
    let signals = AsyncStream<SessionSignal>.makeStream()
    private let report: @Sendable (StartReport) -> Void
    private let describe: @Sendable (any Error) -> String
    private let stopAsked = Atomic(false)
    /// The start, for as long as it can be cancelled.
    private let starting = Mutex<Task<RunningSession, any Error>?>(nil)

    /// - Parameters:
    ///   - report: tells the program that started us.
    ///   - describe: an error in the user's words.
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
        state = SessionState(
            SessionStatus(
                id: request.id, catalog: name?.catalog ?? "", distribution: name?.distribution ?? request.name,
                version: name?.version ?? "", state: .starting, phase: .catalog, pid: getpid(),
                started: Timestamp.now.description, accel: nil, mount: nil, consoleLog: directory.log, sshTarget: nil,
                bytesFetched: 0, bytesFromCache: 0, blocks: 0, blocksHere: 0, rate: 0, lastError: nil, domain: nil))
    }

    /// Asks the guest to end; before it runs, ends the start.
    package func stop(force: Bool) {
        stopAsked.store(true, ordering: .sequentiallyConsistent)
        starting.withLock { $0?.cancel() }
        signals.continuation.yield(.stop(force: force))
    }

    /// Goes through all stages; returns when the guest has ended and everything is gone.
    /// - Throws: what the stages throw; ``SessionFailure`` 130 when it was stopped before the guest ran, and 69 when the guest
    ///   ended otherwise than by its own power-off or our request.
    package func run() async throws {
        let teardown = Teardown()
        let reporter = Task { [self] in
            // Whoever waits for the start sees bytes, and the last error of a server that does not answer.
            while !Task.isCancelled {
                report(StartReport(status: state.snapshot))
                try await Task.sleep(for: .milliseconds(300))
            }
        }
        let result: Result<Void, any Error>
        do {
            let task = Task { try await start(teardown) }
            starting.withLock { $0 = task }
            // Asked before the task could be cancelled.
            if stopAsked.load(ordering: .sequentiallyConsistent) { task.cancel() }
            let session = try await task.value
            reporter.cancel()
            _ = await reporter.result
            try checkNotStopped()
            session.up()
            report(StartReport(status: state.snapshot, isUp: true))
            result = .success(try await session.follow())
        } catch {
            reporter.cancel()
            _ = await reporter.result
            let isInterrupted = stopAsked.load(ordering: .sequentiallyConsistent) && state.snapshot.phase != .up
            result = .failure(isInterrupted ? SessionRun.interrupted : error)
        }
        // Before the folder goes: whoever sees the session end finds the reason in its log.
        if case .failure(let error) = result { note("oscircular: \(describe(error))\n") }
        await teardown.run()
        try result.get()
    }

    private func start(_ teardown: Teardown) async throws -> RunningSession {
        let sessionDirectory = directory
        await teardown.addBlocking { try? DirectoryTree.remove(sessionDirectory.path) }
        let control = try ControlServer(path: directory.control) { [self] in answer($0) }
        await teardown.addBlocking { control.close() }

        let transfers = TransferQueue(
            maximumInFlight: configuration.parallelRequests, options: TransferOptions(stallSeconds: 5))
        await teardown.addBlocking { transfers.close() }

        let (chosen, index) = try await findVersion(transfers)
        // One for both: what one of them has hashed the other need not hash again.
        let cache = BlockCache.open(places: places, configuration: configuration)
        let mounted = try await mount(index, chosen, cache, transfers, teardown)
        try await fetchEnds(of: index, chosen, cache, transfers, teardown)
        let guest = try await SessionGuest.start(
            request: request, chosen: chosen, index: index, imagePath: mounted.path, directory: directory,
            places: places, teardown: teardown
        ) { accelerator in
            update {
                $0.phase = .guest
                $0.accel = accelerator.rawValue
            }
        }
        try checkNotStopped()
        return RunningSession(
            guest: guest, image: mounted, state: state, signals: signals,
            shutdownSeconds: configuration.shutdownSeconds,
            teardown: teardown)
    }

    // MARK: Stages

    private func findVersion(_ transfers: TransferQueue) async throws -> (ChosenVersion, ImageIndex) {
        guard let name = VersionName(request.name) else {
            throw SessionFailure(exitCode: 64, message: "'\(request.name)' is no [CATALOG/]DISTRO[@VERSION]")
        }
        let library = CatalogLibrary(directory: places.catalogs, transfers: transfers)
        let chosen = try name.choose(from: await library.copies(refresh: true))
        update {
            $0.catalog = chosen.source.name
            $0.distribution = chosen.distribution.id
            $0.version = chosen.version.id.text
            $0.phase = .index
        }
        let path = try await library.index(of: chosen)
        try checkNotStopped()
        return (chosen, try await WorkerThread.run(name: "index") { try ImageIndex(path: path) })
    }

    private func mount(
        _ index: ImageIndex, _ chosen: ChosenVersion, _ cache: BlockCache, _ transfers: TransferQueue,
        _ teardown: Teardown
    ) async throws -> MountedImage {
        let state = state
        let describe = describe
        // Patient: a guest waits for as long as it takes.
        let stores = BlockStores(
            locations: chosen.blockLocations, cache: cache, transfers: transfers, policy: .patient,
            failures: { state.note(error: describe($0)) })
        await teardown.add { stores.close() }
        let signals = signals.continuation
        let directory = directory
        let options = MountOptions(
            allowOther: geteuid() == 0, read: ReadOptions(bound: .seconds(configuration.readBound)))
        let version = chosen.version.id.text
        let (image, arrived) = try await WorkerThread.run(name: "mount") {
            let arrived = ArrivedBlocks(index: index, cache: cache)
            try DirectoryTree.make(directory.mount, mode: 0o755)
            let image = try MountedImage.mount(
                index: index, store: stores.caching, at: directory.mount, fileName: version, options: options,
                observer: SessionReadObserver(arrived: arrived, signals: signals))
            return (image, arrived)
        }
        state.attach(stores: stores, arrived: arrived)
        await teardown.addBlocking {
            image.reader.refuseWaiting()
            try? image.unmount(force: true)
        }
        update {
            $0.phase = .mount
            $0.mount = image.path
            $0.blocks = index.count
        }
        return image
    }

    /// The first and last MiB must be here before the domain is made: its first reads happen while libvirt waits.
    ///
    /// Unlike a running guest, whoever starts one hears of a server that does not answer: after some rounds this fails.
    private func fetchEnds(
        of index: ImageIndex, _ chosen: ChosenVersion, _ cache: BlockCache, _ transfers: TransferQueue,
        _ teardown: Teardown
    ) async throws {
        update { $0.phase = .bootSet }
        let state = state
        let describe = describe
        let stores = BlockStores(
            locations: chosen.blockLocations, cache: cache, transfers: transfers, policy: .rounds(5),
            failures: { state.note(error: describe($0)) })
        let edge = min(1 << 20, index.imageSize)
        let parts = [0..<edge, (index.imageSize - edge)..<index.imageSize]
        let fetch = ImageFetch(index: index, store: stores.caching)
        // Eviction by another session must not take them before the domain is there.
        let protection = try? cache.protect(request.id, try parts.flatMap { try fetch.blocks(in: $0) }.map(\.id))
        await teardown.add { withExtendedLifetime(protection) {} }
        try await withTaskCancellationHandler {
            for part in parts { try await fetch.run(part: part, priority: .demand) }
        } onCancel: {
            stores.close()
        }
        await stores.caching.settle()
        stores.close()
    }

    /// Writes to the session's own log, which is our standard error.
    private func note(_ line: String) {
        let bytes = Array(line.utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// Changes the status and tells the program that started us.
    private func update(_ body: (inout SessionStatus) -> Void) {
        state.update(body)
        report(StartReport(status: state.snapshot))
    }

    // MARK: Control

    private func answer(_ request: ControlRequest) -> ControlResponse {
        let status = state.snapshot
        switch request.command {
        case .status: return ControlResponse(status: status)
        case .stop, .force:
            stop(force: request.command == .force)
        case .pause, .resume:
            guard status.phase == .up, status.state != .stopping else {
                return ControlResponse(status: status, refusal: "the guest is \(status.state.rawValue)")
            }
            signals.continuation.yield(request.command == .pause ? .pause : .resume)
        }
        return ControlResponse(status: status)
    }

    private func checkNotStopped() throws {
        if stopAsked.load(ordering: .sequentiallyConsistent) { throw SessionRun.interrupted }
    }

    private static let interrupted = SessionFailure(exitCode: 130, message: "interrupted before the guest ran")
}

/// Hears the image's reads for the session: which blocks are here now, and when the guest waits.
private struct SessionReadObserver: ReadObserver {
    let arrived: ArrivedBlocks
    let signals: AsyncStream<SessionSignal>.Continuation

    func firstTouch(_ block: IndexedBlock) { arrived.insert(block.position) }
    func readStalled(blocks: [IndexedBlock]) { signals.yield(.stallChanged) }
    func stallEnded() { signals.yield(.stallChanged) }
}

import BlockStore
import Catalog
import Curl
import Glibc
import GuestDomain
import GuestNetwork
import ImageIndex
import ImageMount
import Linux
import Synchronization

/// One session, from a chosen version to a running guest and to its end. Runs in a process of its own.
///
/// The stages follow each other in ``run()``; what each of them makes is handed to `Teardown`, which takes it away in
/// reverse order however the session ends.
package final class SessionRun: Sendable {
    private let request: BootRequest
    private let directory: SessionDirectory
    private let places: Places
    private let configuration: Configuration
    private let report: @Sendable (StartReport) -> Void
    private let describe: @Sendable (any Error) -> String
    private let state: SessionState
    private let signals = AsyncStream<SessionSignal>.makeStream()
    private let stopAsked = Atomic(false)

    /// What the session waits for while its guest runs.
    private enum SessionSignal: Sendable {
        case stop(force: Bool)
        case pause
        case resume
        case guest(GuestEvent)
        /// All blocks that stalled reads are here.
        case blocksArrived
    }

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
                bytesFetched: 0, bytesFromCache: 0, blocks: 0, blocksHere: 0, rate: 0, lastError: nil, domain: nil),
            changed: { status in if status.phase != .up { report(StartReport(status: status)) } })
    }

    /// Asks the guest to end; before it runs, ends the start.
    package func stop(force: Bool) {
        stopAsked.store(true, ordering: .releasing)
        signals.continuation.yield(.stop(force: force))
    }

    /// Goes through all stages; returns when the guest has ended and everything is gone.
    /// - Throws: what the stages throw, and ``SessionFailure`` 130 when it was interrupted before the guest ran.
    package func run() async throws {
        let teardown = Teardown()
        do {
            try await start(teardown)
        } catch {
            await teardown.run()
            throw error
        }
        await teardown.run()
    }

    private func start(_ teardown: Teardown) async throws {
        let sessionDirectory = directory
        await teardown.add { try? DirectoryTree.remove(sessionDirectory.path) }
        let control = try ControlServer(path: directory.control) { [self] in answer($0) }
        await teardown.add { control.close() }

        let transfers = TransferQueue(maximumInFlight: configuration.parallelRequests)
        await teardown.add { transfers.close() }

        let (chosen, index) = try await findVersion(transfers)
        let mounted = try await mount(index, chosen, transfers, teardown)
        try await fetchEnds(of: index, mounted.stores)
        try checkNotStopped()
        let guest = try await SessionGuest.start(
            request: request, chosen: chosen, index: index, imagePath: mounted.image.path, directory: directory,
            places: places, configuration: configuration, teardown: teardown
        ) { [state] accelerator in
            state.update {
                $0.phase = .guest
                $0.accel = accelerator.rawValue
            }
        }
        let events = signals.continuation
        let relay = Task { for await event in guest.events { events.yield(.guest(event)) } }
        await teardown.add { relay.cancel() }
        state.update {
            $0.phase = .up
            $0.state = .running
            $0.sshTarget = "root@10.0.2.15"
            $0.domain = guest.domain
        }
        report(StartReport(status: state.snapshot, isUp: true))
        try await follow(guest, mounted)
    }

    // MARK: Stages

    private func findVersion(_ transfers: TransferQueue) async throws -> (ChosenVersion, ImageIndex) {
        guard let name = VersionName(request.name) else {
            throw SessionFailure(exitCode: 64, message: "'\(request.name)' is no [CATALOG/]DISTRO[@VERSION]")
        }
        let library = CatalogLibrary(directory: places.catalogs, transfers: transfers)
        let chosen = try name.choose(from: await library.copies(refresh: true))
        state.update {
            $0.catalog = chosen.source.name
            $0.distribution = chosen.distribution.id
            $0.version = chosen.version.id.text
            $0.phase = .index
        }
        let index = try ImageIndex(path: try await library.index(of: chosen))
        try checkNotStopped()
        return (chosen, index)
    }

    private func mount(
        _ index: ImageIndex, _ chosen: ChosenVersion, _ transfers: TransferQueue, _ teardown: Teardown
    ) async throws -> Mounted {
        let cache = BlockCache.open(places: places, configuration: configuration)
        let state = state
        let describe = describe
        let stores = BlockStores(
            locations: chosen.blockLocations, cache: cache, transfers: transfers, policy: .patient,
            failures: { state.note(error: describe($0)) })
        await teardown.add { stores.close() }
        let arrived = ArrivedBlocks(index: index, cache: cache)
        state.attach(stores: stores, arrived: arrived)

        let signals = signals.continuation
        let observer = SessionReadObserver(
            arrived: arrived,
            waiting: WaitingGuest(
                changed: { isWaiting in
                    state.update { $0.state = isWaiting ? .waiting : $0.state == .waiting ? .running : $0.state }
                },
                resume: { signals.yield(.blocksArrived) }))
        let directory = directory
        let bound = configuration.readBound
        let version = chosen.version.id.text
        let image = try await WorkerThread.run(name: "mount") {
            try DirectoryTree.make(directory.mount, mode: 0o755)
            return try MountedImage.mount(
                index: index, store: stores.caching, at: directory.mount, fileName: version,
                options: MountOptions(allowOther: geteuid() == 0, read: ReadOptions(bound: .seconds(bound))),
                observer: observer)
        }
        await teardown.add {
            image.reader.refuseWaiting()
            try? image.unmount(force: true)
            await image.waitUntilUnmounted()
        }
        state.update {
            $0.phase = .mount
            $0.mount = image.path
            $0.blocks = index.count
        }
        return Mounted(image: image, stores: stores, waiting: observer.waiting)
    }

    /// The first and last MiB must be here before the domain is made: its first reads happen while libvirt waits.
    private func fetchEnds(of index: ImageIndex, _ stores: BlockStores) async throws {
        state.update { $0.phase = .bootSet }
        let edge: UInt64 = 1 << 20
        let fetch = ImageFetch(index: index, store: stores.caching)
        let parts = [0..<min(edge, index.imageSize), (index.imageSize - min(edge, index.imageSize))..<index.imageSize]
        // A stop must not wait for a server that does not answer.
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for part in parts { try await fetch.run(part: part, priority: .demand) } }
            group.addTask { [self] in
                while !stopAsked.load(ordering: .acquiring) { try await Task.sleep(for: .milliseconds(100)) }
                stores.close()
                try checkNotStopped()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func follow(_ guest: SessionGuest, _ mounted: Mounted) async throws {
        var isForced = false
        for await signal in signals.stream {
            switch signal {
            case .stop(let force):
                if isForced { continue }
                isForced = force
                state.update { $0.state = .stopping }
                mounted.image.reader.refuseWaiting()
                guest.beginStop(force: force, within: .seconds(configuration.shutdownSeconds))
            case .pause:
                // Reads that wait would hold QEMU's monitor; they are answered, and repeated on resume.
                mounted.image.reader.refuseWaiting()
                try? await guest.pause()
                state.update { $0.state = .paused }
            case .resume:
                mounted.image.reader.allowWaiting()
                try? await guest.resume()
                state.update { $0.state = .running }
            case .blocksArrived:
                if state.snapshot.state != .paused { try? await guest.resume() }
            case .guest(.paused(isForError: true)):
                mounted.waiting.guestPausedForError()
            case .guest(.stopped), .guest(.crashed):
                state.update { $0.state = .stopping }
                return
            case .guest: break
            }
        }
    }

    private struct Mounted: Sendable {
        let image: MountedImage
        let stores: BlockStores
        let waiting: WaitingGuest
    }

    // MARK: Control

    private func answer(_ request: ControlRequest) -> ControlResponse {
        let status = state.snapshot
        switch request.command {
        case .status: return ControlResponse(status: status)
        case .stop, .force:
            stop(force: request.command == .force)
        case .pause, .resume:
            guard status.phase == .up else {
                return ControlResponse(status: status, refusal: "the guest is still starting")
            }
            signals.continuation.yield(request.command == .pause ? .pause : .resume)
        }
        return ControlResponse(status: status)
    }

    private func checkNotStopped() throws {
        if stopAsked.load(ordering: .acquiring) {
            throw SessionFailure(exitCode: 130, message: "interrupted before the guest ran")
        }
    }
}

/// Hears the image's reads for the session: which blocks are here now, and when the guest waits.
private final class SessionReadObserver: ReadObserver {
    private let arrived: ArrivedBlocks
    let waiting: WaitingGuest

    init(arrived: ArrivedBlocks, waiting: WaitingGuest) {
        self.arrived = arrived
        self.waiting = waiting
    }

    func firstTouch(_ block: IndexedBlock) { arrived.insert(block.position) }
    func readStalled(blocks: [IndexedBlock]) { waiting.readStalled(blocks: blocks) }
    func stallEnded() { waiting.stallEnded() }
}

/// What must be taken away again, in the reverse order of its making.
actor Teardown {
    private var steps: [@Sendable () async -> Void] = []

    func add(_ step: @escaping @Sendable () async -> Void) { steps.append(step) }

    func run() async {
        while let step = steps.popLast() { await step() }
    }
}

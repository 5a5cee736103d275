import BlockStore
import Catalog
import Curl
import Glibc
import ImageIndex
import ImageMount
import Linux

/// What a session boots: a version's index, and the blocks that its start reads.
struct SessionImage: Sendable {
    let chosen: ChosenVersion
    let index: ImageIndex
    /// By first touch; empty when nobody has recorded this version.
    let bootSet: [IndexedBlock]
}

/// The disk stages of a session: the image as a file, and what must be here before a guest may look at it.
struct SessionDisk: Sendable {
    /// The image's file, and what stands behind it.
    struct Mounted: Sendable {
        let image: MountedImage
        let stores: BlockStores
        let states: BlockStates
        let recorder: BootRecorder
    }

    let version: SessionImage
    /// One for all: what one stage has hashed the others need not hash again.
    let cache: BlockCache
    let transfers: TransferQueue
    /// The session's.
    let id: String
    let state: SessionState
    /// An error in the user's words.
    let describe: @Sendable (any Error) -> String
    /// Writes a line to the session's log.
    let log: @Sendable (String) -> Void

    /// Mounts the image.
    /// - Parameters:
    ///   - readBound: seconds that one read of the guest waits.
    ///   - quiet: how long no read may come until the start is over.
    ///   - signals: told when reads stall.
    func mount(
        at directory: String, readBound: Int, quiet: Duration, signals: AsyncStream<SessionSignal>.Continuation,
        _ teardown: Teardown
    ) async throws -> Mounted {
        // Patient: a guest waits for as long as it takes.
        let stores = stores(.patient)
        await teardown.add {
            stores.close()
            // What has come should be there the next time.
            await stores.caching.settle(within: .seconds(10))
        }
        let options = MountOptions(
            allowOther: geteuid() == 0,
            read: ReadOptions(
                bound: .seconds(readBound), readAhead: ReadOptions.usualReadAhead,
                foreseen: Set(version.bootSet.map(\.position))))
        let (version, cache) = (version, cache)
        let states = BlockStates(count: version.index.count)
        let recorder = BootRecorder(limits: .init(quiet: quiet))
        let image = try await WorkerThread.run(name: "mount") {
            try Folder.make(directory, mode: 0o755)
            return try MountedImage.mount(
                index: version.index, store: stores.caching, at: directory, fileName: version.chosen.version.id.text,
                options: options,
                observer: SessionReadObserver(states: states, recorder: recorder, signals: signals))
        }
        state.attach(stores: stores, blocks: states)
        // Beside the start: an image of millions of blocks takes seconds. Without a thread the picture lacks what is here already.
        try? WorkerThread.start(name: "scan") { states.scan(version.index, cache) }
        await teardown.addBlocking {
            image.reader.refuseWaiting()
            try? image.unmount(force: true)
        }
        return Mounted(image: image, stores: stores, states: states, recorder: recorder)
    }

    /// The first and last MiB must be here before the domain is made: its first reads happen while libvirt waits.
    ///
    /// Unlike a running guest, whoever starts one hears of a server that does not answer: after some rounds this fails.
    /// - Parameter bootSet: kept from eviction too, while the session lives.
    func fetchEnds(_ bootSet: [IndexedBlock], _ teardown: Teardown) async throws {
        let index = version.index
        let stores = stores(.rounds(5))
        let edge = min(1 << 20, index.imageSize)
        let parts = [0..<edge, (index.imageSize - edge)..<index.imageSize]
        let fetch = ImageFetch(index: index, store: stores.caching)
        // Eviction by another session must not take them before the domain is there.
        let kept = try parts.flatMap { try fetch.blocks(in: $0) } + bootSet
        let (cache, id) = (cache, id)
        // Without it the start is slower at worst: what is evicted is fetched again.
        let protection = try? await WorkerThread.run(name: "protect") { try cache.protect(id, kept.map(\.id)) }
        await teardown.add { withExtendedLifetime(protection) {} }
        try await withTaskCancellationHandler {
            for part in parts { try await fetch.run(try fetch.blocks(in: part), priority: .demand) }
        } onCancel: {
            stores.close()
        }
        // Behind what else waits for a slow disk they are fetched once more rather than waited for.
        await stores.caching.settle(within: .seconds(5))
        stores.close()
    }

    private func stores(_ policy: RetryPolicy) -> BlockStores {
        let (state, describe, log) = (state, describe, log)
        return BlockStores(
            locations: version.chosen.blockLocations, cache: cache, transfers: transfers, policy: policy,
            failures: { failure in
                state.note(error: describe(failure))
                // A mirror that gives wrong bytes is broken or hostile, and the only one who can act is the user.
                if case .corrupt = failure { log("warning: \(describe(failure))\n") }
            })
    }
}

/// Hears the image's reads for the session: which blocks are here now, what the boot touches, and when the guest waits.
private struct SessionReadObserver: ReadObserver {
    let states: BlockStates
    let recorder: BootRecorder
    let signals: AsyncStream<SessionSignal>.Continuation

    func firstTouch(_ block: IndexedBlock) {
        states.read(block.position)
        recorder.touched(block)
    }
    func fetchBegan(_ block: IndexedBlock) {
        states.missed()
        states.began(block.position)
    }
    func fetched(_ block: IndexedBlock) { states.arrived(block.position) }
    func fetchFailed(_ block: IndexedBlock) { states.failed(block.position) }
    func readStalled(blocks: [IndexedBlock]) { signals.yield(.stallChanged) }
    func stallEnded() { signals.yield(.stallChanged) }
}

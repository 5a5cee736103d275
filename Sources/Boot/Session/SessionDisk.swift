import BlockStore
import Catalog
import Curl
import DiskImage
import GuestDomain
import ImageIndex
import ImageMount
import Linux

/// What a session boots: where a version's image is, its index, and the blocks that its start reads.
struct SessionImage: Sendable {
    let image: VersionImage
    let index: ImageIndex
    /// By first touch; empty when nobody has recorded this version.
    let bootSet: [IndexedBlock]
    /// What the pieces of a vendor's file are compared with; nil where the index has their digests.
    let ledger: PieceLedger?
    /// Where the publisher's boot set is here; nil where there is none.
    var publishedBootSet: String?
    /// Where pages come from whose blocks are not here; nil where all comes from blocks.
    var pack: BootPack?

    var chosen: ChosenVersion { image.chosen }

    /// Whether a guest reads nothing of it that nobody has verified: an image of a tree, or a vendor's that is verified block by block or was
    /// compared as a whole.
    func isVerifiedAtStart(_ places: Places) -> Bool {
        image.file.map { $0.source.trust >= .pieces || VendorNotes(places: places).isVerifiedAtStart($0) } ?? true
    }

    /// - Throws: ``GuestDomainError/unknownArchitecture(_:)``.
    func architecture() throws(GuestDomainError) -> GuestArchitecture {
        guard let architecture = GuestArchitecture(chosen.distribution.architecture) else {
            throw .unknownArchitecture(chosen.distribution.architecture)
        }
        return architecture
    }
}

/// The disk stages of a session: the image as a file, and the blocks that must be stored before a guest may read it.
struct SessionDisk: Sendable {
    /// The image's file, and what serves it.
    struct Mounted: Sendable {
        let image: MountedImage
        let stores: BlockStores
        let states: BlockStates
        let recorder: BootRecorder
        let packed: PackedPages?
    }

    let version: SessionImage
    /// One for all stages: what one has verified, the others need not verify again.
    let cache: BlockCache
    let transfers: TransferQueue
    /// The session's.
    let id: String
    let state: SessionState
    /// The message for an error.
    let describe: @Sendable (any Error) -> String
    /// Writes a line to the session's log.
    let log: @Sendable (String) -> Void
    /// Told that the vendor no longer has the file; nil for a catalog's image.
    var verification: SessionVerification?
    /// Told when a block has come that differs from what was given of it from the boot pack, from any thread; it must not wait.
    var packDiffers: @Sendable (IndexedBlock) -> Void = { _ in }

    /// Mounts the image.
    /// - Parameters:
    ///   - reader: the only user besides root who may read it; nil for this process's own.
    ///   - readBound: seconds that one read of the guest waits.
    ///   - quiet: how long no read may come until the start is over.
    ///   - signals: told when reads stall.
    func mount(
        at directory: String, reader: UserID?, readBound: Int, quiet: Duration,
        signals: AsyncStream<SessionSignal>.Continuation, _ teardown: Teardown
    ) async throws -> Mounted {
        // Patient: a guest waits for as long as it takes.
        let stores = try stores(.patient)
        await teardown.add {
            stores.close()
            // What has arrived should be in the cache the next time.
            await stores.caching.settle(within: .seconds(10))
        }
        let layout = try await layout()
        // Of another shape it has been read by now.
        if layout == nil { await version.image.streamed?.keepBeginning(in: stores, of: version.index, cache) }
        let options = MountOptions(
            readers: reader.map { .user($0) } ?? .ownUser,
            read: ReadOptions(
                bound: .seconds(readBound), readAhead: ReadOptions.usualReadAhead,
                foreseen: Set(version.bootSet.map(\.position))))
        let (version, cache) = (version, cache)
        let states = BlockStates(count: version.index.count)
        let packed = version.pack.map { PackedPages($0, blocks: version.index.count) }
        let recorder = BootRecorder(limits: .init(quiet: quiet))
        let observer = SessionReadObserver(
            states: states, recorder: recorder, signals: signals, differs: packDiffers)
        let image = try await WorkerThread.run(name: "mount") {
            try Folder.make(directory, mode: 0o755)
            return try MountedImage.mount(
                index: version.index, store: stores.caching, at: directory, fileName: version.chosen.version.id.text,
                options: options, observer: observer, format: version.image.format, layout: layout,
                ledger: version.ledger, packed: packed)
        }
        state.attach(stores: stores, blocks: states, packed: packed)
        // In the background: an image of millions of blocks takes seconds. Without a thread the picture of the image shows blocks
        // as missing that are stored.
        try? WorkerThread.start(name: "scan") {
            if let packed { for piece in packed.pieces where cache.contains(piece.id) { packed.noteHere(piece) } }
            states.scan(version.index, cache)
        }
        await teardown.addBlocking {
            image.reader.refuseWaiting()
            // The process's end unmounts it otherwise.
            try? image.unmount(force: true)
        }
        return Mounted(image: image, stores: stores, states: states, recorder: recorder, packed: packed)
    }

    /// Reads how the disk lies in the vendor's file: nil where the file is the disk.
    private func layout() async throws -> (any DiskLayout)? {
        let format = version.image.format
        if format.isPlain { return nil }
        return try await fetching { stores in
            await version.image.streamed?.keepBeginning(in: stores, of: version.index, cache)
            let reader = hastyReader(stores)
            return try await WorkerThread.run(name: "layout") { try format.layout(of: reader) }
        }
    }

    /// Reads for the start, with stores that give up: a running guest waits for a server that does not answer; a start does not.
    ///
    /// When the start is cancelled, these reads end at once.
    private func fetching<Value: Sendable>(_ body: (BlockStores) async throws -> Value) async throws -> Value {
        let stores = try stores(.rounds(5))
        let result: Result<Value, any Error>
        do {
            let value = try await withTaskCancellationHandler {
                try await body(stores)
            } onCancel: {
                stores.close()
            }
            result = .success(value)
        } catch {
            result = .failure(error)
        }
        // If the disk is slow they are downloaded once more rather than waited for.
        if case .success = result { await stores.caching.settle(within: .seconds(5)) }
        stores.close()
        return try result.get()
    }

    /// Reads the image without patience. The stores have bounds of their own for whatever does not come, but not for what is slow.
    private func hastyReader(_ stores: BlockStores) -> ImageReader {
        ImageReader(
            index: version.index, store: stores.caching,
            options: ReadOptions(bound: .seconds(600), keepsFetching: false, endsAtFailure: true),
            ledger: version.ledger)
    }

    /// Stores the first and last MiB before the domain is made: its first reads happen while libvirt waits.
    ///
    /// Where the server does not answer, this fails after some rounds.
    /// - Parameter bootSet: protected from eviction, too, for as long as the session lives.
    func fetchEnds(of image: MountedImage, _ bootSet: [IndexedBlock], _ teardown: Teardown) async throws {
        let index = version.index
        let edge = min(1 << 20, index.imageSize)
        // Where a disk's ends lie in a file that is not the disk, only its reader knows.
        let isPlain = version.image.format.isPlain
        let parts = isPlain ? [0..<edge, (index.imageSize - edge)..<index.imageSize] : [0..<edge]
        try await fetching { stores in
            let fetch = ImageFetch(index: index, store: stores.caching, ledger: version.ledger)
            // Another session must not evict them before the domain exists.
            // Nor any block that no server has.
            let kept =
                version.image.isUnpacked
                ? try fetch.blocks() : try parts.flatMap { try fetch.blocks(in: $0) } + bootSet
            let (cache, id) = (cache, id)
            let ids = kept.map(\.id) + (version.pack?.pieces.map(\.id) ?? [])
            // Without it the start is slower at worst: what is evicted is downloaded again.
            let protection = try? await WorkerThread.run(name: "protect") { try cache.protect(id, ids) }
            await teardown.add { withExtendedLifetime(protection) {} }
            for part in parts { try await fetch.run(try fetch.blocks(in: part), priority: .demand) }
            guard let layout = image.decoded?.layout else { return }
            let disk = DecodedImage(hastyReader(stores), layout: layout)
            let edge = min(1 << 20, image.size)
            for part in [0..<edge, image.size - edge..<image.size] { _ = try await disk.read(part) }
        }
    }

    private func stores(_ policy: RetryPolicy) throws -> BlockStores {
        let (state, describe, log, verification) = (state, describe, log, verification)
        return try version.image.stores(
            version.index, version.ledger, cache: cache, transfers: transfers, policy: policy
        ) { failure in
            if case .missing(_, let place) = failure, let gone = verification?.fileIsMissing(at: place) {
                state.note(error: gone)
                return
            }
            state.note(error: describe(failure))
            // A mirror that gives wrong bytes is broken or hostile, and only the user can do something about it.
            if case .corrupt = failure { log("warning: \(describe(failure))\n") }
        }
    }
}

/// Follows the image's reads: which blocks have arrived, what the boot reads, and when the guest waits.
private struct SessionReadObserver: ReadObserver {
    let states: BlockStates
    let recorder: BootRecorder
    let signals: AsyncStream<SessionSignal>.Continuation
    let differs: @Sendable (IndexedBlock) -> Void

    func read(_ bytes: Range<UInt64>) { recorder.read(bytes) }
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
    func pieceWanted() { states.missed() }
    func packDiffers(from block: IndexedBlock) { differs(block) }
    func readStalled(blocks: [IndexedBlock]) { signals.yield(.stallChanged) }
    func stallEnded() { signals.yield(.stallChanged) }
}

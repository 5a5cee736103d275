import BlockStore
import Catalog
import DiskImage
import Formats
import ImageIndex
import ImageMount
import Linux
import Vendors

/// What cannot be streamed: a vendor's file that is packed as a whole is downloaded, judged, and only then unpacked.
///
/// What it unpacks to are blocks of the cache like others, named by their digests and listed by an index beside that of the file's pieces.
/// The index is written last, so nothing that is half unpacked is ever used; blocks that are evicted are made again, from the pieces or
/// from a new download.
extension VersionFetch {
    /// Returns when everything of a version is here that must be before its start: nothing of most.
    /// - Parameter progress: called where something has to be fetched or unpacked, one call at a time.
    /// - Returns: where its image is then.
    /// - Throws: as ``run(_:_:progress:)``.
    package func readied(
        _ image: VersionImage, progress: (Progress) -> Void = { _ in }
    ) async throws -> VersionImage {
        guard image.chosen.source.isVendors, let library = systems.vendors,
            let file = try await known(image, library), file.isWholeFirst
        else { return image }
        _ = try await fetchWhole(file, library, progress: progress)
        guard file.packing != nil else { return VersionImage(image.chosen, file) }
        return VersionImage(image.chosen, file) { [self] in try await remake(file) }
    }

    /// Makes the blocks again that a packed file was unpacked to, where one is missing.
    package func remake(_ file: PinnedFile) async throws {
        guard let library = systems.vendors else { return }
        _ = try await fetchWhole(file, library)
    }

    /// A vendor's file with what only its end says: whether an xz file can be read in parts.
    func known(_ image: VersionImage, _ library: VendorLibrary) async throws -> PinnedFile? {
        guard let file = image.file, file.source.format == .rawXZ, file.packing == nil else { return image.file }
        let index = try file.index()
        let ledger = try file.ledger(index, in: places.ledgers)
        let stores = try file.stores(
            index, ledger, cache: cache, transfers: transfers, policy: .rounds(5), failures: failures)
        defer { close(stores, of: file) }
        await file.keepBeginning(in: stores, of: index, cache)
        let reader = ImageReader(
            index: index, store: stores.caching,
            options: ReadOptions(bound: .seconds(600), keepsFetching: false, endsAtFailure: true), ledger: ledger)
        do {
            _ = try await withTaskCancellationHandler {
                try await WorkerThread.run(name: "layout") { try file.source.format.layout(of: reader) }
            } onCancel: {
                stores.close()
            }
            return file
        } catch ImageMountError.unusableDisk {
            // Also where its end is damaged: all of it is judged then, and is fetched anew if it is wrong.
            return library.noteNotInParts(file)
        }
    }

    /// Fetches all of a vendor's file, has it judged, and unpacks it where it is packed. Another process that does the same is waited for.
    /// - Throws: as ``run(_:_:progress:)``.
    func fetchWhole(
        _ file: PinnedFile, _ library: VendorLibrary, progress: (Progress) -> Void = { _ in }
    ) async throws -> Progress {
        // Held until the end.
        let lock = try await lock(file) { progress(Progress(stage: .wait)) }
        defer { lock?.unlock() }
        if let content = try await unpackedBytes(of: file) {
            var state = Progress(done: content, total: content)
            state.standing = file.standingWhenUnpacked
            progress(state)
            return state
        }
        let index = try file.index()
        let room = UInt64(max(0, cache.limit))
        // Nothing is downloaded that cannot be kept.
        let needed = max(index.imageSize, file.packing == nil ? 0 : ImageUnpacking.known(file.unpackedPath))
        guard needed <= room else { throw VersionFetchError.notKept(bytes: needed - room) }
        let ledger = try file.ledger(index, in: places.ledgers)
        var state = try await fetchPieces(of: file, index, ledger, progress: progress)
        state.standing = try await verify(file, index, ledger, library)
        guard let packing = file.packing else { return state }
        guard let packing = PackedStream.Packing(rawValue: packing.rawValue) else {
            throw VersionFetchError.notUnpacked(file.key, reason: "nothing here unpacks \(packing.rawValue)")
        }
        let pieces = WholeFile(index: index, cache: cache, ledger: ledger)
        do {
            try await unpack(file, pieces, packing, state, progress: progress)
        } catch let error as DiskImageError {
            // It may be the download that is damaged, where nobody has signed what it should be.
            if state.standing != .verified { try await discard(file, index, ledger, library) }
            throw VersionFetchError.notUnpacked(file.key, reason: error.reason)
        }
        return state
    }

    private func fetchPieces(
        of file: PinnedFile, _ index: ImageIndex, _ ledger: PieceLedger?, progress: (Progress) -> Void
    ) async throws -> Progress {
        let stores = try file.stores(
            index, ledger, cache: cache, transfers: transfers, policy: .rounds(5), failures: failures)
        defer { close(stores, of: file) }
        await file.keepBeginning(in: stores, of: index, cache)
        // An index of millions of blocks takes seconds to read.
        let blocks = try await WorkerThread.run(name: "index") {
            try ImageFetch(index: index, store: stores.caching).blocks()
        }
        do {
            return try await keep(blocks, of: index, by: stores, progress: progress)
        } catch {
            // What has come is kept for the next try, also where this one was cancelled.
            let caching = stores.caching
            await Task { await caching.settle(within: .seconds(10)) }.value
            throw error
        }
    }

    private func unpack(
        _ file: PinnedFile, _ pieces: WholeFile, _ packing: PackedStream.Packing, _ fetched: Progress,
        progress: (Progress) -> Void
    ) async throws {
        let unpacking = ImageUnpacking(
            pieces: pieces, size: file.source.size ?? 0, packing: packing, format: file.source.format, cache: cache)
        let done = AsyncStream.makeStream(of: UInt64.self, bufferingPolicy: .bufferingNewest(1))
        async let work: Void = {
            defer { done.continuation.finish() }
            try await WorkerThread.run(name: "unpack") {
                try unpacking.run(to: file.unpackedPath) { bytes in
                    // Nobody listens any more when this is cancelled.
                    if case .terminated = done.continuation.yield(bytes) { false } else { true }
                }
            }
        }()
        var state = fetched
        (state.stage, state.total) = (.unpack, file.source.size ?? 0)
        for await bytes in done.stream {
            state.done = bytes
            progress(state)
        }
        try await work
        // A pin made before that holds the pieces, of which nothing is read any more.
        try await WorkerThread.run(name: "pin") { [cache] in
            guard try cache.pins().contains(file.key.description) else { return }
            try VersionCache.pin(file.key, indexPath: file.unpackedPath, in: cache)
        }
    }

    /// Bytes that a file was unpacked to, without holes, where all of them are here; else nil.
    private func unpackedBytes(of file: PinnedFile) async throws -> UInt64? {
        guard file.packing != nil else { return nil }
        return try await WorkerThread.run(name: "index") { [cache] in
            guard Paths.allows(.reading, file.unpackedPath) else { return nil }
            var (bytes, isWhole) = (UInt64(0), true)
            do {
                try ImageIndex(path: file.unpackedPath).forEachBlock { block in
                    guard !block.isHole else { return }
                    bytes += UInt64(block.length)
                    if isWhole { isWhole = try cache.has(block.id) }
                }
            } catch ImageIndexError.malformed {
                // A power cut may have damaged it: then it is made again.
                return nil
            }
            return isWhole ? bytes : nil
        }
    }

    /// Waits until no other process fetches and unpacks the file.
    /// - Parameter waiting: called once where one does.
    /// - Returns: nil where the state cannot be written: then it is done twice at worst.
    private func lock(_ file: PinnedFile, waiting: () -> Void) async throws -> FileHandle? {
        let path = "\(file.indexPath).lock"
        // As said above.
        guard let handle = try? FileHandle(path, for: .both, [.create, .refuseLink], mode: 0o600) else { return nil }
        var isTold = false
        while try !handle.lock(exclusive: true, wait: false) {
            if !isTold { waiting() }
            isTold = true
            try await Task.sleep(for: .milliseconds(200))
        }
        return handle
    }
}

extension PinnedFile {
    /// The version that it is.
    var key: VersionKey {
        VersionKey(catalog: CatalogSource.vendorsName, distribution: system, version: version.text)
    }

    /// What was found of all of it before it was unpacked.
    var standingWhenUnpacked: FileStanding {
        source.digests.isEmpty && signaturePath == nil && source.trust < .pieces
            ? .unknown : FileStanding(ofRight: self)
    }
}

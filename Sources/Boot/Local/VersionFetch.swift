import BlockStore
import Catalog
import Curl
import ImageIndex
import Linux
import Vendors

/// Downloads a version, or only what it needs to start, so that it boots offline: the command `fetch`, and the same in the menu.
///
/// It may be cancelled and run again at any time: what is in the cache already is verified and not downloaded again.
package struct VersionFetch: Sendable {
    package enum Extent: Sendable, Hashable {
        /// What the version needs to start, as far as anybody has recorded it.
        case bootSet
        case whole
    }

    /// How far it is, in bytes.
    package struct Progress: Sendable, Equatable {
        package enum Stage: String, Sendable, Codable {
            case download, unpack
            /// Another session downloads and unpacks it.
            case wait
        }

        /// Of the image, uncompressed, or of the vendor's file. Holes do not count.
        package var done: UInt64 = 0
        package var total: UInt64 = 0
        /// What came over the network, compressed.
        package var downloaded: UInt64 = 0
        /// In the end, what was found of all of a vendor's file; nil for a catalog's version.
        package var standing: FileStanding?
        package var stage = Stage.download
    }

    let places: Places
    let systems: SystemsLibrary
    let cache: BlockCache
    let transfers: TransferQueue
    let failures: (@Sendable (BlockStoreError) -> Void)?

    /// - Parameters:
    ///   - places: where boot sets recorded on this machine are.
    ///   - failures: told of every failure of a mirror, from any thread.
    package init(
        places: Places, systems: SystemsLibrary, cache: BlockCache, transfers: TransferQueue,
        failures: (@Sendable (BlockStoreError) -> Void)? = nil
    ) {
        (self.places, self.systems, self.cache) = (places, systems, cache)
        (self.transfers, self.failures) = (transfers, failures)
    }

    /// Returns when all of it is in the cache.
    /// - Parameter progress: called at the start and after every block, one call at a time.
    /// - Returns: the last progress.
    /// - Throws: ``VersionFetchError``, `CatalogAccessError`, `ImageIndexError`, `BlockStoreError`, `DiskImageError`; CancellationError.
    @discardableResult
    package func run(
        _ version: ChosenVersion, _ extent: Extent, progress: (Progress) -> Void = { _ in }
    ) async throws -> Progress {
        let image = try await systems.soundImage(of: version, cache: cache)
        if image.chosen.source.isVendors, let library = systems.vendors, let file = try await known(image, library) {
            // What cannot be streamed starts with all of it.
            if file.isWholeFirst || extent == .whole { return try await fetchWhole(file, library, progress: progress) }
        }
        let index = try image.index()
        let absence = image.streamed.map { FileAbsence($0, VendorNotes(places: places)) }
        let stores = try stores(of: image, index, absence)
        defer {
            if !version.source.isVendors { absence?.settle(stores) }
            close(stores, of: image.streamed)
        }
        await image.streamed?.keepBeginning(in: stores, of: index, cache)
        let blocks = try await blocks(of: index, version, extent, stores)
        return try await keep(blocks, of: index, by: stores, progress: progress)
    }

    private func stores(
        of image: VersionImage, _ index: ImageIndex, _ absence: FileAbsence?
    ) throws -> BlockStores {
        try image.stores(
            index, try image.ledger(index, in: places.ledgers), cache: cache, transfers: transfers, policy: .rounds(5)
        ) { [failures] failure in
            if case .missing(_, let place) = failure { _ = absence?.note(place) }
            failures?(failure)
        }
    }

    func close(_ stores: BlockStores, of file: PinnedFile?) {
        stores.close()
        if let file, let library = systems.vendors { file.remember(stores, in: library) }
    }

    /// Fetches blocks until the cache has all of them.
    func keep(
        _ blocks: [IndexedBlock], of index: ImageIndex, by stores: BlockStores, progress: (Progress) -> Void
    ) async throws -> Progress {
        var state = Progress()
        let missing = try await stores.keep(blocks, of: index) { kept in
            state = Progress(
                done: kept.doneBytes, total: kept.totalBytes,
                downloaded: UInt64(stores.caching.statistics.bytesFetched))
            progress(state)
        }
        // What was downloaded again because another process held the cache counts, too.
        state.downloaded = UInt64(stores.caching.statistics.bytesFetched)
        guard missing == 0 else { throw VersionFetchError.notKept(bytes: missing) }
        return state
    }

    /// Compares all of a vendor's file with what its vendor says. A wrong one is thrown away.
    /// - Throws: ``VersionFetchError/wrong(_:reason:servers:)``, ``VersionFetchError/unverifiable(_:reason:)``.
    func verify(
        _ file: PinnedFile, _ index: ImageIndex, _ ledger: PieceLedger?, _ library: VendorLibrary
    ) async throws -> FileStanding {
        let notes = VendorNotes(places: places)
        if let standing = notes.standing(of: file, ledger) { return standing }
        let finding = try await file.check(index, ledger, cache: cache, library: library)
        switch finding {
        case .right:
            try notes.noteRight(file, ledger)
            return FileStanding(ofRight: file)
        // Where each piece is, all of it is.
        case .unknown: return file.source.trust >= .pieces ? .verified : .unknown
        case .incomplete: throw VersionFetchError.notKept(bytes: UInt64(index.longestBlock))
        case .unverifiable(let reason, _):
            throw VersionFetchError.unverifiable(file.key, reason: reason)
        case .wrong(let reason):
            let servers = file.servers
            try notes.noteWrong(file, reason: "\(reason); it came from \(servers)")
            try await discard(file, index, ledger, library)
            throw VersionFetchError.wrong(file.key, reason: reason, servers: servers)
        }
    }

    func discard(
        _ file: PinnedFile, _ index: ImageIndex, _ ledger: PieceLedger?, _ library: VendorLibrary
    ) async throws {
        try await WorkerThread.run(name: "discard") { [cache] in
            try file.throwAway(index, ledger, file.key, cache: cache, library: library)
        }
    }

    /// - Throws: ``VersionFetchError/noBootSet(_:)``.
    private func blocks(
        of index: ImageIndex, _ version: ChosenVersion, _ extent: Extent, _ stores: BlockStores
    ) async throws -> [IndexedBlock] {
        // An index of millions of blocks takes seconds to read.
        if extent == .whole {
            return try await WorkerThread.run(name: "index") {
                try ImageFetch(index: index, store: stores.caching).blocks()
            }
        }
        let recorded = BootSetLibrary(places: places)
        let key = VersionKey(version)
        // A derived one does not promise that the version boots from it.
        let isWanted = recorded.recorded(key) == nil && version.version.recordedBootSet != nil
        let published = isWanted ? try await systems.catalogs.bootSet(of: version) : nil
        guard let bootSet = recorded.best(key, published: published) else { throw VersionFetchError.noBootSet(key) }
        return try await WorkerThread.run(name: "index") { try bootSet.blocks(of: index) }
    }
}

/// Why a version is not in the cache although everything could be downloaded, or why it is not known what to download.
package enum VersionFetchError: Error, Sendable, Equatable {
    /// Nobody has recorded what this version needs to start.
    case noBootSet(VersionKey)
    /// All of a vendor's file came, and is not what the vendor says. It was thrown away. `servers` are names for people.
    case wrong(VersionKey, reason: String, servers: String)
    /// All of a vendor's file is here, and could not be verified: that says nothing about the file, and it stays.
    case unverifiable(VersionKey, reason: String)
    /// All of a vendor's file is here, and cannot be unpacked: it is damaged, or what is in it is not what it should be.
    case notUnpacked(VersionKey, reason: String)
    /// So many bytes of the image are not in the cache: it is full, cannot be written, or another process holds it.
    case notKept(bytes: UInt64)
}

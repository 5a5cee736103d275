import BlockStore
import Catalog
import Curl
import ImageIndex
import Linux

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
        /// Of the image, uncompressed. Holes do not count.
        package var done: UInt64 = 0
        package var total: UInt64 = 0
        /// What came over the network, compressed.
        package var downloaded: UInt64 = 0
        /// In the end, what was found of all of a vendor's file; nil for a catalog's version.
        package var standing: FileStanding?
    }

    private let places: Places
    private let systems: SystemsLibrary
    private let cache: BlockCache
    private let transfers: TransferQueue
    private let failures: (@Sendable (BlockStoreError) -> Void)?

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
    /// - Throws: ``VersionFetchError``, `CatalogAccessError`, `ImageIndexError`, `BlockStoreError`; CancellationError.
    @discardableResult
    package func run(
        _ version: ChosenVersion, _ extent: Extent, progress: (Progress) -> Void = { _ in }
    ) async throws -> Progress {
        let image = try await systems.soundImage(of: version, cache: cache)
        let index = try image.index()
        let ledger = try image.ledger(index, in: places.ledgers)
        let absence = image.file.map { FileAbsence($0, VendorNotes(places: places)) }
        let stores = try image.stores(
            index, ledger, cache: cache, transfers: transfers, policy: .rounds(5)
        ) { [failures] failure in
            if case .missing(_, let place) = failure { _ = absence?.note(place) }
            failures?(failure)
        }
        defer {
            stores.close()
            if let file = image.file, let library = systems.vendors { file.remember(stores, in: library) }
        }
        await image.file?.keepBeginning(in: stores, of: index, cache)
        let blocks = try await blocks(of: index, version, extent, stores)
        var state = Progress()
        let missing = try await stores.keep(blocks, of: index) { kept in
            state = Progress(
                done: kept.doneBytes, total: kept.totalBytes,
                downloaded: UInt64(stores.caching.statistics.bytesFetched))
            progress(state)
        }
        // What was downloaded again because another process held the cache counts, too.
        state.downloaded = UInt64(stores.caching.statistics.bytesFetched)
        if !version.source.isVendors { absence?.settle(stores) }
        guard missing == 0 else { throw VersionFetchError.notKept(bytes: missing) }
        if extent == .whole { state.standing = try await verify(image, index, ledger) }
        return state
    }

    /// Compares all of a vendor's file with what its vendor says. A wrong one is thrown away.
    /// - Returns: nil for a catalog's version.
    /// - Throws: ``VersionFetchError/wrong(_:reason:servers:)``, ``VersionFetchError/unverifiable(_:reason:)``.
    private func verify(
        _ image: VersionImage, _ index: ImageIndex, _ ledger: PieceLedger?
    ) async throws -> FileStanding? {
        let notes = VendorNotes(places: places)
        guard image.chosen.source.isVendors, let file = image.file, let vendors = systems.vendors else { return nil }
        if let standing = notes.standing(of: file, ledger) { return standing }
        let finding = try await file.check(index, ledger, cache: cache, library: vendors)
        switch finding {
        case .right:
            try notes.noteRight(file, ledger)
            return FileStanding(ofRight: file)
        // Where each piece is, all of it is.
        case .unknown: return file.source.trust >= .pieces ? .verified : .unknown
        case .incomplete: throw VersionFetchError.notKept(bytes: UInt64(index.longestBlock))
        case .unverifiable(let reason, _):
            throw VersionFetchError.unverifiable(VersionKey(image.chosen), reason: reason)
        case .wrong(let reason):
            let servers = file.servers
            try notes.noteWrong(file, reason: "\(reason); it came from \(servers)")
            try await WorkerThread.run(name: "discard") { [cache] in
                try file.throwAway(index, ledger, VersionKey(image.chosen), cache: cache, library: vendors)
            }
            throw VersionFetchError.wrong(VersionKey(image.chosen), reason: reason, servers: servers)
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
        let published = recorded.recorded(key) == nil ? try await systems.catalogs.bootSet(of: version) : nil
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
    /// So many bytes of the image are not in the cache: it is full, cannot be written, or another process holds it.
    case notKept(bytes: UInt64)
}

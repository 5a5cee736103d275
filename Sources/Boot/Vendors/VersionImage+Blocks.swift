import BlockStore
import ContentAddress
import Curl
import ImageIndex
import Linux
import Vendors

extension VersionImage {
    /// What the pieces of a vendor's file are compared with; nil where the index has digests of all that it lists.
    /// - Throws: `PieceLedgerError`, ``ImageIndexError``.
    package func ledger(_ index: ImageIndex, in ledgers: LedgerFolder) throws -> PieceLedger? {
        try streamed?.ledger(index, in: ledgers)
    }

    /// What gives the blocks: the cache, then the publisher's tree and its mirrors, or the vendor's servers.
    /// - Parameter failures: told of every failure of a server, from any thread.
    /// - Throws: ``ImageIndexError``.
    package func stores(
        _ index: ImageIndex, _ ledger: PieceLedger?, cache: BlockCache, transfers: TransferQueue, policy: RetryPolicy,
        failures: (@Sendable (BlockStoreError) -> Void)? = nil
    ) throws -> BlockStores {
        if let remake { return BlockStores(remake: remake, cache: cache, policy: policy, failures: failures) }
        return try streamed?.stores(
            index, ledger, cache: cache, transfers: transfers, policy: policy, failures: failures)
            ?? BlockStores(
                locations: chosen.blockLocations, cache: cache, transfers: transfers, policy: policy, failures: failures
            )
    }
}

extension PinnedFile {
    /// Bytes of a piece, unless the index says otherwise.
    private static let pieceLength = 262_144

    /// Opens the index of its pieces.
    /// - Throws: ``ImageIndexError``.
    package func index() throws(ImageIndexError) -> ImageIndex {
        guard let size = source.size else { return try ImageIndex(path: indexPath) }
        return try ImageIndex(path: indexPath, imageSize: size)
    }

    /// See ``VersionImage/ledger(_:in:)``.
    package func ledger(_ index: ImageIndex, in ledgers: LedgerFolder) throws -> PieceLedger? {
        guard source.trust < .pieces else { return nil }
        let first = try index.block(at: 0)
        try Folder.make(ledgers.path, mode: 0o700)
        let key = PieceKey(of: first.id)
        return try PieceLedger(
            path: ledgers.path(of: key), key: key, fileSize: index.imageSize,
            pieceLength: max(PinnedFile.pieceLength, first.length))
    }

    /// Where the ledger is, or would be; nil where the index has digests of all that it lists.
    /// - Throws: ``ImageIndexError``.
    func ledgerPath(_ index: ImageIndex, in ledgers: LedgerFolder) throws -> String? {
        source.trust < .pieces ? ledgers.path(of: PieceKey(of: try index.block(at: 0).id)) : nil
    }

    /// What gives the file's pieces: the cache, then the vendor's servers.
    package func stores(
        _ index: ImageIndex, _ ledger: PieceLedger?, cache: BlockCache, transfers: TransferQueue, policy: RetryPolicy,
        failures: (@Sendable (BlockStoreError) -> Void)? = nil
    ) throws -> BlockStores {
        try BlockStores(
            file: RangedFile(size: index.imageSize, places: places.map(\.ranged)), index: index, ledger: ledger,
            others: stores ?? [],
            cache: cache, transfers: transfers, policy: policy, failures: failures)
    }

    /// Keeps what was learned of the file's places for the next start. One that has been replaced everywhere is pinned anew then.
    func remember(_ stores: BlockStores, in library: VendorLibrary) {
        if stores.haveAllChanged { return library.forget(self) }
        library.remember(stores.pinned, of: self)
    }

    /// Keeps the beginning of the file, which came when it was looked at, so that it is not asked for again.
    func keepBeginning(in stores: BlockStores, of index: ImageIndex, _ cache: BlockCache) async {
        // What cannot be kept is fetched when it is read.
        guard let path = beginningPath, let first = try? index.block(at: 0), !cache.contains(first.id),
            let head = try? FileContents.read(path, limit: 1 << 20)
        else { return }
        // As above.
        try? await stores.keep(head: head, of: index, place: places.first?.finalURL ?? "")
    }
}

import BlockStore
import Catalog
import ContentAddress
import ImageIndex
import Linux
import Vendors

/// What machines are based on.
extension MachineLibrary {
    /// What the pins of machines' bases begin with in the cache. No version's pin does: those have an `@`.
    package static let pinPrefix = "machines/"

    /// The machine whose base a pin keeps; nil for another pin.
    package static func machine(ofPin name: String) -> String? {
        name.hasPrefix(pinPrefix) && !name.contains("@") ? String(name.dropFirst(pinPrefix.count)) : nil
    }

    /// Where a machine's image is, by its own copies of what describes it.
    func image(_ record: MachineRecord, _ folder: MachineFolder) -> VersionImage { record.base.image(in: folder) }

    /// Compares the machine's copy of the index with its record.
    /// - Throws: ``MachineError/damaged(_:path:reason:)``, ``MachineError/file(_:)``.
    func checkIndex(_ record: MachineRecord, _ folder: MachineFolder) throws(MachineError) {
        let digest: String
        do throws(SystemCallError) {
            digest = try MachineLibrary.digest(of: folder.index)
        } catch {
            if error.isAbsent { throw .damaged(folder.name, path: folder.index, reason: "it is not there") }
            throw .file(error)
        }
        guard digest == record.base.indexDigest else {
            throw .damaged(
                folder.name, path: folder.index, reason: "it is not the index that the machine was made with")
        }
    }

    /// `sha256:…` of a file.
    static func digest(of path: String) throws(SystemCallError) -> String {
        try FileDigest(of: try FileHandle(path, for: .reading)).description
    }

    /// How much of a base is here; nil where its index cannot be read.
    func baseState(_ record: MachineRecord, _ folder: MachineFolder, _ cache: BlockCache) -> MachineRow.Base? {
        baseState(record.base, folder, cache)
    }

    /// As above, of a base whose copies lie in a folder that is laid out as a machine's.
    func baseState(_ base: MachineRecord.Base, _ folder: MachineFolder, _ cache: BlockCache) -> MachineRow.Base? {
        // The doc comment says what nil means.
        let image = base.image(in: folder)
        // The same.
        guard let index = try? image.index() else { return nil }
        // Pieces count only when it is known what they are. A ledger that is not there is not made here.
        let path = ledgerPath(base, folder)
        let isThere = path.map { Paths.allows(.reading, $0) } ?? false
        // One that cannot be opened knows nothing.
        let ledger = isThere ? try? image.ledger(index, in: places.ledgers) : nil
        var (total, here) = (UInt64(0), UInt64(0))
        do {
            try index.forEachBlock { block in
                if block.isHole { return }
                total += UInt64(block.length)
                if path != nil, ledger?.knows(block.id) != true { return }
                if cache.contains(block.id) { here += UInt64(block.length) }
            }
        } catch {
            return nil
        }
        return MachineRow.Base(total: total, here: here)
    }

    /// What all machines lie on: the versions, and the files with the digests of vendors' pieces.
    /// - Throws: ``MachineError`` where one cannot be read: nobody knows then what it needs.
    func bases() throws(MachineError) -> [(key: VersionKey, ledger: String?)] {
        var bases: [(key: VersionKey, ledger: String?)] = []
        for name in try names() {
            let folder = try folder(name)
            let record = try folder.read()
            bases.append((record.base.key, ledgerPath(record.base, folder)))
        }
        return bases
    }

    /// Writes down in each machine on a file that it was found wrong: what its guest has read may be anybody's, and what comes under
    /// the same name the next time is another disk. Call it before what is here of the file is thrown away. Waits for the disk.
    /// - Throws: ``SystemCallError``.
    func condemn(on file: PinnedFile, reason: String) throws(SystemCallError) {
        // What was unpacked is known by digests of its own, whatever a later download is like. Without an index nobody has read the file.
        guard file.source.trust < .pieces, file.packing == nil, let index = try? file.index(),
            // The same.
            let wrong = (try? file.ledgerPath(index, in: places.ledgers)) ?? nil
        else { return }
        for name in Folder.namesIfAny(in: places.machines) {
            // One that cannot be read does not start.
            guard KeptName(name) != nil, let folder = try? folder(name), let record = try? folder.read(),
                record.fault == nil, let path = ledgerPath(record.base, folder), path == wrong
            else { continue }
            try folder.condemn(
                "all of \(record.base.key) has arrived, and is not what its vendor says: \(reason). What this machine has read and written "
                    + "is not to be trusted")
        }
    }

    /// Where the digests of the pieces of a machine's base are; nil where its index has them, or cannot be read.
    func ledgerPath(_ base: MachineRecord.Base, _ folder: MachineFolder) -> String? {
        let image = base.image(in: folder)
        // One whose index cannot be read does not start, with or without them.
        guard let index = try? image.index() else { return nil }
        // As above.
        return (try? image.streamed?.ledgerPath(index, in: places.ledgers)) ?? nil
    }

    // MARK: Pins

    /// The blocks of a base, to be pinned; empty where it cannot be read.
    func baseBlocks(_ record: MachineRecord, _ folder: MachineFolder) -> Set<BlockID> {
        baseBlocks(record.base, folder)
    }

    func baseBlocks(_ base: MachineRecord.Base, _ folder: MachineFolder) -> Set<BlockID> {
        // As said above.
        guard let index = try? base.image(in: folder).index() else { return [] }
        var ids: Set<BlockID> = []
        // As said above.
        guard (try? index.forEachBlock { if !$0.isHole { ids.insert($0.id) } }) != nil else { return [] }
        return ids
    }

    /// Keeps a base's blocks from eviction. What fails is tried again whenever the machines are listed.
    func pin(_ blocks: Set<BlockID>, as name: String, _ cache: BlockCache) {
        // As said above.
        if !blocks.isEmpty { try? cache.pin(MachineLibrary.pinPrefix + name, blocks) }
    }

    func unpin(_ name: String, _ cache: BlockCache) {
        // One that stays is removed when the machines are listed.
        _ = try? cache.unpin(MachineLibrary.pinPrefix + name)
    }

    /// Sees to it that each machine's base is pinned, and nothing else in a machine's name.
    func tidyPins(_ cache: BlockCache) {
        // Pins that cannot be read are left as they are; so are all where it is not known which machines there are.
        guard let pins = try? cache.pins(), let names = try? names() else { return }
        let pinned = Set(pins.compactMap(MachineLibrary.machine(ofPin:)))
        for name in pinned.subtracting(names) { unpin(name, cache) }
        for name in names where !pinned.contains(name) {
            // One that cannot be read has a problem of its own.
            guard let folder = try? folder(name), let record = try? folder.read() else { continue }
            pin(baseBlocks(record, folder), as: name, cache)
        }
    }
}

extension BlockCache {
    /// Removes all pins and blocks, but those of running sessions, of suspended guests, and of machines that are kept. Waits for the disk.
    /// - Returns: bytes freed.
    /// - Throws: ``SystemCallError``.
    @discardableResult
    package func clearButMachines() throws -> Int {
        WarmLibrary(cache: directory).forgetTries()
        return try clear(keeping: {
            MachineLibrary.machine(ofPin: $0) != nil || SuspendedLibrary.session(ofPin: $0) != nil
        })
    }
}

extension MachineRecord.Base {
    /// - Parameters:
    ///   - image: what the session boots.
    ///   - indexDigest: `sha256:…` of the copy of its index.
    init(_ image: VersionImage, indexDigest: String, size: UInt64) {
        let chosen = image.chosen
        var version = chosen.version
        version.guest = chosen.guest
        source = chosen.source
        sourceKind = chosen.source.kind
        (distribution, title) = (chosen.distribution.id, chosen.distribution.title)
        architecture = chosen.distribution.architecture
        (self.version, published, guest) = (version.id, version.published, version.guest)
        (blocks, mirrors) = (chosen.document.blocks, chosen.document.mirrors)
        self.size = size
        digest = image.digest
        self.indexDigest = indexDigest
        (vendor, file) = (version.source, image.file)
    }

    /// The version as it was when the machine was made, whatever its catalog says now.
    /// - Parameter copy: what is known of its catalog now: its server may have moved, and have other mirrors. Nil for nothing.
    /// - Parameter remake: makes the blocks again that a packed file was unpacked to.
    func image(
        in folder: MachineFolder, copy: CatalogCopy? = nil,
        remake: (@Sendable (PinnedFile) async throws -> Void)? = nil
    ) -> VersionImage {
        var source = copy?.source ?? source
        if copy == nil { source.kind = sourceKind }
        let document =
            copy?.document
            ?? CatalogDocument(name: source.name, updated: published, blocks: blocks, mirrors: mirrors)
        var version = DistributionVersion(
            id: version, published: published, index: "", size: size, digest: digest.flatMap { FileDigest($0) },
            guest: guest)
        version.source = vendor
        // Blocks lie in the tree where the file says so, see below.
        if file == nil { version.source = nil }
        let distribution = Distribution(
            id: distribution, title: title, architecture: architecture, versions: [version])
        let chosen = ChosenVersion(
            source: source, document: document, distribution: distribution, version: version)
        // The machine's index is that of what a packed file was unpacked to.
        if let file, file.packing != nil {
            let packed: PinnedFile = file.withPieces(in: folder)
            var again: (@Sendable () async throws -> Void)?
            if let remake { again = { try await remake(packed) } }
            return VersionImage(chosen: chosen, indexPath: folder.index, file: packed, remake: again)
        }
        var file = file
        file?.indexPath = folder.index
        if file?.signaturePath != nil { file?.signaturePath = folder.signature }
        if file?.beginningPath != nil { file?.beginningPath = folder.beginning }
        return VersionImage(chosen: chosen, indexPath: folder.index, file: file)
    }
}

extension PinnedFile {
    /// The same packed file, whose pieces a machine's own copies describe: of an older machine's there may be none.
    fileprivate func withPieces(in folder: MachineFolder) -> PinnedFile {
        var file = self
        if Paths.allows(.reading, folder.pieces) { file.indexPath = folder.pieces }
        if signaturePath != nil, Paths.allows(.reading, folder.signature) { file.signaturePath = folder.signature }
        if beginningPath != nil, Paths.allows(.reading, folder.beginning) { file.beginningPath = folder.beginning }
        return file
    }
}

extension VersionImage {
    /// What the image, or the vendor's file, is known by: `sha256:…`, `sha512:…`; nil where nobody has said.
    var digest: String? { file?.source.digests.first ?? chosen.version.digest?.description }
}

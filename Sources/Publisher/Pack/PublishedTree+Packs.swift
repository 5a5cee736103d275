import Catalog
import ContentAddress
import ImageIndex
import Linux

extension PublishedTree {
    /// Publishes the boot packs of a version: one of all pages that its start reads, and one for readers who have the version before it,
    /// where it is shorter by much. Pieces first, as blocks, then the lists, then the catalog that names them. Packs from an earlier
    /// recording are replaced; their pieces stay for readers of an older catalog.
    /// - Returns: what the catalog has of them; none for a version whose bytes lie at a vendor's, or where no page was read.
    /// - Throws: ``PublisherError``; the catalog is as it was then.
    @discardableResult
    package func publish(
        _ pages: BootPages, of distribution: String, _ version: VersionID, cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) -> [PublishedPack] {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        try checkNothingWaits()
        guard let system = try contents.catalog().distribution(distribution), let entry = system.version(version)
        else { throw contents.noVersion(version, of: distribution) }
        // A reader of a vendor's image takes nothing on the publisher's word alone.
        guard entry.source == nil else { return [] }
        let lists = try makePacks(of: pages, system, entry, contents, cancellation)
        let packs = lists.map { list in
            PublishedPack(
                pack: PublishedPack.name(distribution, version, basis: list.basis.flatMap { VersionID($0.version) }),
                basis: list.basis?.version, size: UInt64(list.size), storedSize: UInt64(list.storedSize))
        }
        let names = packs.map(\.pack)
        try change(
            distribution, version, files: zip(names, lists).map { ($0, Array($1.text.utf8)) },
            removing: entry.packs.map(\.pack).filter { !names.contains($0) }
        ) { $0.packs = packs }
        return packs
    }

    /// Makes the packs, and writes their pieces.
    private func makePacks(
        of pages: BootPages, _ system: Distribution, _ entry: DistributionVersion, _ contents: TreeContents,
        _ cancellation: Cancellation
    ) throws(PublisherError) -> [BootPack] {
        let store = ChunkStoreFolder(path: blocks)
        let ingest = try IngestFolder(store: blocks)
        defer { ingest.remove() }
        let image = try StoredImage(try contents.index(entry.index), name: entry.index, store: store)
        let maker = try PackMaker(
            image, index: try contents.digest(of: entry.index), store: store, ingest: ingest, cancellation: cancellation
        )
        let all = try maker.runs(of: pages)
        if all.isEmpty { return [] }
        var lists = [try maker.make(all)]
        if let (basis, blocks) = newestOlder(than: entry, system, contents) {
            let changed = try maker.runs(of: pages, without: blocks)
            // One that spares next to nothing would only take room.
            let count = changed.reduce(0) { $0 + $1.count }
            if count > 0, count * 10 <= lists[0].pageCount * 9 {
                lists.append(try maker.make(changed, basis: basis))
            }
        }
        return lists
    }

    /// The newest of the older versions, and its blocks; nil where there is none, or its index is of no use here.
    private func newestOlder(
        than entry: DistributionVersion, _ system: Distribution, _ contents: TreeContents
    ) -> (BootPack.Basis, Set<BlockID>)? {
        let older = system.versions.filter { $0.id < entry.id && $0.source == nil }.max { $0.id < $1.id }
        // Without it there is the pack of all, which is as good for everybody else.
        guard let older, let index = try? contents.index(older.index),
            let digest = try? contents.digest(of: older.index)
        else { return nil }
        var blocks: Set<BlockID> = []
        do { try index.forEachBlock { blocks.insert($0.id) } } catch { return nil }
        return (BootPack.Basis(version: older.id.text, index: digest), blocks)
    }
}

extension TreeContents {
    /// A boot pack, from the file that was signed.
    /// - Throws: ``PublisherError/index(path:_:)``; also when the file is not the signed one.
    func pack(_ name: String) throws(PublisherError) -> BootPack {
        guard let file = file(name), let path = path(of: name) else {
            throw .index(path: name, .malformed(reason: "it is not signed"))
        }
        let bytes: [UInt8]
        do { bytes = try FileContents.read(path, limit: BootPack.Bounds.file) } catch {
            throw .index(path: path, .file(error))
        }
        if let reason = file.identity.mismatch(bytes) {
            throw .index(path: path, .malformed(reason: "\(reason)"))
        }
        do { return try BootPack(text: String(decoding: bytes, as: UTF8.self)) } catch {
            throw .index(path: path, error)
        }
    }

    /// The SHA-256 of a signed file.
    /// - Throws: ``PublisherError/index(path:_:)`` where it is signed without one, or not at all.
    func digest(of name: String) throws(PublisherError) -> FileDigest {
        guard let digest = file(name)?.sha256.flatMap({ BlockID(hex: $0) }) else {
            throw .index(path: name, .malformed(reason: "it is not signed with its SHA-256"))
        }
        return FileDigest(id: digest)
    }
}

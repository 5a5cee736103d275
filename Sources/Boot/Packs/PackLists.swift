import BlockStore
import Catalog
import ContentAddress
import ImageIndex
import Linux

/// The lists of a version's boot packs that are here. Waits for the disk.
struct PackLists: Sendable {
    /// What is here of the version that a pack is against.
    struct Basis: Sendable {
        /// Its own pack of all pages: whose pieces a start of it has left.
        let list: String
        let index: String
    }

    /// Where lists are, and which versions they are said to be against.
    let places: [(path: String, basis: String?, under: Basis?)]
    /// Of the version's index.
    let indexPath: String

    /// The ids of all pieces.
    var pieces: [BlockID] {
        // What cannot be read was not used.
        places.flatMap { (try? BootPack(path: $0.path))?.pieces.map(\.id) ?? [] }
    }

    /// Those that a start may use. What is malformed, cut off, of another version or known to be wrong is left out: the version boots without.
    /// - Parameter cache: a pack that would fill it is left out, too: what came first would go before it is read.
    func usable(of index: ImageIndex, in cache: BlockCache) -> [BootPack] {
        // Those of 2009 have no packs.
        if places.isEmpty || index.algorithm == .sha1 { return [] }
        // Without it nothing can be compared with it.
        guard let digest = try? FileDigest(of: FileHandle(indexPath, for: .reading)) else { return [] }
        let room = cache.limit / 4 * 3
        // The same wrong page may be in each of them.
        if PackNotes(indexPath: indexPath).hasAny { return [] }
        return places.flatMap { place -> [BootPack] in
            // As said above.
            guard let pack = try? BootPack(path: place.path), pack.basis?.version == place.basis, pack.size <= room,
                (try? pack.check(index: digest, imageSize: index.imageSize)) != nil
            else { return [] }
            guard let both = joined(pack, place.under, index), both.size <= room else { return [pack] }
            return [pack, both]
        }
    }

    /// A pack together with its basis's own; nil where that is not here, or is no longer what the pack was made against.
    private func joined(_ pack: BootPack, _ under: Basis?, _ index: ImageIndex) -> BootPack? {
        // What is missing or does not fit is left out, as above.
        guard let under, let basis = pack.basis, let older = try? ImageIndex(path: under.index),
            (try? FileDigest(of: FileHandle(under.index, for: .reading))) == basis.index,
            let whole = try? BootPack(path: under.list), whole.basis == nil,
            (try? whole.check(index: basis.index, imageSize: older.imageSize)) != nil,
            !PackNotes(indexPath: under.index).hasAny
        else { return nil }
        // An index that cannot be read: as above.
        return try? BootPack(pack, over: whole) { page throws(ImageIndexError) in
            try index.hasUnchanged(page: page, since: older)
        }
    }
}

/// Boot packs of a version that gave pages which its image does not have: `VERSION.DIGEST.wrong-packs` beside its index. None of the version is used again.
struct PackNotes: Sendable {
    private let path: String

    private static let most = 64

    /// - Parameter indexPath: of the version's index.
    init(indexPath: String) {
        let name = indexPath.hasSuffix(".caibx") ? indexPath.dropLast("caibx".count) : "\(indexPath)."
        path = name + "wrong-packs"
    }

    var hasAny: Bool { !all().isEmpty }

    /// - Throws: ``SystemCallError``.
    func note(_ pack: BootPack) throws(SystemCallError) {
        let names = (all().filter { $0 != PackNotes.name(of: pack) } + [PackNotes.name(of: pack)]).suffix(
            PackNotes.most)
        try AtomicFile.write(Array(names.joined(separator: "\n").utf8), to: path, mode: 0o600)
    }

    private func all() -> [String] {
        // One that cannot be read costs a guest that is stopped once more.
        let text = try? FileContents.readText(path, limit: PackNotes.most * 128)
        return text?.split(separator: "\n").map(String.init) ?? []
    }

    private static func name(of pack: BootPack) -> String { FileDigest.sha256(of: Array(pack.text.utf8)).description }
}

extension SystemsLibrary {
    /// The boot packs that a start of a version may use.
    /// - Parameter lacking: the boot set's blocks that are not here; without any there is nothing to use one for.
    func packs(
        _ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion, _ index: ImageIndex,
        _ lacking: [IndexedBlock], _ cache: BlockCache
    ) -> [BootPack] {
        if lacking.isEmpty || version.packs.isEmpty || !usesPacks { return [] }
        return catalogs.packLists(source, distribution, version).usable(of: index, in: cache)
    }
}

extension CatalogLibrary {
    /// Brings the lists of the boot packs that may be of use for a version: of the one of all pages, and of those against versions whose index is
    /// here. One that cannot be had is left out.
    /// - Parameter fetches: whether servers are asked for lists that are not here.
    package func bringPackLists(of version: ChosenVersion, fetches: Bool = true) async {
        await withTaskGroup(of: Void.self) { group in
            for pack in usefulPacks(version.source, version.distribution, version.version) {
                let path = packPath(pack, version.source, version.distribution, version.version)
                guard fetches || Paths.allows(.reading, path) else { continue }
                // A boot without it is slower, no more. What is here is compared with what is signed, and replaced.
                group.addTask { _ = try? await self.pack(pack, of: version) }
            }
        }
    }

    /// The lists that are here of a version's boot packs.
    func packLists(
        _ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion
    ) -> PackLists {
        let here = usefulPacks(source, distribution, version).map { pack in
            (
                path: packPath(pack, source, distribution, version), basis: pack.basis,
                under: pack.basis.flatMap { basis(source, distribution, $0) }
            )
        }
        return PackLists(
            places: here.filter { Paths.allows(.reading, $0.path) },
            indexPath: indexPath(source, distribution, version))
    }

    /// The own pack of a version that another one's is against.
    private func basis(
        _ source: CatalogSource, _ distribution: Distribution, _ id: String
    ) -> PackLists.Basis? {
        guard let version = distribution.versions.first(where: { $0.id.text == id }),
            let whole = version.packs.first(where: { $0.basis == nil })
        else { return nil }
        let list = packPath(whole, source, distribution, version)
        return Paths.allows(.reading, list)
            ? PackLists.Basis(list: list, index: indexPath(source, distribution, version)) : nil
    }

    private func usefulPacks(
        _ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion
    ) -> [PublishedPack] {
        // What is compared with its vendor's word takes nothing on a publisher's.
        if version.packs.isEmpty || version.source != nil || source.isVendors { return [] }
        let known = versionsWithIndex(source, distribution)
        return version.packs.filter { pack in pack.basis.map { known.contains($0) } ?? true }
    }
}

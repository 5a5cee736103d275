import BlockStore
import Catalog
import ContentAddress
import ImageIndex
import Linux

/// The boot pack of a session's version.
extension SessionRun {
    /// Whether a start may take pages on its publisher's word: not of what a vendor has signed, nor for a disk that stays on the image.
    func mayUsePack(_ image: VersionImage) -> Bool {
        request.machine == nil && request.resumes == nil && image.file == nil
            && image.format.isPlain && !image.chosen.source.isVendors
    }

    /// Brings the lists of the boot packs that the start may use; without them it is slower, no more.
    /// - Parameter isCurrent: whether the server answers.
    func bringPackLists(of image: VersionImage, _ systems: SystemsLibrary, isCurrent: Bool) async {
        guard systems.usesPacks, mayUsePack(image) else { return }
        await systems.catalogs.bringPackLists(of: image.chosen, fetches: isCurrent)
    }

    /// The boot pack that makes the start cheapest; nil where blocks alone do. Waits for the disk.
    /// - Throws: ``ImageIndexError``.
    func choosePack(
        of image: VersionImage, _ index: ImageIndex, _ bootSet: [IndexedBlock], _ systems: SystemsLibrary,
        _ cache: BlockCache
    ) throws -> BootPack? {
        guard mayUsePack(image) else { return nil }
        let chosen = image.chosen
        let lacking = bootSet.filter { !cache.contains($0.id) }
        let packs = systems.packs(chosen.source, chosen.distribution, chosen.version, index, lacking, cache)
        if packs.isEmpty { return nil }
        let ratio = BootPlan.ratio(storedSize: chosen.version.storedSize, unique: try index.uniqueBytes())
        let plan = BootPlan.cheapest(of: packs, lacking: lacking, ratio: ratio, isHere: cache.contains)
        guard let pack = plan.pack else { return nil }
        let basis = pack.basis.map { ", with what \($0.version) has" } ?? ""
        note(
            "the start takes pages from its boot pack of \(pack.pieces.count) pieces\(basis): \(plan.cost.bytes) bytes to fetch\n"
        )
        return pack
    }

    /// A block has come, and the guest was given other bytes of it from the boot pack: it is ended, and the pack is not used again.
    func condemnPack(of version: SessionImage, _ block: IndexedBlock) {
        guard let pack = version.pack else { return }
        let chosen = version.chosen
        let message =
            "the publisher of \(VersionKey(chosen)) (\(chosen.source.shownURL)) has signed a boot pack that differs from the image: its pages "
            + "of block \(block.position), at byte \(block.offset), are others. The guest had read them, and was stopped; what it wrote to its "
            + "disk is thrown away. Tell the publisher. The next start does without packs"
        let notes = PackNotes(indexPath: version.image.indexPath)
        // The signal comes from a thread that must not wait for the disk.
        let noting = { @Sendable [self] in
            do { try notes.note(pack) } catch {
                note("warning: it cannot be noted that a boot pack is wrong: \(error)\n")
            }
            signals.continuation.yield(.untrue(SessionFailure(exitCode: 65, message: message)))
        }
        // Without a thread the disk is waited for here.
        if (try? WorkerThread.start(name: "boot pack", noting)) == nil { noting() }
    }
}

extension ImageIndex {
    /// Bytes of the different blocks, without holes.
    /// - Throws: ``ImageIndexError``.
    fileprivate func uniqueBytes() throws -> UInt64 {
        var seen: Set<BlockID> = []
        var bytes: UInt64 = 0
        try forEachBlock { if !$0.isHole, seen.insert($0.id).inserted { bytes += UInt64($0.length) } }
        return bytes
    }
}

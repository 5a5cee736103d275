import BlockStore
import Catalog
import Vendors

extension SessionImage {
    /// Whether all that a guest reads of it is what its publisher, or its vendor, has signed.
    func isVerified(_ notes: VendorNotes) -> Bool {
        guard let file = image.file else { return true }
        if image.isUnpacked { return file.standingWhenUnpacked == .verified }
        return file.source.trust >= .pieces || notes.standing(of: file, ledger) == .verified
    }

    /// Whether all of it is here. Looks at every block's file.
    /// - Throws: `ImageIndexError`.
    func isWhole(in cache: BlockCache) throws -> Bool {
        var isWhole = true
        try index.forEachBlock { block in
            guard isWhole, !block.isHole else { return }
            isWhole = cache.contains(block.id) && ledger?.knows(block.id) ?? true
        }
        return isWhole
    }
}

extension ChosenVersion {
    /// Why guests of this version cannot start warm, in words that go on after its name; nil where they can as far as anybody has said.
    package var obstacleToPark: String? {
        if guest.media == .cdrom { return "cannot start warm: it runs from a CD-ROM" }
        if guest.canPark { return nil }
        return "cannot start warm: its image does not say that it can be put to sleep and go on as many guests"
    }
}

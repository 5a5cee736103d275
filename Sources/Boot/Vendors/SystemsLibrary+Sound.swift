import BlockStore
import Catalog
import Linux
import Vendors

extension SystemsLibrary {
    /// As ``image(of:elsewhere:)``, but what was found wrong earlier is thrown away first if that has not happened, and what was wrong
    /// the last time comes from the vendor's own server alone.
    /// - Throws: what ``image(of:elsewhere:)`` throws; ``ImageIndexError``, ``SystemCallError``.
    package func soundImage(
        of chosen: ChosenVersion, isNewest: Bool = false, cache: BlockCache
    ) async throws -> VersionImage {
        let image = try await image(of: chosen, isNewest: isNewest)
        guard let notes, let ledgers, let vendors, let file = image.file, notes.isCondemned(file) else { return image }
        // Whoever found it wrong was ended before he had thrown it away.
        try await WorkerThread.run(name: "discard") {
            let index = try file.index()
            try file.throwAway(
                index, try file.ledger(index, in: ledgers), VersionKey(image.chosen), cache: cache, library: vendors)
        }
        return try await self.image(of: image.chosen)
    }
}

extension PinnedFile {
    /// The file from the vendor's own server alone.
    /// - Parameter own: its URL there.
    func onlyFrom(_ own: String?) -> PinnedFile {
        guard let own, let place = places.first(where: { $0.url == own }) else { return self }
        var file = self
        file.places = [place]
        file.source.urls = [place.finalURL]
        return file
    }
}

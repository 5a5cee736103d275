/// Boot packs' lists: fetched when a start may use one, and kept. Their pieces are blocks.
extension CatalogLibrary {
    /// Bytes of the longest list that is read.
    package static let longestPack = 4 << 20

    /// The local path of a version's pack, as its publisher signed it: fetched when it is not stored yet, or no longer matches.
    /// - Throws: ``CatalogAccessError``.
    package func pack(_ pack: PublishedPack, of version: ChosenVersion) async throws -> String {
        try await bring(
            pack.pack, of: version, to: packPath(pack, version.source, version.distribution, version.version),
            limit: CatalogLibrary.longestPack)
    }

    /// Where a version's pack is once it was fetched: beside the version's index, with no dot in the ending, as all names there. What
    /// lies there is not verified.
    package func packPath(
        _ pack: PublishedPack, _ source: CatalogSource, _ distribution: Distribution, _ version: DistributionVersion
    ) -> String {
        let own = indexPath(source, distribution, version).dropLast("caibx".count)
        let last = pack.pack.split(separator: "/").last ?? ""
        return own + last.map { $0 == "." ? "+" : "\($0)" }.joined()
    }
}

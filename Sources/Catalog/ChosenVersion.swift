import Curl

/// One version, with the distribution and catalog it was chosen from.
package struct ChosenVersion: Sendable {
    package let source: CatalogSource
    package let document: CatalogDocument
    package let distribution: Distribution
    package let version: DistributionVersion

    package init(
        source: CatalogSource, document: CatalogDocument, distribution: Distribution, version: DistributionVersion
    ) {
        self.source = source
        self.document = document
        self.distribution = distribution
        self.version = version
    }

    /// The distribution's guest settings, overridden by the version's own.
    package var guest: GuestSettings { version.guest.merged(over: distribution.guest) }

    /// Where the blocks are: the tree itself and its mirrors. All end with a slash.
    package var blockLocations: [TransferPlace] {
        // A mirror is any copy of the tree, so its blocks lie at the same place below it.
        let blocks = document.blocks.hasSuffix("/") ? document.blocks : document.blocks + "/"
        return source.places(document.mirrors).map { $0.appending(blocks) }
    }
}

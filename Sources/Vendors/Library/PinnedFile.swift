import BlockStore
import Catalog
import Curl

/// A vendor's file as it was found when it was chosen: what is streamed from now on, and nothing else.
package struct PinnedFile: Sendable, Hashable, Codable {
    /// A place that has the file, and what its server said of it.
    package struct Place: Sendable, Hashable, Codable {
        /// As the listing has it: asked again when the final URL no longer works.
        package var url: String
        /// On whose word it is asked.
        package var reach: TransferReach
        /// Where redirects led.
        package var finalURL: String
        /// On whose word that is.
        package var finalReach: TransferReach
        package var etag: String?
        package var lastModified: String?

        /// - Parameter pinned: what its server said; nil where it was not asked.
        package init(url: String, reach: TransferReach, pinned: PinnedURL? = nil) {
            (self.url, self.reach, finalURL, finalReach) = (url, reach, url, reach)
            if let pinned { pin(pinned) }
        }

        /// As it is asked for ranges.
        package var ranged: RangedPlace {
            RangedPlace(
                TransferPlace(url, reach: reach),
                pinned: PinnedURL(url: finalURL, reach: finalReach, entityTag: etag, lastModified: lastModified))
        }

        /// Whether its server was asked, and said by what a change of the file can be seen.
        var hasValidator: Bool { etag != nil || lastModified != nil }

        mutating func pin(_ pinned: PinnedURL) {
            (finalURL, finalReach) = (pinned.url, pinned.reach)
            (etag, lastModified) = (pinned.entityTag, pinned.lastModified)
        }
    }

    /// The row's id.
    package var system: String
    package var version: VersionID
    /// Final URLs, size, digests (those of signed sums where there are any) and level.
    package var source: VersionSource
    package var places: [Place]
    /// The fingerprint of the key that signed the digest or the pieces; nil where nobody has.
    package var signedBy: String?
    /// What a user may want to know of that signature, one sentence.
    package var warning: String?
    /// A detached signature of the file itself, kept here: ``VendorLibrary/verifyWhole(_:read:)`` verifies it at the end.
    package var signaturePath: String?
    /// Where the file's index is: of signed pieces, or made up.
    package var indexPath: String
    /// Bytes from the file's beginning that were fetched already; nil for none.
    package var beginningPath: String?
    /// Whether the file must be here whole before it is used.
    package var isDownloadOnly: Bool
    package var packing: VendorRow.Packing?
    package var guest: GuestSettings
    package var pinned: Timestamp
}

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
        /// Whether its server was asked where the file is; a catalog's was not yet.
        package var wasAsked = true

        /// - Parameter pinned: what its server said; nil where it was not asked.
        package init(url: String, reach: TransferReach, pinned: PinnedURL? = nil, wasAsked: Bool = true) {
            (self.url, self.reach, finalURL, finalReach) = (url, reach, url, reach)
            self.wasAsked = wasAsked
            if let pinned { pin(pinned) }
        }

        /// As it is asked for ranges.
        package var ranged: RangedPlace {
            RangedPlace(
                TransferPlace(url, reach: reach),
                pinned: wasAsked
                    ? PinnedURL(url: finalURL, reach: finalReach, entityTag: etag, lastModified: lastModified) : nil)
        }

        /// Whether its server was asked, and said by what a change of the file can be seen.
        var hasValidator: Bool { etag != nil || lastModified != nil }

        mutating func pin(_ pinned: PinnedURL) {
            (finalURL, finalReach) = (pinned.url, pinned.reach)
            (etag, lastModified) = (pinned.entityTag, pinned.lastModified)
        }
    }

    /// The row's id; CATALOG/DISTRO for a file that a catalog names.
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

    /// Whether nothing of it is of use before all of it is here.
    package var isWholeFirst: Bool { isDownloadOnly || packing != nil }
    /// Where the index of what it unpacks to is, once all of it was here, was judged, and was unpacked.
    package var unpackedPath: String { "\(indexPath).unpacked" }

    package var guest: GuestSettings
    package var pinned: Timestamp
    /// Block stores that have the file's pieces too, for when no place has the file; nil for none.
    package var stores: [TransferPlace]?

    /// A file that a catalog names, and of which it has signed the index: every piece is verified by that.
    /// - Returns: nil where the version has no source.
    package init?(of chosen: ChosenVersion, indexPath: String) {
        guard let source = chosen.version.source else { return nil }
        system = "\(chosen.source.name)/\(chosen.distribution.id)"
        version = chosen.version.id
        places = chosen.source.places(ofFile: source.urls).map {
            Place(url: $0.url, reach: $0.reach, wasAsked: false)
        }
        self.source = source
        self.source.urls = places.map(\.url)
        self.indexPath = indexPath
        isDownloadOnly = false
        guest = GuestSettings()
        pinned = chosen.version.published
        stores = chosen.version.hasBlocks ? chosen.blockLocations : nil
    }

    package init(
        system: String, version: VersionID, source: VersionSource, places: [Place], signedBy: String? = nil,
        warning: String? = nil, indexPath: String, isDownloadOnly: Bool, packing: VendorRow.Packing? = nil,
        guest: GuestSettings, pinned: Timestamp
    ) {
        (self.system, self.version, self.source, self.places) = (system, version, source, places)
        (self.signedBy, self.warning, self.indexPath) = (signedBy, warning, indexPath)
        (self.isDownloadOnly, self.packing, self.guest, self.pinned) = (isDownloadOnly, packing, guest, pinned)
    }
}

import Catalog

/// A vendor's file as it was found when it was chosen: what is streamed from now on, and nothing else.
package struct PinnedFile: Sendable, Hashable, Codable {
    /// A place that has the file, and what its server said of it.
    package struct Place: Sendable, Hashable, Codable {
        /// As the listing has it: asked again when the final URL no longer works.
        package var url: String
        /// Where redirects led.
        package var finalURL: String
        package var etag: String?
        package var lastModified: String?

        package init(url: String, finalURL: String, etag: String? = nil, lastModified: String? = nil) {
            self.url = url
            self.finalURL = finalURL
            self.etag = etag
            self.lastModified = lastModified
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
    /// Where digests of pieces are written down as they come; nil where the index has them.
    package var ledgerPath: String?
    /// Bytes from the file's beginning that were fetched already; nil for none.
    package var beginningPath: String?
    /// Whether the file must be here whole before it is used.
    package var isDownloadOnly: Bool
    package var packing: VendorRow.Packing?
    package var guest: GuestSettings
    package var pinned: Timestamp
}

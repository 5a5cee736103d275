import Formats

/// A file of a vendor's that a version's image is read from while the guest runs.
package struct VersionSource: Sendable, Hashable, Codable {
    /// Where the file is: http, https or file. The first is asked first; all give the same bytes.
    package var urls: [String]
    package var format: DiskFormat
    /// Bytes of the file; nil until somebody has said so.
    package var size: UInt64?
    /// Of the whole file, `sha256:HEX` or `sha512:HEX`; empty where nobody says.
    package var digests: [String]
    /// What can be said of a byte before a guest reads it.
    package var trust: TrustLevel
    /// The vendor's own name of the build: `20260911`, `44-1.7`.
    package var build: String?

    package init(
        urls: [String], format: DiskFormat, size: UInt64? = nil, digests: [String] = [], trust: TrustLevel,
        build: String? = nil
    ) {
        self.urls = urls
        self.format = format
        self.size = size
        self.digests = digests
        self.trust = trust
        self.build = build
    }
}

/// How sure a reader is of a version's bytes, and when. The least sure first.
package enum TrustLevel: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    /// Only the connection to the vendor's server vouches; compared with unsigned sums, if there are any, once all is here.
    case none
    /// The vendor has signed the digest of the whole file: known once all of it is here.
    case whole
    /// The vendor has signed digests of the file's pieces: each is verified before it is used.
    case pieces
    /// A catalog has signed the image's, or the file's, blocks: each is verified before it is used.
    case blocks

    package static func < (left: TrustLevel, right: TrustLevel) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .none: 0
        case .whole: 1
        case .pieces: 2
        case .blocks: 3
        }
    }

    /// In a row and in messages.
    package var words: String {
        switch self {
        case .none: "not verified"
        case .whole: "verified when complete"
        case .pieces: "each block verified by the vendor's signature"
        case .blocks: "each block verified"
        }
    }
}

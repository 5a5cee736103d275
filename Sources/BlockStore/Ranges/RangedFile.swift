import Curl

/// What is pinned of a file that servers give in ranges: its size, and where it is.
package struct RangedFile: Sendable, Hashable, Codable {
    /// Bytes; every answer must say the same.
    package var size: UInt64
    /// Places that have the same bytes, in the order of preference.
    package var places: [RangedPlace]

    package init(size: UInt64, places: [RangedPlace]) {
        self.size = size
        self.places = places
    }
}

/// One place of a file.
package struct RangedPlace: Sendable, Hashable, Codable {
    /// As somebody wrote it; asked anew when what it led to fails.
    package var place: TransferPlace
    /// Where it leads to; nil until it was asked.
    package var pinned: PinnedURL?

    package init(_ place: TransferPlace, pinned: PinnedURL? = nil) {
        self.place = place
        self.pinned = pinned
    }
}

/// Where a file was found, and what its server said of it. ETags of different servers are never compared.
package struct PinnedURL: Sendable, Hashable, Codable {
    /// After all redirects.
    package var url: String
    package var reach: TransferReach
    /// As it came, quotes and all; nil when the server gave none, or a weak one.
    package var entityTag: String?
    /// `Last-Modified`, as it came.
    package var lastModified: String?

    package init(url: String, reach: TransferReach, entityTag: String? = nil, lastModified: String? = nil) {
        self.url = url
        self.reach = reach
        self.entityTag = entityTag
        self.lastModified = lastModified
    }
}

import ContentAddress

/// A version that its publisher took back: it is in the catalog no longer, and whoever has it or runs it is told.
package struct WithdrawnVersion: Sendable, Hashable {
    package let id: VersionID
    package let when: Timestamp
    /// For people; empty where nothing is said.
    package let why: String
    /// The SHA-256 of the whole image, and where it was from, so that no timer publishes it again; nil where not known.
    package let digest: FileDigest?
    package let origin: String?

    package init(id: VersionID, when: Timestamp, why: String = "", digest: FileDigest? = nil, origin: String? = nil) {
        self.id = id
        self.when = when
        self.why = why
        self.digest = digest
        self.origin = origin
    }

    /// `withdrawn on 2026-11-30: it does not boot`.
    package var words: String {
        "withdrawn on \(when.description.prefix(10))" + (why.isEmpty ? "" : ": \(why)")
    }
}

extension WithdrawnVersion: Codable {
    private enum CodingKeys: String, CodingKey {
        case id, when, why, digest, origin
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(VersionID.self, forKey: .id),
            when: try container.decode(Timestamp.self, forKey: .when),
            why: try container.decodeIfPresent(String.self, forKey: .why) ?? "",
            digest: try container.decodeIfPresent(String.self, forKey: .digest).flatMap(FileDigest.init),
            origin: try container.decodeIfPresent(String.self, forKey: .origin))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(when, forKey: .when)
        if !why.isEmpty { try container.encode(why, forKey: .why) }
        try container.encodeIfPresent(digest?.description, forKey: .digest)
        try container.encodeIfPresent(origin, forKey: .origin)
    }
}

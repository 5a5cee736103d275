import ContentAddress

/// One dated build of a distribution.
package struct DistributionVersion: Sendable, Hashable, Encodable {
    package var id: VersionID
    package var published: Timestamp
    /// What changed, for people; empty where nothing is said.
    package var notes: String
    /// The index, relative to `targets/`: `debian/2026-11-16.caibx`.
    package var index: String
    /// The boot set, relative to `targets/`; nil where none was recorded.
    package var bootSet: String?
    /// The version that the boot set was derived from; nil where the version's own starts were recorded. See ``BootSetTemplate``.
    package var bootSetFrom: VersionID?
    /// Bytes of the image.
    package var size: UInt64
    /// Bytes of the distinct blocks as they lie in the block store; nil where not known.
    package var storedSize: UInt64?
    /// Bytes of the blocks that its publication added to the block store; nil where not known.
    package var addedSize: UInt64?
    /// The SHA-256 of the whole image; nil where not known.
    package var digest: FileDigest?
    /// Overrides the distribution's.
    package var guest: GuestSettings
    /// Where the publisher had the image from: a URL; nil where it was built or is not known.
    package var origin: String?
    /// The vendor's file that its bytes come from; nil where its blocks lie in the publisher's tree. A catalog.json has none, and
    /// what one says there is ignored: see ``CatalogDocument/decodeSources(_:)``.
    package var source: VersionSource?
    /// Whether the publisher keeps it for ever, whatever its rule for old versions.
    package var isPinned = false
    /// Why its last recording gave no boot set; nil where it went well or none was tried.
    package var recordingError: String?
    /// Guests of it that its publisher saved asleep, at most ``PublishedWarmState/most``, each of another kind of machine.
    package var warm: [PublishedWarmState] = []
    /// Packs of the pages that its start reads, at most ``PublishedPack/most``: one of all, and others against older versions.
    package var packs: [PublishedPack] = []

    package init(
        id: VersionID, published: Timestamp, notes: String = "", index: String, bootSet: String? = nil, size: UInt64,
        storedSize: UInt64? = nil, digest: FileDigest? = nil, guest: GuestSettings = GuestSettings()
    ) {
        self.id = id
        self.published = published
        self.notes = notes
        self.index = index
        self.bootSet = bootSet
        self.size = size
        self.storedSize = storedSize
        self.digest = digest
        self.guest = guest
    }

    /// Whether the publisher's tree has its blocks. One that is made of a vendor's file says so by the size that they have there.
    package var hasBlocks: Bool { source == nil || storedSize != nil }

    /// The signed targets that it names, but for what is common to all versions.
    package var targets: [String] {
        [index] + [bootSet].compactMap(\.self) + packs.map(\.pack) + warm.flatMap { [$0.record, $0.index] }
    }

    private enum CodingKeys: String, CodingKey {
        case id, published, notes, index, bootSet, size, storedSize, addedSize, digest, guest, origin, source
        case derivedBootSet, bootSetFrom
        case isPinned = "pinned"
        case recordingError, warm, packs
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(published, forKey: .published)
        try container.encode(notes, forKey: .notes)
        try container.encode(index, forKey: .index)
        // A guess has a name of its own: earlier readers take a boot set for a recorded one.
        try container.encodeIfPresent(bootSet, forKey: bootSetFrom == nil ? .bootSet : .derivedBootSet)
        try container.encodeIfPresent(bootSetFrom, forKey: .bootSetFrom)
        try container.encode(size, forKey: .size)
        try container.encodeIfPresent(storedSize, forKey: .storedSize)
        try container.encodeIfPresent(addedSize, forKey: .addedSize)
        try container.encodeIfPresent(digest?.description, forKey: .digest)
        try container.encode(guest, forKey: .guest)
        try container.encodeIfPresent(origin, forKey: .origin)
        try container.encodeIfPresent(source, forKey: .source)
        if isPinned { try container.encode(true, forKey: .isPinned) }
        try container.encodeIfPresent(recordingError, forKey: .recordingError)
        if !warm.isEmpty { try container.encode(warm, forKey: .warm) }
        if !packs.isEmpty { try container.encode(packs, forKey: .packs) }
    }
}

extension DistributionVersion: Decodable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decode(VersionID.self, forKey: .id)
        published = try container.decode(Timestamp.self, forKey: .published)
        notes = try container.decodeIfPresent(String.self, forKey: .notes) ?? ""
        index = try container.decode(String.self, forKey: .index)
        bootSet = try container.decodeIfPresent(String.self, forKey: .bootSet)
        // What cannot be used of a guess is no reason to refuse the catalog: there is none then.
        let derived = (try? container.decodeIfPresent(String.self, forKey: .derivedBootSet)) ?? nil
        // As just said.
        let from = (try? container.decodeIfPresent(VersionID.self, forKey: .bootSetFrom)) ?? nil
        if bootSet == nil, let derived, let from, CatalogDocument.isPath(derived) {
            (bootSet, bootSetFrom) = (derived, from)
        }
        size = try container.decode(UInt64.self, forKey: .size)
        storedSize = try container.decodeIfPresent(UInt64.self, forKey: .storedSize)
        // For people alone: what is no number is not a reason to refuse the catalog.
        addedSize = (try? container.decodeIfPresent(UInt64.self, forKey: .addedSize)) ?? nil
        digest = try container.decodeIfPresent(String.self, forKey: .digest).map { text in
            guard let digest = FileDigest(text) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .digest, in: container, debugDescription: "not sha256: and 64 hexadecimal digits")
            }
            return digest
        }
        guest = try container.decodeIfPresent(GuestSettings.self, forKey: .guest) ?? GuestSettings()
        origin = try container.decodeIfPresent(String.self, forKey: .origin)
        isPinned = try container.decodeIfPresent(Bool.self, forKey: .isPinned) ?? false
        recordingError = try container.decodeIfPresent(String.self, forKey: .recordingError)
        // Without them it boots.
        let states = (try? container.decodeIfPresent([ReadWarmState].self, forKey: .warm)) ?? nil
        warm = Array((states ?? []).compactMap(\.state).prefix(PublishedWarmState.most))
        // As above.
        let packs = (try? container.decodeIfPresent([ReadPack].self, forKey: .packs)) ?? nil
        self.packs = Array((packs ?? []).compactMap(\.pack).prefix(PublishedPack.most))
    }
}

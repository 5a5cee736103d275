/// What is copied, and how.
package struct MirrorOptions: Sendable {
    /// Ids of the distributions whose blocks and indexes are copied; empty for all.
    package var distributions: Set<String> = []
    /// Blocks that are fetched and stored at the same time.
    package var jobs = 16
    /// Days after which a file goes that the tree names no longer; nil keeps all.
    package var deleteAfterDays: Int?
    /// The root metadata that the tree must begin with; nil when the first copy takes what the source has.
    package var root: [UInt8]?
    /// SHA-256 of that root's bytes, 64 hexadecimal digits in any case; nil when it does not matter.
    package var fingerprint: String?

    package init() {}
}

/// What a copy came to.
package struct MirrorResult: Sendable, Equatable {
    package var versions = 0
    /// Blocks that were copied, and their bytes as stored.
    package var copiedBlocks = 0
    package var copiedBytes: UInt64 = 0
    /// Blocks that were there already.
    package var presentBlocks = 0
    /// Catalogs, indexes and boot sets that were copied.
    package var copiedTargets = 0
    /// Files that the tree named no longer, and that are gone now.
    package var removedFiles = 0
    /// The copy's newest timestamp.
    package var timestampVersion = 0
    /// SHA-256 of the first root: what readers compare.
    package var fingerprint = ""
}

import Catalog

/// What was removed from a tree, or would be.
package struct PruneResult: Sendable, Equatable {
    package struct Version: Sendable, Equatable {
        package let distribution: String
        package let id: VersionID
    }

    /// Versions that left the catalog, and pinned ones that the rule would have taken otherwise are not among them.
    package var removed: [Version] = []
    /// Blocks that only those need, and their bytes in the store: what the removal frees in the end.
    package var freedBlocks = 0
    package var freedBytes: UInt64 = 0
    /// Bytes of the blocks that the versions which stayed need.
    package var keptBytes: UInt64 = 0
    /// What was swept from the disk now, from this removal or earlier ones.
    package var sweptBlocks = 0
    package var sweptBytes: UInt64 = 0
    /// Old indexes, boot sets, catalogs and metadata that were swept now.
    package var sweptFiles = 0
    /// Blocks that no version names any more and that stay for readers of an older catalog, their bytes, and until when at most.
    package var waitingBlocks = 0
    package var waitingBytes: UInt64 = 0
    package var waitingUntil: Timestamp?
}

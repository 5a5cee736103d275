/// What a ``CachingBlockStore`` has done since it was made.
package struct StoreStatistics: Sendable, Equatable {
    /// Bytes that came over the wire, compressed.
    package var bytesFetched = 0
    /// Uncompressed bytes that the cache gave.
    package var bytesFromCache = 0
    /// Blocks that the upstream store gave.
    package var fetches = 0
    /// Damaged blocks in the cache that were found and dropped.
    package var repaired = 0
    /// The last failure of a fetch; nil when there was none, or a later one went well.
    package var lastError: String?
}

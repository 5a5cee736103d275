import FoundationEssentials

/// How much a tree holds and what each version costs. Bytes throughout.
package struct TreeStatistics: Sendable, Equatable, Codable {
    package struct Version: Sendable, Equatable, Codable {
        package let id: String
        /// RFC 3339.
        package let published: String
        /// Bytes of the image.
        package let size: UInt64
        /// Blocks of the image, how many different ones, and how many of zeros.
        package let blocks: Int
        package let distinct: Int
        package let zero: Int
        /// Bytes of its distinct blocks in the store.
        package let stored: UInt64
        /// Distinct blocks that the version before it lacks, and their bytes in the store. All, for the first.
        package let newBlocks: Int
        package let newStored: UInt64
        /// Distinct blocks that the version before it has too, and their bytes in the store. None, for the first.
        package let sharedBlocks: Int
        package let sharedStored: UInt64
        /// Bytes in the store of this version's and all older ones' blocks of the distribution: the growth.
        package let cumulativeStored: UInt64
        /// Bytes in the store that go in the end when this version and all older ones of the distribution are removed.
        package let freedWithOlder: UInt64
        /// Blocks of its boot set and their bytes in the store; nil where none was recorded.
        package let bootSetBlocks: Int?
        package let bootSetStored: UInt64?
        /// Why its last recording gave no boot set; nil where it went well or none was tried.
        package let recordingError: String?
        package let pinned: Bool
    }

    package struct Distribution: Sendable, Equatable, Codable {
        package let id: String
        package let title: String
        /// Newest first.
        package let versions: [Version]
    }

    package let distributions: [Distribution]
    /// Distinct blocks of all versions together, and their bytes in the store.
    package let blocks: Int
    package let stored: UInt64

    /// As one JSON object with sorted keys.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

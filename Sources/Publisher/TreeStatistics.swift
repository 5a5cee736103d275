import FoundationEssentials

/// How much a tree holds and what each version costs. Bytes throughout.
package struct TreeStatistics: Sendable, Equatable, Codable {
    package struct Version: Sendable, Equatable, Codable {
        package let id: String
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
    }

    package struct Distribution: Sendable, Equatable, Codable {
        package let id: String
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

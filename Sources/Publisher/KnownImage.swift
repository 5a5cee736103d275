import ContentAddress
import ImageIndex

/// An image that was published before, by its index.
package struct KnownImage: Sendable {
    /// Path of its index.
    package let index: String
    /// The SHA-256 of the whole image.
    package let digest: FileDigest

    package init(index: String, digest: FileDigest) {
        self.index = index
        self.digest = digest
    }

    /// Whether it consists of just these blocks. False, too, where its index cannot be read.
    func isMade(of blocks: [BlockID], blockSize: Int, size: UInt64, algorithm: DigestAlgorithm) -> Bool {
        guard let index = try? ImageIndex(path: index), index.imageSize == size, index.count == blocks.count,
            index.algorithm == algorithm, index.fixedBlockSize == blockSize
        else { return false }
        var isSame = true
        try? index.forEachBlock { if blocks[$0.position] != $0.id { isSame = false } }
        return isSame
    }
}

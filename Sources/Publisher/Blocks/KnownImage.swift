import ContentAddress
import ImageIndex
import Linux

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

    /// Whether it consists of just these blocks. False, too, where its index is gone or damaged: then the digest is computed.
    /// - Throws: ``PublisherError/unreadable(_:)``: its digest gets signed, so nothing is taken for the same that was not read to its end.
    func isMade(
        of blocks: [BlockID], blockSize: Int, size: UInt64, algorithm: DigestAlgorithm
    ) throws(PublisherError) -> Bool {
        do {
            let index = try ImageIndex(path: index)
            guard index.imageSize == size, index.count == blocks.count, index.algorithm == algorithm,
                index.fixedBlockSize == blockSize
            else { return false }
            var isSame = true
            try index.forEachBlock { if blocks[$0.position] != $0.id { isSame = false } }
            return isSame
        } catch ImageIndexError.file(let cause) where cause.number != .noSuchFile {
            throw .unreadable(cause)
        } catch {
            return false
        }
    }
}

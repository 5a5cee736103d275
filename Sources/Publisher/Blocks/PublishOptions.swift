import ContentAddress
import ImageIndex
import Upstream
import Zstd

/// How an image is cut and stored.
package struct PublishOptions: Sendable {
    /// Bytes of every block but the last.
    package var blockSize: Int
    package var algorithm: DigestAlgorithm
    /// zstd's level.
    package var compressionLevel: Int
    /// zstd's level for new blocks at ``bootPositions``.
    package var bootCompressionLevel: Int
    /// The numbers of the blocks that a start will probably read.
    var bootPositions: Set<Int> = []
    /// Threads that hash and compress.
    package var workers: Int
    /// Whether the SHA-256 of the whole image is computed as well.
    package var digestsImage: Bool
    /// An image that this one may turn out to be: then its digest is this one's.
    package var known: KnownImage?
    /// What the image was made from, as the user says it; ``earlier`` is what becomes of it.
    package var changedSince: ChangedSince?
    /// Then only what has changed since is read.
    var earlier: EarlierImage?
    /// Bytes of an index that readers take; nil for one that lies in no tree.
    package var longestIndex: Int?
    /// Where the digest of an image from a URL is listed.
    package var digests = DigestListChoice.beside
    /// Who signed that list; nil where nobody need have.
    package var signed: SignedDigests?
    /// The image stays as it is, a file at its vendor's; nil publishes the disk in it.
    package var vendorFile: VendorFile?
    /// Whether the file's bytes are published whatever they look like: they are no disk.
    var isAnyFile = false
    /// Whether blocks are written to the store.
    var storesBlocks: Bool { vendorFile?.keepsBlocks ?? true }

    package static let standardCompressionLevel = 3
    /// Measured on the boot sets of real images: docs/decisions/0110.
    package static let standardBootCompressionLevel = 19

    /// - Throws: ``PublisherError/usage(option:reason:)`` for a size or level out of bounds.
    package init(
        blockSize: Int = BlockSize.standard, algorithm: DigestAlgorithm = .sha256,
        compressionLevel: Int = PublishOptions.standardCompressionLevel,
        bootCompressionLevel: Int = PublishOptions.standardBootCompressionLevel, workers: Int? = nil,
        digestsImage: Bool = false
    ) throws(PublisherError) {
        guard BlockSize.isWritable(blockSize) else {
            let bounds = BlockSize.writable
            throw .usage(
                option: "--block-size",
                reason: "\(blockSize) is not a multiple of 512 from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        try PublishOptions.check(level: compressionLevel, "--compression")
        try PublishOptions.check(level: bootCompressionLevel, "--boot-compression")
        self.blockSize = blockSize
        self.algorithm = algorithm
        self.compressionLevel = compressionLevel
        self.bootCompressionLevel = bootCompressionLevel
        self.workers = max(1, workers ?? RunQueue.processors)
        self.digestsImage = digestsImage
    }

    /// - Throws: ``PublisherError/usage(option:reason:)`` for a level that zstd does not have.
    package static func check(level: Int, _ option: String) throws(PublisherError) {
        // Level 0 would silently mean zstd's default.
        guard ZstdCompressor.levels.contains(level), level != 0 else {
            let levels = ZstdCompressor.levels
            throw .usage(
                option: option,
                reason: "\(level) is not from 1 to \(levels.upperBound), or from -1 to \(levels.lowerBound)")
        }
    }
}

/// What an image was made from.
package struct ChangedSince: Sendable {
    /// For a raw image, the path of the earlier one; for a qcow2, the name of a bitmap in it, which is that of a version.
    package var what: String
    /// Whether all is read nevertheless, and compared.
    package var isVerified: Bool

    package init(_ what: String, isVerified: Bool = false) { (self.what, self.isVerified) = (what, isVerified) }
}

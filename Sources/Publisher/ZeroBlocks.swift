import ContentAddress
import ImageIndex

/// The ids of the blocks of zeros of one image: full blocks, and its last when that is shorter.
struct ZeroBlocks: Sendable {
    let full: BlockID
    private let fullLength: Int
    private let last: BlockID

    init(blockSize: Int, lastLength: Int, algorithm: DigestAlgorithm) {
        full = ImageIndex.zeroBlock(length: blockSize, algorithm: algorithm)
        fullLength = blockSize
        last = lastLength == blockSize ? full : ImageIndex.zeroBlock(length: lastLength, algorithm: algorithm)
    }

    func id(length: Int) -> BlockID { length == fullLength ? full : last }
}

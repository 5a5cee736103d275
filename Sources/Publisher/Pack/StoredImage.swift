import ImageIndex

/// An image's bytes, from the blocks of a store, each verified when it is read. One thread at a time may use it.
final class StoredImage {
    let index: ImageIndex
    /// The index's name, for messages.
    private let name: String
    private let verifier: BlockVerifier
    /// Blocks that were read last: a start goes back and forth between a few.
    private var recent: [Int: [UInt8]] = [:]
    private var recentBytes = 0
    private static let most = 64 << 20

    /// - Throws: ``PublisherError/compression(reason:)`` when there is no memory.
    init(_ index: ImageIndex, name: String, store: ChunkStoreFolder) throws(PublisherError) {
        (self.index, self.name) = (index, name)
        verifier = try BlockVerifier(store: store)
    }

    /// Adds the bytes of pages, as far as they lie in the image.
    /// - Throws: ``PublisherError/damagedBlock(path:reason:)``, also of a block that is missing; ``PublisherError/index(path:_:)``.
    func add(_ run: PageRun, to bytes: inout [UInt8]) throws(PublisherError) {
        let wanted = run.bytes(ofImage: index.imageSize)
        var offset = wanted.lowerBound
        while offset < wanted.upperBound {
            let block = try self.block(containing: offset)
            let end = min(block.end, wanted.upperBound)
            bytes += try content(of: block)[Int(offset - block.offset)..<Int(end - block.offset)]
            offset = end
        }
    }

    /// - Throws: ``PublisherError/index(path:_:)``.
    func block(containing offset: UInt64) throws(PublisherError) -> IndexedBlock {
        do { return try index.block(containing: offset) } catch { throw .index(path: name, error) }
    }

    private func content(of block: IndexedBlock) throws(PublisherError) -> [UInt8] {
        if let known = recent[block.position] { return known }
        let bytes = try verifier.bytes(
            of: WantedBlock(id: block.id, length: block.length, algorithm: index.algorithm, version: name))
        if recentBytes + bytes.count > StoredImage.most {
            recent.removeAll(keepingCapacity: true)
            recentBytes = 0
        }
        recent[block.position] = bytes
        recentBytes += bytes.count
        return bytes
    }
}

import ContentAddress
import ImageIndex
import Linux

/// The blocks that an image has from an earlier one: they get their names from its index, and are not read.
///
/// Some of them are read all the same, and so is what the store has lost: their names must be the index's, or the image was not made from
/// that one. One thread uses this.
final class UnchangedBlocks {
    /// Blocks that are read to see whether the image was made from the earlier one: 16 MB of the usual ones.
    private static let mostProbes = 64

    private let earlier: EarlierImage
    private let image: String
    private let index: ImageIndex
    private var isUnchanged: [Bool]
    /// Of these, the ones that are read.
    private var probes: Set<Int> = []
    /// Blocks that were not read.
    private(set) var taken = 0

    /// - Throws: ``PublisherError``.
    init(_ earlier: EarlierImage, of source: ImageSource, _ options: PublishOptions) throws(PublisherError) {
        (self.earlier, image) = (earlier, source.path)
        do { index = try ImageIndex(path: earlier.index) } catch { throw .index(path: earlier.index, error) }
        guard index.algorithm == options.algorithm else {
            throw EarlierImage.refusal("\(earlier.name) names its blocks by another digest")
        }
        let size = UInt64(options.blockSize)
        let count = Int((source.size + size - 1) / size)
        if let other = index.fixedBlockSize, index.count > 1, other != options.blockSize {
            throw EarlierImage.refusal("\(earlier.name) has blocks of \(other) bytes (--block-size \(other))")
        }
        isUnchanged = [Bool](repeating: true, count: count)
        try earlier.find(in: source, blockSize: options.blockSize, &isUnchanged)
        // A block of another length has another name.
        for position in isUnchanged.indices where isUnchanged[position] {
            let start = UInt64(position) * size
            let length = min(size, source.size - start)
            guard position < index.count, try block(position).offset == start,
                try block(position).length == Int(length)
            else {
                isUnchanged[position] = false
                continue
            }
        }
        try chooseProbes()
    }

    /// Spreads them over all that has content.
    private func chooseProbes() throws(PublisherError) {
        var all: [Int] = []
        for position in isUnchanged.indices where isUnchanged[position] {
            if earlier.isVerified { probes.insert(position) }
            if try !block(position).isHole { all.append(position) }
        }
        guard !earlier.isVerified, !all.isEmpty else { return }
        let count = min(all.count, UnchangedBlocks.mostProbes)
        // The first and the last among them.
        for number in 0..<count { probes.insert(all[count == 1 ? 0 : number * (all.count - 1) / (count - 1)]) }
    }

    private func block(_ position: Int) throws(PublisherError) -> IndexedBlock {
        do { return try index.block(at: position) } catch { throw .index(path: earlier.index, error) }
    }

    /// Whether a block need not be read, if the store has it.
    func isTaken(_ position: Int) -> Bool { isUnchanged[position] && !probes.contains(position) }

    /// Gives a block its name without reading it.
    /// - Returns: false for one that must be read.
    /// - Throws: ``PublisherError``.
    func take(_ position: Int, _ table: BlockTable, _ store: ChunkStoreFolder) throws(PublisherError) -> Bool {
        guard isTaken(position) else { return false }
        let block = try block(position)
        do throws(SystemCallError) {
            guard let size = try store.storedSize(of: block.id, length: block.length) else {
                probes.insert(position)
                return false
            }
            if table.claim(block.id) {
                try store.touch(block.id)
                table.storedBytes.add(size, ordering: .relaxed)
            }
        } catch {
            throw .unwritable(error)
        }
        table.set(block.id, at: position)
        if block.isHole { table.zeroBlocks.add(1, ordering: .relaxed) }
        taken += 1
        return true
    }

    /// Compares what was read all the same.
    /// - Parameter blocks: the image's, in order.
    /// - Throws: ``PublisherError/image(path:_:)`` where one differs.
    func check(_ blocks: [BlockID]) throws(PublisherError) {
        for position in probes.sorted() {
            if try block(position).id == blocks[position] { continue }
            throw .image(
                path: image,
                .other(
                    "not made from \(earlier.name): block \(position) should be unchanged, and differs",
                    cure: "publish it without --changed-since"))
        }
    }
}

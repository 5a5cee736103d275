import BlockStore
import ContentAddress
import ImageIndex
import Synchronization

/// The boot pack of an image that is being read: pages whose blocks are not here are taken from its pieces.
///
/// A piece is asked of the store as a block is, at a position after the image's last. A piece that no place has, or that came and was not
/// kept, is not asked for again: its pages come from their blocks, as if there were no pack.
///
/// Of what was given from the pack the digests are kept until the blocks come that it lies in. A page that is another one there means that
/// its publisher has signed two different images: nothing more is taken from the pack then.
///
/// Any thread may use it.
package final class PackedPages: Sendable {
    /// Bytes that were given from the pack, and were not compared with their block yet.
    private struct Given {
        let count: Int
        let digest: BlockID
    }

    private struct State {
        var isOut = false
        /// Numbers of pieces that are not asked for any more.
        var lost: Set<Int> = []
        /// Of pieces for which no place has answered once.
        var silent: Set<Int> = []
        /// Of pieces that have come for a read.
        var come: Set<Int> = []
        /// Of pieces that are in the cache, as far as anybody has looked.
        var here: Set<Int> = []
        /// By the block's position, and by the first byte within the block.
        var given: [Int: [Int: Given]] = [:]
    }

    package let pack: BootPack
    /// In the pack's order.
    package let pieces: [IndexedBlock]
    private let firstPosition: Int
    private let state = Mutex(State())
    /// Blocks of which something was given: while there is none, nobody takes the lock to compare.
    private let unchecked = Atomic(0)

    /// - Parameter blocks: how many the image's index lists.
    package init(_ pack: BootPack, blocks: Int) {
        self.pack = pack
        pieces = pack.blocks(from: blocks)
        firstPosition = blocks
    }

    /// Whether a block is one of the pieces.
    func isPiece(_ block: IndexedBlock) -> Bool { block.position >= firstPosition }

    // MARK: Pieces

    /// Pieces that may be lost before a pack counts as lost.
    private static let mostLost = 16

    /// Whether the pack is used, and any page of a block is in it whose piece may still come.
    package func covers(_ block: IndexedBlock) -> Bool {
        guard pack.hasPage(in: block.offset..<block.end) else { return false }
        let (isOut, lost) = state.withLock { ($0.isOut, $0.lost) }
        // With many, the blocks are as good.
        if isOut || lost.count > PackedPages.mostLost { return false }
        return lost.isEmpty
            || !lost.contains { number in
                pack.runs(ofPiece: number).contains { run in
                    let start = UInt64(run.start) * UInt64(PageRun.pageSize)
                    return start < block.end && start + UInt64(run.count * PageRun.pageSize) > block.offset
                }
            }
    }

    /// Where bytes of the image lie in the pack; nil where they have to come from their block.
    func parts(of bytes: Range<UInt64>) -> [BootPack.Part]? {
        guard let parts = pack.parts(of: bytes), !parts.isEmpty else { return nil }
        return state.withLock { state in
            state.isOut || parts.contains { state.lost.contains($0.piece) } ? nil : parts
        }
    }

    /// Whether the pack was found to be wrong.
    var isOut: Bool { state.withLock { $0.isOut } }

    /// A piece has come for a read.
    func came(_ piece: IndexedBlock) {
        let number = piece.position - firstPosition
        state.withLock { state in
            state.come.insert(number)
            state.here.insert(number)
        }
    }

    /// Whether a piece has come before: one that is not at hand although it did was not kept.
    func hasCome(_ number: Int) -> Bool { state.withLock { $0.come.contains(number) } }

    /// A piece is not asked for any more.
    func giveUp(_ number: Int) { state.withLock { _ = $0.lost.insert(number) } }

    /// A piece is in the cache.
    package func noteHere(_ piece: IndexedBlock) {
        state.withLock { _ = $0.here.insert(piece.position - firstPosition) }
    }

    /// Pieces that are in the cache, as far as anybody has looked.
    package var hereCount: Int { state.withLock { $0.here.count } }

    /// A piece did not come. Where places have answered, it will not; where none has, it may the next time.
    package func failed(_ piece: IndexedBlock, _ error: BlockStoreError) {
        let number = piece.position - firstPosition
        state.withLock { state in
            switch error {
            case .missing, .corrupt: state.lost.insert(number)
            case .unreachable: if !state.silent.insert(number).inserted { state.lost.insert(number) }
            case .closed: break
            }
        }
    }

    // MARK: Comparison

    /// Keeps the digests of what was given of a block, page by page.
    /// - Parameters:
    ///   - range: bytes within the block.
    ///   - bytes: what was given.
    ///   - read: fills a buffer with bytes of a piece, for pages of which only a part was given; false where they are not at hand.
    func remember(
        _ range: Range<Int>, of block: IndexedBlock, _ bytes: UnsafeRawBufferPointer,
        read: (BootPack.Part, UnsafeMutableRawBufferPointer) -> Bool
    ) {
        let known = state.withLock { $0.given[block.position] ?? [:] }
        var new: [Int: Given] = [:]
        for page in PackedPages.pages(of: range, in: block) where known[page.lowerBound] == nil {
            let digest: BlockID?
            if page.lowerBound >= range.lowerBound && page.upperBound <= range.upperBound {
                let start = page.lowerBound - range.lowerBound
                digest = PackedPages.digest(
                    UnsafeRawBufferPointer(rebasing: bytes[start..<start + page.count]))
            } else {
                digest = wholePage(page, of: block, read)
            }
            if let digest { new[page.lowerBound] = Given(count: page.count, digest: digest) }
        }
        if new.isEmpty { return }
        state.withLock { state in
            if state.isOut { return }
            state.given[block.position, default: [:]].merge(new) { first, _ in first }
            unchecked.store(state.given.count, ordering: .relaxed)
        }
    }

    private func wholePage(
        _ page: Range<Int>, of block: IndexedBlock, _ read: (BootPack.Part, UnsafeMutableRawBufferPointer) -> Bool
    ) -> BlockID? {
        let image = block.offset + UInt64(page.lowerBound)..<block.offset + UInt64(page.upperBound)
        // No piece cuts a page.
        guard let part = pack.parts(of: image)?.first, part.range.count == page.count else { return nil }
        return withUnsafeTemporaryAllocation(byteCount: page.count, alignment: 16) { buffer in
            read(part, buffer) ? PackedPages.digest(UnsafeRawBufferPointer(buffer)) : nil
        }
    }

    /// Whether anything was given of a block that was not compared with it.
    func isUnchecked(_ position: Int) -> Bool {
        guard unchecked.load(ordering: .relaxed) > 0 else { return false }
        return state.withLock { $0.given[position] != nil }
    }

    /// Compares what was given of a block with the block's own bytes.
    /// - Parameters:
    ///   - offset: where these bytes begin within the block.
    ///   - bytes: some of the block's, or all.
    /// - Returns: whether a page is another one. True once: the pack is not used any more.
    func differs(_ block: IndexedBlock, at offset: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard unchecked.load(ordering: .relaxed) > 0 else { return false }
        let given = state.withLock { state -> [Int: Given] in
            guard let all = state.given[block.position] else { return [:] }
            let seen = all.filter { $0.key >= offset && $0.key + $0.value.count <= offset + bytes.count }
            if seen.isEmpty { return [:] }
            let rest = all.filter { seen[$0.key] == nil }
            state.given[block.position] = rest.isEmpty ? nil : rest
            unchecked.store(state.given.count, ordering: .relaxed)
            return seen
        }
        let isSame = given.allSatisfy { start, page in
            let place = (start - offset)..<(start - offset + page.count)
            return PackedPages.digest(UnsafeRawBufferPointer(rebasing: bytes[place])) == page.digest
        }
        if isSame { return false }
        return state.withLock { state in
            defer {
                (state.isOut, state.given) = (true, [:])
                unchecked.store(0, ordering: .relaxed)
            }
            return !state.isOut
        }
    }

    /// The parts of a block that its pages are, as far as they are touched by a range; a page may go on in the next block.
    private static func pages(of range: Range<Int>, in block: IndexedBlock) -> [Range<Int>] {
        guard
            let run = PageRun(bytes: block.offset + UInt64(range.lowerBound)..<block.offset + UInt64(range.upperBound))
        else { return [] }
        return (run.start..<run.end).map { page in
            let start = UInt64(page) * UInt64(PageRun.pageSize)
            let part = max(start, block.offset)..<min(start + UInt64(PageRun.pageSize), block.end)
            return Int(part.lowerBound - block.offset)..<Int(part.upperBound - block.offset)
        }
    }

    private static func digest(_ bytes: UnsafeRawBufferPointer) -> BlockID { DigestAlgorithm.sha256.blockID(of: bytes) }
}

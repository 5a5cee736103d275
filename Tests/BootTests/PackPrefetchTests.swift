import BlockStore
import ContentAddress
import ImageIndex
import ImageMount
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

/// Writes down which blocks differ from what was given of them from a boot pack.
final class DifferenceObserver: ReadObserver {
    private let positions = Mutex<[Int]>([])
    var differing: [Int] { positions.withLock { $0 } }
    func packDiffers(from block: IndexedBlock) { positions.withLock { $0.append(block.position) } }
}

/// The pieces of a boot pack as a session fetches them. An image of blocks of 16 KiB, four pages each.
@Suite(.timeLimit(.minutes(1))) struct PackPrefetchTests {
    private static let block = 16_384
    private let folder: TemporaryDirectory
    private let image: SmallImage
    private let bytes: [UInt8]
    private let cache: BlockCache
    private let upstream: InMemoryBlockStore
    private let caching: CachingBlockStore
    private let observer = DifferenceObserver()

    init() throws {
        folder = try TemporaryDirectory()
        image = try SmallImage("abcdefgh", blockSize: Self.block, last: 1000, in: folder)
        bytes = image.contents.flatMap { $0 }
        cache = BlockCache(directory: try folder.makeFolder("cache"), limit: .bytes(1 << 30))
        upstream = InMemoryBlockStore(image)
        caching = CachingBlockStore(cache: cache, upstream: upstream)
    }

    /// Pages of the blocks e, a and c.
    private func pack(_ bytes: [UInt8]? = nil) throws -> TestPack {
        let runs = [16, 0, 8].map { PageRun(start: $0, count: 3) }
        let pack = try TestPack(bytes ?? self.bytes, runs: runs, pages: 3)
        pack.put(into: upstream)
        return pack
    }

    private func reader(_ packed: PackedPages) -> ImageReader {
        ImageReader(index: image.index, store: caching, observer: observer, packed: packed)
    }

    private func prefetch(_ reader: ImageReader? = nil) -> Prefetch {
        let states = BlockStates(count: image.index.count)
        states.scan(image.index, cache)
        var prefetch = Prefetch(index: image.index, store: caching, cache: cache, states: states)
        prefetch.reader = reader
        return prefetch
    }

    @Test func thePiecesComeInTheirOrderBehindAllReads() async throws {
        let pack = try pack()
        let packed = PackedPages(pack.pack, blocks: image.index.count)
        let done = Mutex(0)
        await prefetch().pieces(of: packed, parallel: 1) { done.withLock { $0 += 1 } }
        #expect(upstream.fetched.map(\.id) == pack.pack.pieces.map(\.id))
        #expect(upstream.fetched.allSatisfy { $0.priority == .prefetch && $0.isDispensable })
        #expect(done.withLock { $0 } == 3)
        #expect(packed.hereCount == 3)
        await caching.settle()
        #expect(pack.pack.pieces.allSatisfy { cache.contains($0.id) })
        // What a read wants of them is at hand.
        #expect(try await reader(packed).read(offset: 8 * 4096, length: 12_288) == Array(bytes[32_768..<45_056]))
        #expect(upstream.fetched.count == 3)
    }

    @Test func aPieceThatCannotBeHadStopsNothingAndItsBlocksAreWantedThemselves() async throws {
        let pack = try pack()
        upstream.remove(pack.pack.pieces[1].id)
        let packed = PackedPages(pack.pack, blocks: image.index.count)
        let blocks = try (0..<8).map { try image.index.block(at: $0) }
        #expect(blocks.filter(packed.covers).map(\.position) == [0, 2, 4])
        await prefetch().pieces(of: packed, parallel: 4) {}
        #expect(blocks.filter(packed.covers).map(\.position) == [2, 4])
        #expect(packed.hereCount == 2)
    }

    @Test(arguments: [false, true])
    func theRestIsComparedWithWhatThePackGave(isBroughtByOthers: Bool) async throws {
        var wrong = bytes
        wrong[17 * 4096] ^= 1
        let packed = PackedPages(try pack(wrong).pack, blocks: image.index.count)
        let reader = reader(packed)
        #expect(try await reader.read(offset: 16 * 4096, length: 8192) != Array(bytes[65_536..<73_728]))
        if isBroughtByOthers {
            let others = CachingBlockStore(
                cache: BlockCache(directory: cache.directory, limit: .bytes(1 << 30)), upstream: upstream)
            _ = try await others.block(image.request(4))
            await others.settle()
        }
        #expect(observer.differing.isEmpty)
        #expect(reader.isUnchecked(4))
        await prefetch(reader).rest()
        #expect(observer.differing == [4])
        #expect(!reader.isUnchecked(4))
        // What is right is not found wrong, and the image itself is served on.
        #expect(try await reader.read(offset: 16 * 4096, length: 8192) == Array(bytes[65_536..<73_728]))
        #expect(upstream.fetchCount(of: image.ids[4]) == 1)
    }
}

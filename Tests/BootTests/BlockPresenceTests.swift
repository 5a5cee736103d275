import BlockStore
import ContentAddress
import ImageIndex
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

/// What a list takes from records of the cache, and what it looks at. Watches this process's file calls.
@Suite(.serialized) struct BlockPresenceTests {
    private let folder: TemporaryDirectory
    private let cache: BlockCache
    private let image: SmallImage

    init() throws {
        folder = try TemporaryDirectory(in: FileFaults.place)
        cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        image = try SmallImage("abcd.efgh", in: folder)
    }

    private func bring(_ positions: [Int]) async throws {
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image))
        for position in positions { _ = try await store.block(image.request(position)) }
        await store.settle()
    }

    /// As if nothing had come into any folder for a while, or gone.
    private func age() throws {
        let root = folder.path("cache/v1")
        for name in try Folder.names(in: root) where Folder.isFolder("\(root)/\(name)") {
            try Paths.setTimes("\(root)/\(name)", seconds: 1_600_000_000)
        }
    }

    /// Which positions a new reader says are here, and how many blocks it looked up.
    private func look(_ index: ImageIndex? = nil, leastLooks: Int = 1) throws -> (here: [Int], looks: Int) {
        let ids = Set(image.ids.map(\.hex))
        let looks = Mutex(0)
        FileCalls.watch { _, path in
            if ids.contains(where: path.hasSuffix) { looks.withLock { $0 += 1 } }
            return nil
        }
        defer { FileCalls.watch(nil) }
        var here: [Int] = []
        let presence = BlockPresence(cache: cache, leastLooks: leastLooks)
        try presence.forEachBlock(of: index ?? image.index) { block, isHere in if isHere { here.append(block.position) }
        }
        return (here, looks.withLock(\.self))
    }

    private func file(_ position: Int) throws -> String {
        let id = image.ids[position].hex
        let root = folder.path("cache/v1")
        let name = try #require(
            try Folder.names(in: root).first { [2, 4].contains($0.utf8.count) && id.hasPrefix($0) })
        return "\(root)/\(name)/\(id)"
    }

    @Test func aSecondLookLooksAtNoBlock() async throws {
        try await bring([0, 1, 2, 6])
        try age()
        let first = try look()
        #expect(first.here == [0, 1, 2, 6] && first.looks >= 4)
        let second = try look()
        #expect(second.here == [0, 1, 2, 6] && second.looks == 0)
    }

    @Test func whatCameSinceIsLookedAt() async throws {
        try await bring([0, 1])
        try age()
        _ = try look()
        try await bring([3])
        #expect(try look().here == [0, 1, 3])
    }

    @Test func whatWentSinceIsLookedAt() async throws {
        try await bring([0, 1, 2])
        try age()
        #expect(try look().here == [0, 1, 2])
        // As an earlier version's eviction does, or a user.
        try Folder.removeTree(try file(1))
        let again = try look()
        #expect(again.here == [0, 2] && again.looks >= 1)
        try cache.prune(to: 0)
        #expect(try look().here == [])
    }

    @Test func aFolderThatChangedAMomentAgoIsNotRemembered() async throws {
        try await bring([0, 1, 2])
        #expect(try look().here == [0, 1, 2])
        let (here, looks) = try look()
        #expect(here == [0, 1, 2] && looks >= 3)
    }

    @Test func anIndexOfTheSameNameIsAnother() async throws {
        try await bring([0, 1, 2])
        try age()
        _ = try look()
        // The blocks in another order, in a new file of the old one's path.
        try ImageIndexWriter.write(
            blocks: image.ids.reversed(), blockSize: SmallImage.blockSize,
            imageSize: UInt64(image.ids.count * SmallImage.blockSize), algorithm: .sha256, to: image.indexPath)
        #expect(try look(ImageIndex(path: image.indexPath)).here == [6, 7, 8])
    }

    @Test func aRecordOfAFewBlocksIsNotWorthAFile() async throws {
        try await bring([0])
        try age()
        #expect(try look(leastLooks: 64).here == [0])
        #expect(!Folder.isFolder(folder.path("cache/v1/presence")))
    }

    @Test func aCacheOfAnEarlierVersionIsLookedInto() async throws {
        try await bring([0, 1, 2])
        // Where it lay, and after a record was made of where it lies.
        try age()
        _ = try look()
        let (id, path) = (image.ids[1], try file(1))
        try Folder.make(folder.path("cache/v1/\(id.hex.prefix(4))"))
        try Paths.rename(path, to: folder.path("cache/v1/\(id.oldCachePath)"))
        try age()
        let cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        for _ in 0..<2 {
            var here: [Int] = []
            try BlockPresence(cache: cache, leastLooks: 1).forEachBlock(of: image.index) {
                if $1 { here.append($0.position) }
            }
            #expect(here == [0, 1, 2])
        }
    }

    @Test func whereNoRecordCanBeKeptEachBlockIsLookedAt() async throws {
        try await bring([0, 1, 2])
        try AtomicFile.write([UInt8](), to: folder.path("cache/v1/presence"))
        try age()
        for _ in 0..<2 {
            let (here, looks) = try look()
            #expect(here == [0, 1, 2] && looks >= 3)
        }
    }

    @Test func aRecordThatIsWrongCostsABootOnlyAFetch() async throws {
        try await bring([0, 1])
        try age()
        _ = try look()
        // A power cut may leave a name without bytes; the folder's time does not say so.
        let path = try file(1)
        try FileHandle(path, for: .writing, .truncate).sync()
        #expect(try look().here == [0, 1])
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image))
        let block = try await store.block(image.request(1))
        #expect(block.withUnsafeBytes { Array($0) } == image.contents[1])
        await store.settle()
        #expect(try FileContents.read(path, limit: 1 << 20) == image.contents[1])
    }

    @Test func withoutACacheNothingIsHereAndNothingIsMade() throws {
        let (here, looks) = try look()
        #expect(here == [] && looks == 0)
        #expect(!Folder.isFolder(folder.path("cache")))
    }

    @Test func anImageIsWholeWhenEachBlockIsHere() async throws {
        try await bring([0, 1, 2, 3, 5, 6, 7])
        try age()
        #expect(!BlockPresence(cache: cache, leastLooks: 1).isWhole(image.index))
        try await bring([8])
        try age()
        for _ in 0..<2 { #expect(BlockPresence(cache: cache, leastLooks: 1).isWhole(image.index)) }
        #expect(try look().looks == 0)
    }
}

import BlockStore
import Boot
import ContentAddress
import Curl
import Glibc
import ImageIndex
import Linux
import Synchronization
import TestSupport
import Testing

@Suite struct ImageFetchTests {
    private let folder: TemporaryDirectory
    private static let size = UInt64(SmallImage.blockSize)

    init() throws { folder = try TemporaryDirectory() }

    @Test func everyBlockIsFetchedOnceHolesNotAtAll() async throws {
        let image = try SmallImage("ab.ca.bd", in: folder)
        let store = InMemoryBlockStore(image)
        var last: ImageFetch.Progress?
        var calls = 0
        try await ImageFetch(index: image.index, store: store).run(priority: .prefetch) {
            last = $0
            calls += 1
        }
        #expect(store.fetched.count == 4)
        #expect(Set(store.fetched.map(\.id)) == Set([0, 1, 3, 7].map { image.ids[$0] }))
        #expect(store.fetched.allSatisfy { $0.priority == .prefetch && $0.algorithm == .sha256 })
        #expect(store.fetched.first { $0.id == image.ids[7] }?.length == 1000)
        #expect(last?.doneBlocks == 4)
        #expect(last?.totalBlocks == 4)
        #expect(last?.doneBytes == 3 * ImageFetchTests.size + 1000)
        #expect(last?.totalBytes == 3 * ImageFetchTests.size + 1000)
        // Once before the first block, then after each.
        #expect(calls == 5)
    }

    @Test(
        arguments: [
            (0..<1, "a"), (0..<4096, "a"), (0..<4097, "ab"), (4095..<4096, "a"), (4096..<4097, "b"),
            (4096..<12_288, "bc"),
            (13_287..<13_288, "d"), (12_287..<12_288, "c"), (0..<13_288, "abcd"), (12_288..<99_999, "d"),
            (0..<0, ""), (5000..<5000, ""), (13_288..<13_289, ""), (99_999..<199_999, ""),
        ] as [(Range<UInt64>, String)])
    func onlyBlocksOfThePartAreFetched(part: Range<UInt64>, letters: String) async throws {
        let image = try SmallImage("abcd", in: folder)
        let store = InMemoryBlockStore(image)
        let fetch = ImageFetch(index: image.index, store: store)
        try await fetch.run(try fetch.blocks(in: part), priority: .demand)
        let expected = zip("abcd", image.ids).filter { letters.contains($0.0) }.map(\.1)
        #expect(Set(store.fetched.map(\.id)) == Set(expected))
        #expect(store.fetched.count == expected.count)
    }

    @Test func noMoreThanSoManyAreUnderWay() async throws {
        let image = try SmallImage("abcdefgh", in: folder)
        let store = InMemoryBlockStore(image)
        store.hold()
        let task = Task { try await ImageFetch(index: image.index, store: store, parallel: 3).run(priority: .demand) }
        #expect(await eventually { store.fetched.count == 3 })
        try await Task.sleep(for: .milliseconds(50))
        #expect(store.fetched.count == 3)
        store.release()
        try await task.value
        #expect(store.fetched.count == 8)
    }

    @Test func theFirstErrorEndsTheFetch() async throws {
        let image = try SmallImage("abcdefgh", in: folder)
        let store = InMemoryBlockStore(image)
        store.remove(image.ids[2])
        let error = await #expect(throws: BlockStoreError.self) {
            try await ImageFetch(index: image.index, store: store, parallel: 1).run(priority: .demand)
        }
        guard case .missing(image.ids[2], _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(store.fetched.count == 3)
    }

    @Test func aCancelledFetchAsksForNothingMore() async throws {
        let image = try SmallImage("abcdefgh", in: folder)
        let store = InMemoryBlockStore(image)
        store.hold()
        let task = Task { try await ImageFetch(index: image.index, store: store, parallel: 2).run(priority: .demand) }
        #expect(await eventually { store.fetched.count == 2 })
        task.cancel()
        store.release()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(store.fetched.count == 2)
    }

    // MARK: With a cache

    @Test func storesGiveFromATreeThenAMirrorThenTheCache() async throws {
        let image = try SmallImage("abc", in: folder)
        let tree = try folder.makeFolder("tree")
        let mirror = try folder.makeFolder("mirror")
        try image.publish(0, to: tree)
        try image.publish(1, to: tree)
        try image.publish(2, to: mirror)
        let transfers = TransferQueue()
        let cache = BlockCache(directory: try folder.makeFolder("cache"), limit: .bytes(1 << 30))
        let failures = Mutex<[BlockStoreError]>([])
        let stores = BlockStores(
            locations: [TransferPlace("file://\(tree)/"), TransferPlace("file://\(mirror)")], cache: cache,
            transfers: transfers,
            policy: .rounds(1), failures: { failure in failures.withLock { $0.append(failure) } })
        for (position, content) in image.contents.enumerated() {
            let bytes = try await stores.caching.block(image.request(position))
            #expect(bytes.withUnsafeBytes { Array($0) } == content)
        }
        await stores.caching.settle()
        #expect(image.ids.allSatisfy(cache.contains))
        #expect(stores.caching.statistics.fetches == 3)
        // Which place is asked first is the mirrors' affair; it fails only for what it does not have.
        let missing = failures.withLock { $0 }
        #expect(missing.allSatisfy { if case .missing = $0 { true } else { false } }, "\(missing)")
        #expect((1...image.ids.count).contains(missing.count))
        // The publisher is gone, and the cache has everything.
        TemporaryDirectory.remove(tree)
        TemporaryDirectory.remove(mirror)
        try await ImageFetch(index: image.index, store: stores.caching).run(priority: .demand)
        stores.close()
    }

    @Test func whatIsToBeKeptIsFetchedAgainWhenAnotherProcessHeldTheCache() async throws {
        let image = try SmallImage("abc", in: folder)
        let tree = try folder.makeFolder("tree")
        for position in 0..<3 { try image.publish(position, to: tree) }
        let lock = try folder.makeFolder("cache/v1") + "/lock"
        let holder = try ChildProcess(
            "flock", ["-x", "--no-fork", lock, "sleep", "60"])
        let cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30), patience: 0.1)
        #expect(await eventually { !cache.isFree(within: 0) })
        let transfers = TransferQueue()
        let stores = BlockStores(
            locations: [TransferPlace("file://\(tree)/")], cache: cache, transfers: transfers, policy: .rounds(1))
        let index = image.index
        let blocks = try ImageFetch(index: index, store: stores.caching).blocks()
        let keeping = Task { try await stores.keep(blocks, of: index) }
        #expect(await eventually { cache.declined >= 3 })
        #expect(image.ids.allSatisfy { !cache.contains($0) })
        holder.signal(SIGKILL)
        holder.wait()
        #expect(try await keeping.value == 0)
        #expect(image.ids.allSatisfy(cache.contains))
        stores.close()
    }

    @Test func closedStoresEndWhatWaitsForAServer() async throws {
        let image = try SmallImage("ab", in: folder)
        let transfers = TransferQueue()
        let cache = BlockCache(directory: try folder.makeFolder("cache"), limit: .bytes(1 << 30))
        let failed = Mutex(false)
        let stores = BlockStores(
            locations: [TransferPlace("file://\(folder.path("nothing"))/")], cache: cache, transfers: transfers,
            policy: .patient,
            failures: { _ in failed.withLock { $0 = true } })
        let task = Task { try await ImageFetch(index: image.index, store: stores.caching).run(priority: .demand) }
        #expect(await eventually { failed.withLock { $0 } })
        stores.close()
        let error = await #expect(throws: BlockStoreError.self) { try await task.value }
        guard case .closed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

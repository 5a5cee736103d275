import BlockStore
import ContentAddress
import Curl
import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct CachingBlockStoreTests {
    private let image = TestImage()
    private let directory: TemporaryDirectory
    private let upstream: InMemoryBlockStore
    private let cache: BlockCache
    private let store: CachingBlockStore

    init() throws {
        directory = try TemporaryDirectory()
        upstream = InMemoryBlockStore(image)
        // A write that is under way when the test ends must not make its folder anew.
        try directory.makeFolder("cache")
        cache = BlockCache(directory: directory.path("cache"), limit: .bytes(1 << 30))
        store = CachingBlockStore(cache: cache, upstream: upstream)
    }

    private func path(_ number: Int) -> String {
        directory.path("cache/v1/" + image.requests[number].id.chunkStorePath.dropLast(6))
    }

    /// The answer comes before the block's file is there.
    private func untilCached(_ number: Int) async throws {
        while !cache.contains(image.ids[number]) { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test func servesFromCacheWithoutUpstream() async throws {
        for request in image.requests { _ = try await store.block(request) }
        for number in image.blocks.indices { try await untilCached(number) }
        let second = InMemoryBlockStore()
        let again = CachingBlockStore(
            cache: BlockCache(directory: directory.path("cache"), limit: .bytes(1 << 30)), upstream: second)
        for (request, bytes) in zip(image.requests, image.blocks) {
            #expect(try await again.readNow(request) == bytes)
            #expect(try await again.block(request).bytes == bytes)
        }
        #expect(second.fetched.isEmpty)
        #expect(again.statistics.bytesFromCache == 2 * image.blocks.reduce(0) { $0 + $1.count })
        #expect(again.statistics.fetches == 0)
    }

    @Test func cacheIsPrivate() async throws {
        _ = try await store.block(image.requests[0])
        try await untilCached(0)
        var status = stat()
        #expect(stat(path(0), &status) == 0 && status.st_mode & 0o777 == 0o600)
        #expect(stat(directory.path("cache/v1"), &status) == 0 && status.st_mode & 0o777 == 0o700)
    }

    @Test func fiftyWaitersMakeOneRequest() async throws {
        upstream.hold()
        async let blocks = withThrowingTaskGroup(of: [UInt8].self) { group in
            for number in 0..<50 {
                group.addTask { [store, request = image.requests[0]] in
                    try await store.block(request.with(number.isMultiple(of: 2) ? .demand : .prefetch)).bytes
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        while upstream.fetched.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        try await Task.sleep(for: .milliseconds(100))
        upstream.release()
        #expect(try await blocks == Array(repeating: image.blocks[0], count: 50))
        #expect(upstream.fetched.count == 1)
    }

    @Test func oneFailedFetchDoesNotStay() async throws {
        upstream.fail(image.ids[0], .unreachable(place: "x", cause: TransferError.cancelled))
        #expect(await store.failure(image.requests[0])?.isUnreachable == true)
        #expect(store.statistics.lastError != nil)
        #expect(try await store.readNow(image.requests[0]) == nil)
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
        #expect(store.statistics.lastError == nil)
        try await untilCached(0)
        #expect(try await store.readNow(image.requests[0]) == image.blocks[0])
    }

    @Test func demandRaisesAPrefetchUnderWay() async throws {
        upstream.hold()
        async let prefetch = store.block(image.requests[0].with(.prefetch))
        while upstream.fetched.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        async let demand = store.block(image.requests[0])
        while upstream.raised.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        upstream.release()
        #expect(try await prefetch.bytes == image.blocks[0])
        #expect(try await demand.bytes == image.blocks[0])
        #expect(upstream.raised == [image.ids[0]])
        #expect(upstream.fetched.count == 1)
    }

    @Test(arguments: ["torn", "bit", "empty", "zeros", "folder"])
    func repairsADamagedFile(kind: String) async throws {
        _ = try await store.block(image.requests[0])
        try await untilCached(0)
        switch kind {
        case "torn": #expect(truncate(path(0), 100) == 0)
        case "empty": #expect(truncate(path(0), 0) == 0)
        case "zeros": try AtomicFile.write([UInt8](repeating: 0, count: image.blocks[0].count), to: path(0))
        case "folder":
            unlink(path(0))
            mkdir(path(0), 0o700)
        default:
            var wrong = image.blocks[0]
            wrong[77] ^= 4
            try AtomicFile.write(wrong, to: path(0))
        }
        #expect(try await store.readNow(image.requests[0], at: 50, count: 100) == nil)
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
        #expect(upstream.fetched.count == 2)
        guard kind != "folder" else { return }
        #expect(store.statistics.repaired == 1)
        try await untilCached(0)
        #expect(try await store.readNow(image.requests[0]) == image.blocks[0])
        #expect(try cache.status().repaired == 1)
    }

    @Test func repairsAFileThatIsCutWhileItIsOpen() async throws {
        _ = try await store.block(image.requests[0])
        try await untilCached(0)
        #expect(try await store.readNow(image.requests[0]) == image.blocks[0])
        #expect(truncate(path(0), 100) == 0)
        #expect(try await store.readNow(image.requests[0], at: 200, count: 100) == nil)
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
    }

    @Test func survivesTheRemovalOfItsFolder() async throws {
        _ = try await store.block(image.requests[0])
        try await untilCached(0)
        #expect(try await store.readNow(image.requests[0]) == image.blocks[0])
        TemporaryDirectory.remove(directory.path("cache"))
        // The open file survives.
        #expect(try await store.readNow(image.requests[0]) == image.blocks[0])
        #expect(try await store.readNow(image.requests[1]) == nil)
        for (request, bytes) in zip(image.requests, image.blocks) {
            #expect(try await store.block(request).bytes == bytes)
        }
        try await untilCached(1)
        #expect(try await store.readNow(image.requests[1]) == image.blocks[1])
    }

    @Test func followsNoLinkInTheCache() async throws {
        let secret = try directory.write(image.blocks[0], to: "secret")
        _ = try await store.block(image.requests[1])
        try await untilCached(1)
        // A file and a folder, with the right bytes even.
        try Folder.make(String(path(0).dropLast(65)))
        #expect(symlink(secret, path(0)) == 0)
        #expect(try await store.readNow(image.requests[0]) == nil)
        let elsewhere = try directory.makeFolder("elsewhere")
        try directory.write(image.blocks[2], to: "elsewhere/\(image.ids[2].hex)")
        #expect(symlink(elsewhere, String(path(2).dropLast(65))) == 0)
        #expect(try await store.readNow(image.requests[2]) == nil)
        #expect(try await store.block(image.requests[2]).bytes == image.blocks[2])
        #expect(!cache.contains(image.ids[2]))
        try cache.clear()
        #expect(access(secret, F_OK) == 0)
        #expect(access("\(elsewhere)/\(image.ids[2].hex)", F_OK) == 0)
    }

    @Test func twoBlocksOfOneNameAreNotMixedUp() async throws {
        upstream.hold()
        async let right = store.block(image.requests[0])
        while upstream.fetched.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        let liar = BlockRequest(id: image.ids[0], length: 100, algorithm: .sha256)
        async let wrong = store.failure(liar)
        while upstream.fetched.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
        upstream.release()
        #expect(try await right.bytes == image.blocks[0])
        #expect(await wrong?.isCorrupt == true)
    }
}

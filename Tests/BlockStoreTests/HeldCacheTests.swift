import ContentAddress
import Glibc
import Linux
import TestSupport
import Testing

@testable import BlockStore

/// A cache that another process holds, as a stopped `cache prune` does, or whose disk is slower than the network.
@Suite(.timeLimit(.minutes(1))) struct HeldCacheTests {
    private let directory: TemporaryDirectory
    private let image = TestImage(count: 41, length: 8192)
    private let upstream: InMemoryBlockStore

    init() throws {
        directory = try TemporaryDirectory()
        upstream = InMemoryBlockStore(image)
    }

    /// - Parameter blocks: how many may wait to be written.
    private func open(queue blocks: Int, patience: Double) -> (BlockCache, CachingBlockStore) {
        // A 64th of the limit is one block: each needs the lock.
        let cache = BlockCache(
            directory: directory.path("cache"), limit: .bytes(64 * 8192), longestQueue: blocks * 8192,
            patience: patience
        )
        return (cache, CachingBlockStore(cache: cache, upstream: upstream))
    }

    /// Another process that has the cache's lock until it is killed.
    private func holder() async throws -> ChildProcess {
        let lock = try directory.makeFolder("cache/v1") + "/lock"
        let child = try ChildProcess(
            "flock", ["-x", "--no-fork", lock, "sleep", "60"])
        let file = try FileHandle(path: lock, flags: O_RDWR | O_CREAT, mode: 0o600)
        let isHeld = await eventually {
            guard (try? file.lock(exclusive: true, wait: false)) == true else { return true }
            file.unlock()
            return false
        }
        try #require(isHeld)
        return child
    }

    private func end(_ child: ChildProcess) {
        child.signal(SIGKILL)
        child.wait()
    }

    private func readAll(_ store: CachingBlockStore) async throws -> Duration {
        let start = ContinuousClock.now
        for (request, bytes) in zip(image.requests, image.blocks) {
            #expect(try await store.block(request).bytes == bytes)
        }
        return ContinuousClock.now - start
    }

    @Test func readsGoOnAtSpeedAndAFullQueueDeclines() async throws {
        let child = try await holder()
        defer { end(child) }
        let (cache, store) = open(queue: 4, patience: 0.4)
        #expect(try await readAll(store) < .seconds(2))
        #expect(cache.declined >= 41 - 5)
        // Nobody waits for ever for what cannot be written, and not once for each block.
        let start = ContinuousClock.now
        await store.settle()
        #expect(ContinuousClock.now - start < .seconds(3))
        #expect(cache.declined == 41)
        #expect(try await readAll(store) < .seconds(2))
        #expect(image.ids.allSatisfy { !cache.contains($0) })
    }

    @Test func whatIsQueuedIsKeptWhenTheCacheIsFree() async throws {
        let child = try await holder()
        let (cache, store) = open(queue: 100, patience: 20)
        #expect(try await readAll(store) < .seconds(2))
        #expect(image.ids.allSatisfy { !cache.contains($0) })
        // What waits is not fetched again.
        #expect(try await readAll(store) < .seconds(2))
        end(child)
        await store.settle()
        #expect(image.ids.allSatisfy(cache.contains))
        #expect(cache.declined == 0)
        #expect(upstream.fetched.count == 41)
    }

    @Test func aFetchInOrderToKeepWaitsForTheQueue() async throws {
        let child = try await holder()
        let (cache, store) = open(queue: 4, patience: 20)
        let image = image
        let fetch = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for request in image.requests {
                    let wish = BlockRequest(
                        id: request.id, length: request.length, algorithm: request.algorithm, priority: .prefetch,
                        isForKeeping: true)
                    group.addTask { _ = try await store.block(wish) }
                }
                try await group.waitForAll()
            }
        }
        #expect(await eventually { upstream.fetched.count == 41 })
        // The guest's own read of such a block does not wait.
        #expect(try await store.block(image.requests[40]).bytes == image.blocks[40])
        end(child)
        try await fetch.value
        await store.settle()
        #expect(image.ids.allSatisfy(cache.contains))
        #expect(cache.declined == 0)
        #expect(upstream.fetched.count == 41)
    }

    @Test func aDamagedBlockIsDroppedWithoutWaiting() async throws {
        let (_, first) = open(queue: 100, patience: 1)
        _ = try await first.block(image.requests[0])
        await first.settle()
        let path = directory.path("cache/v1/" + image.ids[0].cachePath)
        try AtomicFile.write([UInt8](repeating: 7, count: 8192), to: path)
        let child = try await holder()
        defer { end(child) }
        let (cache, store) = open(queue: 100, patience: 0.2)
        let start = ContinuousClock.now
        #expect(try await store.readNow(image.requests[0]) == nil)
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
        #expect(ContinuousClock.now - start < .seconds(1))
        #expect(cache.repaired == 1)
        await store.settle()
    }

    @Test func aSessionsProtectionDoesNotWaitForEver() async throws {
        let child = try await holder()
        defer { end(child) }
        let (cache, _) = open(queue: 4, patience: 0.2)
        let ids = image.ids
        let error = await #expect(throws: SystemCallError.self) {
            _ = try await WorkerThread.run(name: "test-protect") { try cache.protect("session", ids) }
        }
        #expect(error?.code == EWOULDBLOCK)
    }
}

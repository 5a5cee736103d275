import ContentAddress
import Glibc
import Linux
import TestSupport
import Testing

@testable import BlockStore

/// Limits, pins, upkeep, and several processes at one cache.
@Suite struct BlockCacheTests {
    private let directory: TemporaryDirectory
    private let image = TestImage(count: 41, length: 8192)

    init() throws { directory = try TemporaryDirectory() }

    private var folder: String { directory.path("cache") }

    private func path(_ number: Int) -> String {
        folder + "/v1/" + image.ids[number].cachePath
    }

    /// A cache on a folder, and a store that fills it.
    private func open(
        _ limit: CacheLimit, _ folder: String? = nil, tidiesFrom: Int = 1 << 30
    ) -> (BlockCache, CachingBlockStore) {
        let cache = BlockCache(directory: folder ?? self.folder, limit: limit, tidiesFrom: tidiesFrom)
        return (cache, CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image)))
    }

    /// Fetches blocks one after the other, each written before the next, with times of use that differ.
    private func fill(_ store: CachingBlockStore, _ cache: BlockCache, _ numbers: some Sequence<Int>) async throws {
        for number in numbers {
            let block = try await store.block(image.requests[number])
            #expect(block.bytes == image.blocks[number])
            // Until the write is over: the block is there, or was refused.
            for _ in 0..<25 where !cache.contains(image.ids[number]) { try await Task.sleep(for: .milliseconds(2)) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    @Test func keepsWithinItsLimitAndEvictsTheOldestFirst() async throws {
        let limit = 10 * 8192
        let (cache, store) = open(.bytes(limit))
        try await fill(store, cache, 0..<20)
        let status = try cache.status()
        #expect(status.used <= limit && status.used >= limit * 8 / 10)
        #expect(status.limit == limit)
        #expect(!cache.contains(image.ids[0]))
        #expect(cache.contains(image.ids[19]))
        #expect((0..<10).allSatisfy { !cache.contains(image.ids[$0]) })
    }

    @Test func whileRoomIsMadeALittleMoreThanTheLimitIsUsedAndNobodyWaits() async throws {
        let image = TestImage(count: 66, length: 8192)
        // A 64th of it is one block.
        let limit = 64 * 8192
        let cache = BlockCache(directory: folder, limit: .bytes(limit))
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image))
        for request in image.requests[..<64] { _ = try await store.block(request) }
        await store.settle()
        #expect(try cache.status().blocks == 64)
        cache.budget.isTidying.store(true, ordering: .releasing)
        _ = try await store.block(image.requests[64])
        await store.settle()
        #expect(try cache.status().blocks == 65)
        _ = try await store.block(image.requests[65])
        try await Task.sleep(for: .milliseconds(100))
        #expect(!cache.contains(image.ids[65]), "it waits for room")
        cache.budget.isTidying.store(false, ordering: .releasing)
        await store.settle()
        #expect(cache.contains(image.ids[65]))
        #expect(try cache.status().used <= limit)
    }

    @Test func roomIsMadeBeforeThereIsNone() async throws {
        let limit = 40 * 8192
        let (cache, store) = open(.bytes(limit), tidiesFrom: 0)
        try await fill(store, cache, 0..<10)
        try cache.pin("pin", image.ids[0..<2])
        try await fill(store, cache, 10..<37)
        #expect(try cache.status().blocks == 37)
        try await fill(store, cache, 37..<38)
        #expect(await eventually { (try? cache.status().used) ?? .max <= limit * 9 / 10 })
        #expect(cache.contains(image.ids[0]) && cache.contains(image.ids[1]))
        #expect(!cache.contains(image.ids[2]))
        #expect((20..<38).allSatisfy { cache.contains(image.ids[$0]) })
    }

    @Test func anOldCountIsMadeAnewBesideTheWriters() async throws {
        let (cache, store) = open(.bytes(1 << 30))
        try await fill(store, cache, 0..<4)
        let old = "oscircular-cache-usage 1\n1000\n\(time(nil) - 100_000)\n0\n"
        try AtomicFile.write(old, to: folder + "/v1/usage")
        let (fresh, again) = open(.bytes(1 << 30))
        try await fill(again, fresh, 4..<5)
        func count() -> [Int] {
            let text = (try? FileContents.read(folder + "/v1/usage", limit: 4096)).map {
                String(decoding: $0, as: UTF8.self)
            }
            return (text ?? "").split(separator: "\n").dropFirst().compactMap { Int($0) }
        }
        #expect(await eventually { count().count == 3 && count()[1] > time(nil) - 1000 })
        // The five blocks, and a grant of 16 MiB.
        #expect((5 * 8192...5 * 8192 + (16 << 20)).contains(count()[0]))
    }

    @Test func useInAnotherSessionMakesABlockYoung() async throws {
        let (first, store) = open(.bytes(10 * 8192))
        try await fill(store, first, 0..<10)
        let (second, again) = open(.bytes(10 * 8192))
        #expect(try await again.readNow(image.requests[0]) == image.blocks[0])
        try await fill(again, second, 10..<14)
        #expect(second.contains(image.ids[0]))
        #expect(!second.contains(image.ids[1]))
    }

    @Test func pinsAndRunningSessionsSurviveEviction() async throws {
        let (cache, store) = open(.bytes(10 * 8192))
        try cache.pin("debian/@../2026", image.ids[0...1])
        var protection: CacheProtection? = try cache.protect("session1", image.ids[2...3])
        try await fill(store, cache, 0..<30)
        #expect((0..<4).allSatisfy { cache.contains(image.ids[$0]) })
        #expect(try cache.status().pinned == 2)
        #expect(try cache.pins() == ["debian/@../2026"])
        #expect(throws: SystemCallError.self) { try cache.protect("session1", []) }
        protection = nil
        #expect(protection == nil)
        try cache.prune(to: 0)
        #expect((0..<4).map { cache.contains(image.ids[$0]) } == [true, true, false, false])
        #expect(try cache.unpin("debian/@../2026"))
        #expect(try !cache.unpin("debian/@../2026"))
        #expect(try cache.prune(to: 0) == 2 * 8192)
        #expect(try cache.status().blocks == 0)
    }

    @Test func aDeadSessionProtectsNothing() async throws {
        let (cache, store) = open(.bytes(1 << 20))
        try await fill(store, cache, 0..<2)
        try Folder.make(folder + "/v1/protected")
        try AtomicFile.write(image.ids[0].hex + "\n", to: folder + "/v1/protected/dead")
        try cache.prune(to: 0)
        #expect(!cache.contains(image.ids[0]))
        #expect(access(folder + "/v1/protected/dead", F_OK) != 0)
    }

    @Test func aFullyPinnedCacheStillServes() async throws {
        let warnings = Recorder<CacheWarning>()
        let cache = BlockCache(directory: folder, limit: .bytes(2 * 8192)) { warnings.append($0) }
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image))
        try cache.pin("all", image.ids)
        try await fill(store, cache, 0..<6)
        #expect(try cache.status().blocks == 2)
        let count = warnings.elements.count { if case .noRoom = $0 { true } else { false } }
        #expect(count == 1)
    }

    @Test func aBlockLargerThanTheLimitIsNotKept() async throws {
        let (cache, store) = open(.bytes(5000))
        try await fill(store, cache, 0..<2)
        #expect(try cache.status().blocks == 0)
        #expect(try cache.status().used == 0)
    }

    @Test func absurdAccountingIsRebuilt() async throws {
        let (cache, store) = open(.bytes(10 * 8192))
        try await fill(store, cache, 0..<4)
        for text in ["nonsense", "", "oscircular-cache-usage 1\n9000000000000000000\n\(time(nil))\n0\n"] {
            try AtomicFile.write(text, to: folder + "/v1/usage")
            let (fresh, again) = open(.bytes(10 * 8192))
            try await fill(again, fresh, 0..<20)
            let used = try fresh.status().used
            #expect(used <= 10 * 8192 && used >= 8 * 8192)
        }
    }

    @Test func verifyFindsWhatIsDamaged() async throws {
        let (cache, store) = open(.bytes(1 << 30))
        try await fill(store, cache, 0..<6)
        let other = TestImage(count: 1, length: 4096, algorithm: .sha512_256)
        try Folder.make(folder + "/v1/\(other.ids[0].hex.prefix(2))")
        try AtomicFile.write(other.blocks[0], to: folder + "/v1/\(other.ids[0].cachePath)")
        #expect(truncate(path(2), 11) == 0)
        try AtomicFile.write(image.blocks[0], to: path(3))
        var calls = 0
        let result = try cache.verify { done, total in
            calls += 1
            #expect(done <= total && total == 7)
        }
        #expect(result == (7, 2))
        #expect(calls == 7)
        #expect(!cache.contains(image.ids[2]) && !cache.contains(image.ids[3]) && cache.contains(other.ids[0]))
        #expect(try cache.status().repaired == 2)
        #expect(try cache.verify() == (5, 0))
    }

    @Test func clearTakesPinsButNotWhatASessionNeeds() async throws {
        let (cache, store) = open(.bytes(1 << 30))
        try await fill(store, cache, 0..<6)
        try cache.pin("a", image.ids)
        let protection = try cache.protect("running", image.ids[0...0])
        #expect(try cache.clear() == 5 * 8192)
        #expect(try cache.status().blocks == 1)
        #expect(try cache.pins().isEmpty)
        withExtendedLifetime(protection) {}
        // And the session goes on.
        for number in 0..<6 { #expect(try await store.block(image.requests[number]).bytes == image.blocks[number]) }
    }

    @Test func aCacheThatIsNotThereIsEmpty() throws {
        let (cache, _) = open(.automatic)
        let status = try cache.status()
        #expect(status.used == 0)
        #expect(status.limit > 0)
        #expect(try cache.verify() == (0, 0))
        #expect(try cache.clear() == 0)
        #expect(try cache.pins().isEmpty)
        #expect(access(folder, F_OK) != 0)
    }

    @Test func leftoversOfACrashAreRemovedAndStrangersLeft() async throws {
        let (cache, store) = open(.bytes(1 << 30))
        try await fill(store, cache, 0..<1)
        let shard = String(path(0).dropLast(65))
        try AtomicFile.write("x", to: shard + "/.old.1.2.tmp")
        try AtomicFile.write("x", to: shard + "/.new.1.2.tmp")
        try AtomicFile.write("x", to: shard + "/notes")
        let past = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, shard + "/.old.1.2.tmp", past, 0) == 0)
        try cache.prune(to: 0)
        #expect(access(shard + "/.old.1.2.tmp", F_OK) != 0)
        #expect(access(shard + "/.new.1.2.tmp", F_OK) == 0)
        #expect(access(shard + "/notes", F_OK) == 0)
    }

    @Test(arguments: [false, true])
    func nobodyWritesWhileAnotherProcessCountsAndNoReadWaitsForIt(isRemoved: Bool) async throws {
        let (first, filled) = open(.bytes(10 * 8192))
        try await fill(filled, first, 0..<1)
        let (cache, store) = open(.bytes(10 * 8192))
        // A shared lock keeps off those who take an exclusive one, and nobody else.
        let lock = try FileHandle(path: folder + "/v1/lock", flags: O_RDWR)
        #expect(try lock.lock(exclusive: false, wait: false))
        #expect(try await store.block(image.requests[1]).bytes == image.blocks[1])
        try await Task.sleep(for: .milliseconds(300))
        #expect(!cache.contains(image.ids[1]))
        // Then the lock that it waits for is nobody's any more.
        if isRemoved { TemporaryDirectory.remove(folder) }
        lock.unlock()
        await store.settle()
        #expect(cache.contains(image.ids[1]))
        #expect(try cache.status().blocks == (isRemoved ? 1 : 2))
    }

    @Test func threeSessionsShareACacheSmallerThanTheImage() async throws {
        let limit = 16 * 8192
        try await withThrowingTaskGroup(of: Void.self) { group in
            for session in 0..<3 {
                group.addTask {
                    let (cache, store) = self.open(.bytes(limit))
                    for round in 0..<4 {
                        for step in image.requests.indices {
                            let number = (step * 7 + session * 13 + round) % image.requests.count
                            let bytes = try await store.readNow(image.requests[number])
                            if let bytes {
                                #expect(bytes == image.blocks[number])
                            } else {
                                #expect(try await store.block(image.requests[number]).bytes == image.blocks[number])
                            }
                            // A walk while others write and evict may count a block that went and the one for it.
                            if step % 10 == 0 { #expect(try cache.status().used <= limit + 3 * 8192) }
                        }
                    }
                    #expect(store.statistics.repaired == 0)
                    #expect(store.statistics.bytesFromCache > 0)
                }
            }
            try await group.waitForAll()
        }
        let (cache, _) = open(.bytes(limit))
        #expect(try cache.status().used <= limit)
        #expect(try cache.verify().removed == 0)
    }
}

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
        directory.path("cache/v1/" + image.ids[number].cachePath)
    }

    /// The answer comes before the block's file is there.
    private func untilCached(_ number: Int) async throws {
        #expect(await eventually { cache.contains(image.ids[number]) })
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
        #expect(await eventually { !upstream.fetched.isEmpty })
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
        #expect(await eventually { !upstream.fetched.isEmpty })
        async let demand = store.block(image.requests[0])
        #expect(await eventually { !upstream.raised.isEmpty })
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
        #expect(await eventually { !upstream.fetched.isEmpty })
        let liar = BlockRequest(id: image.ids[0], length: 100, algorithm: .sha256)
        async let wrong = store.failure(liar)
        #expect(await eventually { upstream.fetched.count == 2 })
        upstream.release()
        #expect(try await right.bytes == image.blocks[0])
        #expect(await wrong?.isCorrupt == true)
    }

    // MARK: Cancelling

    @Test func aBlockIsGivenUpWhenTheLastWhoWaitsForItGivesItUp() async throws {
        upstream.hold()
        async let first = store.failure(image.requests[0])
        #expect(await eventually { upstream.fetched.count == 1 })
        let joined = Recorder<Bool>()
        store.fetch(image.requests[0].with(.prefetch)) { result in
            if case .failure(.closed) = result { joined.append(true) } else { joined.append(false) }
        }
        store.cancel(image.ids[0])
        #expect(upstream.cancelled.isEmpty, "one still waits")
        store.cancel(image.ids[0])
        #expect(upstream.cancelled == [image.ids[0]])
        #expect(await first?.isClosed == true)
        #expect(joined.elements == [true])
        upstream.release()
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
    }

    @Test func whoStillWaitsGetsTheBlockThatAnotherGaveUp() async throws {
        upstream.hold()
        async let first = store.block(image.requests[0])
        #expect(await eventually { upstream.fetched.count == 1 })
        let second = Recorder<[UInt8]?>()
        store.fetch(image.requests[0]) { second.append((try? $0.get())?.bytes) }
        store.cancel(image.ids[0])
        #expect(upstream.cancelled.isEmpty)
        upstream.release()
        // The one that gave it up is answered as well.
        #expect(try await first.bytes == image.blocks[0])
        #expect(second.elements == [image.blocks[0]])
        #expect(upstream.fetched.count == 1)
    }

    /// A store that breaks fetches off a moment after it was told to, as one with a network does.
    private final class SlowToCancel: BlockStore {
        let upstream: InMemoryBlockStore
        let cancelled = Recorder<BlockID>()

        init(_ upstream: InMemoryBlockStore) { self.upstream = upstream }

        func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
            upstream.fetch(request, completion: completion)
        }
        func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool { false }
        func raise(_ id: BlockID) { upstream.raise(id) }
        func cancel(_ id: BlockID) { cancelled.append(id) }
    }

    @Test func whoJoinsABlockThatIsBeingBrokenOffHasItFetchedAgain() async throws {
        let slow = SlowToCancel(upstream)
        let store = CachingBlockStore(cache: cache, upstream: slow)
        upstream.hold()
        async let first = store.block(image.requests[0])
        #expect(await eventually { upstream.fetched.count == 1 })
        store.cancel(image.ids[0])
        #expect(slow.cancelled.elements == [image.ids[0]])
        let joined = Recorder<[UInt8]?>()
        store.fetch(image.requests[0]) { joined.append((try? $0.get())?.bytes) }
        // Now it is broken off.
        upstream.cancel(image.ids[0])
        #expect(upstream.fetched.count == 2)
        upstream.release()
        #expect(joined.elements == [image.blocks[0]])
        // Who gave it up is not known, and all are answered.
        #expect(try await first.bytes == image.blocks[0])
    }

    @Test func aCancelThatComesLateTakesTheBlockFromNobody() async throws {
        let slow = SlowToCancel(upstream)
        let store = CachingBlockStore(cache: cache, upstream: slow)
        upstream.fail(image.ids[0], .missing(image.ids[0], place: "here"))
        upstream.hold()
        async let gone = store.failure(image.requests[0])
        #expect(await eventually { upstream.fetched.count == 1 })
        store.cancel(image.ids[0])
        upstream.release()
        #expect(await gone?.isMissing == true)
        // The next two want the block, until the younger gives it up; and what the first said comes only now.
        upstream.hold()
        let answers = Recorder<[UInt8]?>()
        for _ in 0..<2 { store.fetch(image.requests[0].missed()) { answers.append((try? $0.get())?.bytes) } }
        store.cancel(image.ids[0])
        upstream.cancel(image.ids[0])
        #expect(answers.elements.isEmpty && upstream.fetched.count == 3)
        upstream.release()
        #expect(answers.elements == [image.blocks[0], image.blocks[0]])
    }

    @Test func aClosedStoreIsNotAskedAgain() async throws {
        upstream.fail(image.ids[0], .closed, .closed)
        #expect(await store.failure(image.requests[0])?.isClosed == true)
        #expect(upstream.fetched.count == 1)
    }

    // MARK: One look

    /// How often the cache is searched for a block: each time its file is opened or looked at.
    private func looks(for id: BlockID, _ body: () async throws -> Void) async rethrows -> Int {
        let (counter, name) = (Counter(), "/v1/\(id.cachePath)")
        FileCalls.watch { call, path in
            if ["open", "stat"].contains(call) && path.hasSuffix(name) { counter.value.add(1, ordering: .relaxed) }
            return nil
        }
        defer { FileCalls.watch(nil) }
        try await body()
        return counter.value.load(ordering: .relaxed)
    }

    private final class Counter: Sendable {
        let value = Atomic(0)
    }

    @Test func whatWasJustLookedForIsLookedForNoSecondTime() async throws {
        // So that there is a folder to look in.
        for number in 0..<2 { try directory.makeFolder("cache/v1/\(image.ids[number].hex.prefix(2))") }
        _ = try await store.block(image.requests[7])
        await store.settle()
        upstream.hold()
        let known = try await looks(for: image.ids[0]) { () async throws in
            let time = MonotonicClock.nanoseconds
            #expect(try await store.readNow(image.requests[0]) == nil)
            store.fetch(image.requests[0].missed(at: time)) { _ in }
            #expect(upstream.fetched.count == 2, "asked at once, on the same thread")
        }
        #expect(known == 1)
        // A look at whether it is stored is one, too.
        #expect(try await store.readNow(image.requests[7], count: 0) == [])
        #expect(try await store.readNow(image.requests[0], count: 0) == nil)
        // Nobody has looked: somebody must.
        let unknown = await looks(for: image.ids[1]) {
            store.fetch(image.requests[1]) { _ in }
            #expect(await eventually { upstream.fetched.count == 3 })
        }
        #expect(unknown == 1)
        upstream.release()
    }

    @Test func whatCameBetweenALookAndItsFetchIsNotFetchedAgain() async throws {
        let (image, one, other) = try neighbours()
        try directory.makeFolder("cache/v1/\(image.ids[other].hex.prefix(2))")
        let upstream = InMemoryBlockStore(image)
        let store = CachingBlockStore(cache: cache, upstream: upstream)
        let time = MonotonicClock.nanoseconds
        #expect(try await store.readNow(image.requests[one]) == nil)
        // Somebody else's fetch begins and ends.
        _ = try await store.block(image.requests[one])
        await store.settle()
        #expect(try await store.block(image.requests[one].missed(at: time)).bytes == image.blocks[one])
        #expect(upstream.fetched.count == 1)
        // The look was before that: of another block in the same part of the table nobody knows, so it is looked for again.
        upstream.hold()
        let again = await looks(for: image.ids[other]) {
            store.fetch(image.requests[other].missed(at: time)) { _ in }
            #expect(await eventually { upstream.fetched.count == 2 })
        }
        #expect(again == 1)
        upstream.release()
    }

    @Test func whatTheCacheHadMakesNobodyLookAgain() async throws {
        let (image, one, other) = try neighbours()
        let upstream = InMemoryBlockStore(image)
        let before = CachingBlockStore(cache: cache, upstream: upstream)
        _ = try await before.block(image.requests[one])
        await before.settle()
        let store = CachingBlockStore(cache: cache, upstream: upstream)
        let time = MonotonicClock.nanoseconds
        #expect(try await store.block(image.requests[one]).bytes == image.blocks[one])
        upstream.hold()
        let again = await looks(for: image.ids[other]) {
            store.fetch(image.requests[other].missed(at: time)) { _ in }
            #expect(await eventually { upstream.fetched.count == 2 })
        }
        #expect(again == 0)
        upstream.release()
    }

    /// An image, and two of its blocks that share a part of the table and no folder.
    private func neighbours() throws -> (TestImage, Int, Int) {
        let image = TestImage(count: 130, length: 64)
        let parts = Dictionary(grouping: image.blocks.indices) { number in
            image.ids[number].withUnsafeBytes { ($0[1] ^ $0[31]) & 63 }
        }
        // Of 130 there are three in one of 64 parts.
        let shared = try #require(parts.values.first { $0.count >= 3 })
        let other = try #require(
            shared.dropFirst().first { image.ids[$0].hex.prefix(4) != image.ids[shared[0]].hex.prefix(4) })
        return (image, shared[0], other)
    }

    @Test func aReaderThatHasLookedDoesNotWaitForThoseWhoAreYetToLook() async throws {
        // The one thread that looks is held up.
        let lookups = DecodePool(name: "test-look", threads: 1)
        let store = CachingBlockStore(cache: cache, upstream: upstream, lookups: lookups)
        let gate = Monitor(false)
        lookups.submit { _ in _ = gate.wait { $0 ? true : nil } }
        defer { gate.change { $0 = true } }
        let answers = Recorder<Int>()
        for number in 0..<4 { store.fetch(image.requests[number].with(.prefetch)) { _ in answers.append(number) } }
        #expect(upstream.fetched.isEmpty)
        // One of the blocks that wait, and another one.
        store.fetch(image.requests[3].missed()) { _ in answers.append(30) }
        store.fetch(image.requests[5].missed()) { _ in answers.append(5) }
        #expect(upstream.fetched.map(\.id) == [image.ids[3], image.ids[5]])
        #expect(upstream.fetched.allSatisfy { $0.priority == .demand })
        #expect(answers.elements == [3, 30, 5])
        gate.change { $0 = true }
        #expect(await eventually { answers.elements.count == 6 })
        #expect(upstream.fetched.count == 5, "each block once")
    }

    @Test func manyWhoLookAndFetchAtOnceFetchEachBlockOnce() async throws {
        let (image, store) = (image, store)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for reader in 0..<8 {
                group.addTask {
                    try await WorkerThread.run(name: "test-reader") {
                        let done = Monitor(0)
                        let isRight = Recorder<Bool>()
                        for number in image.blocks.indices.map({ ($0 + reader) % image.blocks.count }) {
                            let time = MonotonicClock.nanoseconds
                            var bytes = [UInt8](repeating: 0, count: image.blocks[number].count)
                            let isHere = bytes.withUnsafeMutableBytes {
                                store.read(image.requests[number], at: 0, into: $0)
                            }
                            if isHere {
                                isRight.append(bytes == image.blocks[number])
                                done.change { $0 += 1 }
                                continue
                            }
                            store.fetch(image.requests[number].missed(at: time)) { result in
                                isRight.append((try? result.get())?.bytes == image.blocks[number])
                                done.change { $0 += 1 }
                            }
                        }
                        _ = done.wait { $0 == image.blocks.count ? true : nil }
                        return isRight.elements.allSatisfy { $0 }
                    }
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        await store.settle()
        #expect(upstream.fetched.count == image.blocks.count)
    }
}

import BlockStore
import ContentAddress
import Curl
import Linux
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct MirroredBlockStoreTests {
    private let image = TestImage()

    @Test func takesFromAnotherMirrorWhatOneLacksOrHasWrong() async throws {
        let (first, second) = (InMemoryBlockStore(image), InMemoryBlockStore(image))
        var wrong = image.blocks[0]
        wrong[5] ^= 1
        first.put(wrong, as: image.ids[0])
        first.fail(image.ids[1], .missing(image.ids[1], place: "first"))
        first.fail(image.ids[2], .unreachable(place: "first", cause: TransferError.cancelled))
        let seen = Recorder<BlockStoreError>()
        let store = MirroredBlockStore([first, second], policy: .rounds(1), observer: seen.append)
        for number in [1, 0, 2] { #expect(try await store.block(image.requests[number]).bytes == image.blocks[number]) }
        let kinds = seen.elements
        // The second failure demotes the first mirror, so that the third block is not asked of it.
        #expect(kinds.count == 2)
        #expect(kinds.first?.isMissing == true && kinds.last?.isCorrupt == true)
    }

    @Test func demotesAMirrorThatFailedAndComesBackToItLater() async throws {
        let (first, second) = (InMemoryBlockStore(image), InMemoryBlockStore(image))
        first.fail(image.ids[0], .unreachable(place: "first", cause: TransferError.cancelled))
        let store = MirroredBlockStore([first, second], policy: .rounds(1))
        for request in image.requests { _ = try await store.block(request) }
        #expect(first.fetched.map(\.id) == [image.ids[0]])
        #expect(second.fetched.map(\.id) == image.ids)
        // The second fails too: then the first is asked, and is in good standing again.
        second.fail(image.ids[1], .unreachable(place: "second", cause: TransferError.cancelled))
        for request in image.requests[1...3] { _ = try await store.block(request) }
        #expect(first.fetched.map(\.id) == [image.ids[0]] + image.ids[1...3])
    }

    @Test func keepsAMirrorThatLacksOneBlock() async throws {
        let (first, second) = (InMemoryBlockStore(image), InMemoryBlockStore(image))
        first.fail(image.ids[0], .missing(image.ids[0], place: "first"))
        let store = MirroredBlockStore([first, second], policy: .rounds(1))
        for request in image.requests[0...2] { _ = try await store.block(request) }
        #expect(first.fetched.count == 3)
        #expect(second.fetched.count == 1)
    }

    @Test func triesAgainAfterABackOffAndGivesUpAfterItsRounds() async throws {
        let only = InMemoryBlockStore(image)
        only.fail(image.ids[0], .missing(image.ids[0], place: "a"), .missing(image.ids[0], place: "a"))
        let store = MirroredBlockStore([only], policy: .rounds(3))
        let start = MonotonicClock.nanoseconds
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
        #expect(MonotonicClock.nanoseconds - start > 400_000_000)
        let stranger = TestImage(count: 1, seed: 7).requests[0]
        #expect(await store.failure(stranger)?.isMissing == true)
        #expect(only.fetched.count { $0.id == stranger.id } == 3)
    }

    // MARK: What its caller can do without

    private func dispensable(_ number: Int, _ priority: BlockRequest.Priority = .demand) -> BlockRequest {
        var request = image.requests[number]
        (request.isDispensable, request.priority) = (true, priority)
        return request
    }

    @Test(arguments: [BlockRequest.Priority.demand, .prefetch])
    func whatNoMirrorHasIsNotAskedForAgainWhereItsCallerCanDoWithout(priority: BlockRequest.Priority) async throws {
        let (first, second) = (InMemoryBlockStore(image), InMemoryBlockStore(image))
        var wrong = image.blocks[0]
        wrong[5] ^= 1
        first.put(wrong, as: image.ids[0])
        second.remove(image.ids[0])
        // One mirror lacks it: the other gives it.
        first.remove(image.ids[1])
        let store = MirroredBlockStore([first, second], policy: .patient)
        #expect(await store.failure(dispensable(0, priority))?.isCorrupt == true)
        #expect(first.fetchCount(of: image.ids[0]) == 1 && second.fetchCount(of: image.ids[0]) == 1)
        #expect(try await store.block(dispensable(1, priority)).bytes == image.blocks[1])
    }

    @Test func whoWaitsForWhatHeCanDoWithoutDoesNotWaitForALostServerWhatComesAheadDoes() async throws {
        let only = InMemoryBlockStore(image)
        let silence = BlockStoreError.unreachable(place: "only", cause: TransferError.cancelled)
        only.fail(image.ids[0], silence, silence, silence, silence, silence, silence)
        only.fail(image.ids[1], silence, silence, silence, silence)
        let store = MirroredBlockStore([only], policy: .patient)
        #expect(await store.failure(dispensable(0))?.isUnreachable == true)
        #expect(only.fetchCount(of: image.ids[0]) == 5)
        #expect(try await store.block(dispensable(1, .prefetch)).bytes == image.blocks[1])
    }

    @Test func reportsTheFailureThatGivesMostHope() async throws {
        let (first, second) = (InMemoryBlockStore(), InMemoryBlockStore())
        first.fail(image.ids[0], .unreachable(place: "first", cause: TransferError.cancelled))
        let store = MirroredBlockStore([first, second], policy: .rounds(1))
        #expect(await store.failure(image.requests[0])?.isUnreachable == true)
    }

    @Test func waitsPatientlyForAServerThatComesBack() async throws {
        let directory = try TemporaryDirectory()
        try image.write(to: directory.path)
        let server = try FaultyHTTPServer(folder: directory.path)
        let queue = TransferQueue(options: TransferOptions(stallSeconds: 1, connectSeconds: 2))
        let store = MirroredBlockStore([HTTPBlockStore(baseURL: server.url, queue: queue)], policy: .patient)
        server.stop()
        async let blocks = withThrowingTaskGroup(of: Bool.self) { group in
            for (request, bytes) in zip(image.requests, image.blocks) {
                group.addTask { try await store.block(request).bytes == bytes }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        try await Task.sleep(for: .milliseconds(1500))
        try server.start()
        #expect(try await blocks == image.blocks.count)
    }

    @Test func closingFailsThoseWhoWait() async throws {
        let store = MirroredBlockStore([InMemoryBlockStore()], policy: .patient)
        async let waiting = store.failure(image.requests[0])
        try await Task.sleep(for: .milliseconds(300))
        store.close()
        #expect(await waiting?.isClosed == true)
        #expect(await store.failure(image.requests[1])?.isClosed == true)
    }

    @Test func raisesTheMirrorThatIsAsked() async throws {
        let (first, second) = (InMemoryBlockStore(image), InMemoryBlockStore(image))
        first.hold()
        let store = MirroredBlockStore([first, second], policy: .rounds(1))
        async let block = store.block(image.requests[0].with(.prefetch))
        while first.fetched.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        store.raise(image.ids[0])
        #expect(first.raised == [image.ids[0]])
        #expect(second.raised.isEmpty)
        first.release()
        #expect(try await block.bytes == image.blocks[0])
    }

    @Test func aFetchThatNobodyWaitsForIsBrokenOffWhereverItIs() async throws {
        let (first, second) = (InMemoryBlockStore(image), InMemoryBlockStore(image))
        first.hold()
        second.hold()
        // One request at a time: the second block waits for its turn.
        let store = MirroredBlockStore([first, second], policy: .patient, parallel: 1)
        let closed = Recorder<Int>()
        for number in 0..<3 {
            store.fetch(image.requests[number]) {
                if case .failure(.closed) = $0 { closed.append(number) }
                // The mirror has heard of it before the caller, who may ask for the block again.
                if number == 0 { #expect(first.cancelled == [image.ids[0]]) }
            }
        }
        #expect(first.fetched.map(\.id) == [image.ids[0]])
        store.cancel(image.ids[1])
        store.cancel(image.ids[0])
        #expect(closed.elements == [1, 0])
        #expect(first.cancelled == [image.ids[0]])
        // It says nothing about the mirror, and makes room for the next.
        #expect((first.fetched + second.fetched).map(\.id) == [image.ids[0], image.ids[2]])
        first.release()
        second.release()
        #expect(try await store.block(image.requests[2]).bytes == image.blocks[2])
        #expect(closed.elements == [1, 0])
    }

    @Test func aPrefetchIsRacedFromTheMomentItIsWanted() async throws {
        let mirrors = (0..<2).map { _ in InMemoryBlockStore(image) }
        let store = MirroredBlockStore(mirrors, policy: .rounds(1), parallel: 3)
        for number in 6...7 { _ = try await store.block(image.requests[number]) }
        for mirror in mirrors { mirror.hang(image.ids[0]) }
        func asked() -> Int { mirrors.reduce(0) { $0 + $1.fetchCount(of: image.ids[0]) } }
        async let block = store.block(image.requests[0].with(.prefetch))
        #expect(await eventually { asked() == 1 })
        // Prefetches have one place: while this one waits, the first is not the last that is wanted, and is not raced.
        async let other = store.block(image.requests[1].with(.prefetch))
        store.raise(image.ids[0])
        #expect(await eventually { asked() == 2 })
        mirrors.forEach { $0.release() }
        #expect(try await block.bytes == image.blocks[0])
        #expect(try await other.bytes == image.blocks[1])
    }

    /// A store that does something when it is asked for a block, before it asks another.
    private final class Meddling: BlockStore {
        let upstream: InMemoryBlockStore
        let action = Mutex<@Sendable (BlockID) -> Void>({ _ in })

        init(_ upstream: InMemoryBlockStore) { self.upstream = upstream }

        func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
            action.withLock { $0 }(request.id)
            upstream.fetch(request, completion: completion)
        }
        func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool { false }
        func raise(_ id: BlockID) { upstream.raise(id) }
        func cancel(_ id: BlockID) { upstream.cancel(id) }
    }

    @Test func whatIsTakenBackOnItsWayToTheMirrorIsNotFetched() async throws {
        let mirror = Meddling(InMemoryBlockStore(image))
        let store = MirroredBlockStore([mirror], policy: .rounds(1), parallel: 3)
        _ = try await store.block(image.requests[7])
        let closed = Recorder<Int>()
        mirror.action.withLock {
            $0 = { [image, unowned store] id in
                // While the first is asked for, two more come, which are given out together; the one is in time for the other.
                if id == image.ids[0] {
                    for number in 1...2 {
                        store.fetch(image.requests[number]) {
                            if case .failure(.closed) = $0 { closed.append(number) }
                        }
                    }
                }
                if id == image.ids[1] { store.cancel(image.ids[2]) }
            }
        }
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
        #expect(closed.elements == [2])
        #expect(mirror.upstream.fetched.map(\.id) == [7, 0, 1].map { image.ids[$0] })
        // Its place is free again, and the mirror in good standing.
        mirror.upstream.hold()
        for number in 3...5 { store.fetch(image.requests[number]) { _ in } }
        #expect(mirror.upstream.fetched.count == 6)
        mirror.upstream.release()
    }
}

import BlockStore
import ContentAddress
import Linux
import Synchronization
import TestSupport
import Testing

/// What becomes of a fetch whose task is cancelled.
@Suite(.timeLimit(.minutes(1))) struct CancelledBlockTests {
    private let image = TestImage()
    private let directory: TemporaryDirectory
    private let upstream: InMemoryBlockStore
    private let store: CachingBlockStore

    init() throws {
        directory = try TemporaryDirectory()
        upstream = InMemoryBlockStore(image)
        // A write that is under way when the test ends must not make its folder anew.
        let cache = BlockCache(directory: try directory.makeFolder("cache"), limit: .bytes(1 << 30))
        store = CachingBlockStore(cache: cache, upstream: upstream)
    }

    private func task(_ number: Int) -> Task<[UInt8], any Error> {
        Task { [store, request = image.requests[number]] in try await store.block(request).bytes }
    }

    @Test func theTaskReturnsAtOnceAndTakesItsBlockBack() async throws {
        upstream.hold()
        let task = task(0)
        #expect(await eventually { upstream.fetched.count == 1 })
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(upstream.cancelled == [image.ids[0]])
        upstream.release()
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
        #expect(upstream.fetched.count == 2)
    }

    @Test func whoStillWaitsGetsTheBlock() async throws {
        upstream.hold()
        let tasks = (0..<3).map { _ in task(0) }
        #expect(await eventually { upstream.fetched.count == 1 })
        // All three have joined, in whatever order.
        try await Task.sleep(for: .milliseconds(100))
        for task in tasks[..<2] {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(upstream.cancelled.isEmpty, "one still waits")
        upstream.release()
        #expect(try await tasks[2].value == image.blocks[0])
        #expect(upstream.fetched.count == 1)
    }

    @Test func theLastOfSeveralTakesItBack() async throws {
        upstream.hold()
        let tasks = (0..<3).map { _ in task(0) }
        #expect(await eventually { upstream.fetched.count == 1 })
        try await Task.sleep(for: .milliseconds(100))
        for task in tasks {
            #expect(upstream.cancelled.isEmpty)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        #expect(upstream.cancelled == [image.ids[0]])
    }

    @Test func aTaskThatIsCancelledBeforeAsksForNothing() async throws {
        let gate = Gate()
        let task = Task { [store, request = image.requests[0]] in
            await gate.wait()
            return try await store.block(request).bytes
        }
        task.cancel()
        gate.open()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(upstream.fetched.isEmpty && upstream.cancelled.isEmpty)
    }

    private final class Gate: Sendable {
        private let isOpen = Atomic(false)

        func open() { isOpen.store(true, ordering: .relaxed) }
        func wait() async { while !isOpen.load(ordering: .relaxed) { await Task.yield() } }
    }

    /// A store that does something else first when it is asked.
    private final class Busy: BlockStore {
        let upstream: InMemoryBlockStore
        let before = Mutex<(@Sendable () -> Void)?>(nil)

        init(_ upstream: InMemoryBlockStore) { self.upstream = upstream }

        func fetch(_ request: BlockRequest, completion: @escaping BlockCompletion) {
            before.withLock { $0 }?()
            upstream.fetch(request, completion: completion)
        }
        func read(_ request: BlockRequest, at offset: Int, into buffer: UnsafeMutableRawBufferPointer) -> Bool { false }
        func raise(_ id: BlockID) {}
        func cancel(_ id: BlockID) { upstream.cancel(id) }
    }

    @Test func aCancelThatComesBeforeTheStoreKnowsOfTheFetchIsNotLost() async throws {
        let busy = Busy(upstream)
        upstream.hold()
        let gate = Gate()
        let task = Task { [request = image.requests[0]] in
            await gate.wait()
            return try await busy.block(request).bytes
        }
        busy.before.withLock { $0 = { task.cancel() } }
        gate.open()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(await eventually { upstream.cancelled == [image.ids[0]] })
        #expect(upstream.fetched.count == 1)
    }

    @Test func whatWasAnsweredIsNotTakenBack() async throws {
        let task = task(0)
        #expect(try await task.value == image.blocks[0])
        task.cancel()
        #expect(upstream.cancelled.isEmpty)
    }

    /// A guest's read never takes its fetch back: a cancel that was meant for another, and comes too late, must not meet it.
    @Test func aFirmFetchIsNotMetByACancelOfSomebodyElse() async throws {
        upstream.hold()
        let answers = Recorder<[UInt8]?>()
        var request = image.requests[0].missed()
        request.isFirm = true
        store.fetch(request) { answers.append((try? $0.get())?.bytes) }
        store.cancel(image.ids[0])
        store.cancel(image.ids[0])
        #expect(upstream.cancelled.isEmpty)
        upstream.release()
        #expect(answers.elements == [image.blocks[0]])
    }

    /// Tasks that go and reads that stay, at the same moments.
    @Test func manyThatGoHurtNoneThatStays() async throws {
        let (image, store) = (TestImage(count: 200, length: 4096), self.store)
        for (id, bytes) in zip(image.ids, image.blocks) { upstream.put(bytes, as: id) }
        for round in 0..<20 {
            upstream.hold()
            let numbers = image.blocks.indices.filter { $0 % 20 == round }
            let going = numbers.map { number in Task { try await store.block(image.requests[number]).bytes } }
            let firm = Recorder<Bool>()
            for number in numbers {
                var request = image.requests[number]
                request.isFirm = true
                store.fetch(request) { firm.append((try? $0.get())?.bytes == image.blocks[number]) }
            }
            let releasing = Task { [upstream] in upstream.release() }
            for task in going { task.cancel() }
            await releasing.value
            for (number, task) in zip(numbers, going) {
                switch await task.result {
                case .success(let bytes): #expect(bytes == image.blocks[number])
                case .failure(let error): #expect(error is CancellationError, "\(error)")
                }
            }
            #expect(await eventually { firm.elements.count == numbers.count })
            #expect(firm.elements.allSatisfy { $0 })
        }
    }
}

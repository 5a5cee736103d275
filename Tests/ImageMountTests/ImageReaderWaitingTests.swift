import BlockStore
import Glibc
import ImageIndex
import ImageMount
import Linux
import TestSupport
import Testing

/// What happens when blocks do not come.
@Suite(.timeLimit(.minutes(2))) struct ImageReaderWaitingTests {
    private let folder: TemporaryFolder
    private let image: TestImage
    private let store: InMemoryBlockStore
    private let observer = RecordingObserver()

    init() throws {
        folder = try TemporaryFolder()
        image = try TestImage.fixed(in: folder)
        store = image.store()
    }

    private func reader(bound: Duration = .seconds(30), keepsFetching: Bool = true) -> ImageReader {
        ImageReader(
            index: image.index, store: store,
            options: ReadOptions(bound: bound, keepsFetching: keepsFetching, retryDelay: .milliseconds(20)),
            observer: observer)
    }

    private func error(of reader: ImageReader, at offset: UInt64 = 0, length: Int = 100) async -> ImageReadError? {
        do {
            _ = try await reader.read(offset: offset, length: length)
            return nil
        } catch {
            return error as? ImageReadError
        }
    }

    private let unreachable = BlockStoreError.unreachable(
        place: "memory", cause: SystemCallError(code: ECONNREFUSED, call: "connect"))

    @Test func asksAgainWhileAPlaceIsUnreachable() async throws {
        store.fail(image.blocks[0].id, unreachable, unreachable)
        let reader = reader()
        #expect(try await reader.read(offset: 0, length: 100) == image.slice(0, 100))
        #expect(store.fetchCount(of: image.blocks[0].id) == 3)
        #expect(observer.events.isEmpty)
    }

    @Test func aReadOfAStartEndsAtTheFirstFailure() async throws {
        store.fail(image.blocks[0].id, unreachable)
        let reader = ImageReader(
            index: image.index, store: store, options: ReadOptions(keepsFetching: false, endsAtFailure: true))
        guard case .block(_, cause: .unreachable) = await error(of: reader) else {
            Issue.record("asked again")
            return
        }
        #expect(store.fetchCount(of: image.blocks[0].id) == 1)
        #expect(try await reader.read(offset: 0, length: 100) == image.slice(0, 100))
    }

    @Test func endsAtOnceWhenTheBlockIsDamagedAndRecovers() async throws {
        let id = image.blocks[1].id
        store.fail(id, .corrupt(id, place: "memory", reason: "wrong digest"))
        let reader = reader()
        let error = await error(of: reader, at: image.blocks[1].offset)
        guard case .block(let block, cause: .corrupt) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(block.position == 1)
        #expect(await eventually { observer.events == [.stalled([1]), .arrived(1), .ended] })
        #expect(try await reader.read(offset: image.blocks[1].offset, length: 9) == image.slice(65536, 9))
    }

    @Test func endsWhenTheBoundIsOverAndTellsWhenTheBlockComes() async throws {
        store.hang(image.blocks[0].id)
        store.hang(image.blocks[1].id)
        let reader = reader(bound: .milliseconds(150))
        let start = MonotonicClock.nanoseconds
        // Blocks 0, 1 and the hole 2.
        guard case .timedOut = await error(of: reader, at: 1000, length: 150_000) else {
            Issue.record("no time-out")
            return
        }
        let elapsed = MonotonicClock.nanoseconds - start
        #expect(elapsed >= 150_000_000)
        #expect(elapsed < 5_000_000_000)
        #expect(observer.events == [.stalled([0, 1])])
        #expect(reader.stalledBlocks.map(\.position).sorted() == [0, 1])
        #expect(reader.statistics.waitingReads == 0)
        #expect(reader.statistics.failedReads == 1)
        store.release()
        #expect(await eventually { observer.events.last == .ended })
        #expect(observer.events.count == 4)
        #expect(reader.stalledBlocks.isEmpty)
        #expect(try await reader.read(offset: 1000, length: 150_000) == image.slice(1000, 150_000))
        #expect(store.fetchCount(of: image.blocks[0].id) == 1, "the fetch that timed out went on")
    }

    @Test func aReadOfAStalledBlockDoesNotWaitAgain() async throws {
        store.hang(image.blocks[0].id)
        let reader = reader(bound: .seconds(1))
        _ = await error(of: reader)
        let start = MonotonicClock.nanoseconds
        guard case .timedOut = await error(of: reader) else {
            Issue.record("no time-out")
            return
        }
        #expect(MonotonicClock.nanoseconds - start < 800_000_000)
        #expect(observer.events == [.stalled([0])])
        store.release()
    }

    @Test func otherBlocksAreServedWhileOneStalls() async throws {
        store.hang(image.blocks[0].id)
        let reader = reader()
        async let waiting = reader.read(offset: 0, length: 10)
        #expect(await eventually { reader.statistics.waitingReads == 1 })
        for block in image.blocks.dropFirst() {
            let bytes = try await reader.read(offset: block.offset, length: block.length)
            #expect(bytes == image.slice(Int(block.offset), block.length))
        }
        #expect(reader.statistics.waitingReads == 1)
        store.release()
        #expect(try await waiting == image.slice(0, 10))
    }

    @Test func aBlockThatStallsDoesNotFailTheNextOne() async throws {
        let (bad, good) = (image.blocks[0], image.blocks[1])
        store.hang(bad.id)
        store.hang(good.id)
        let reader = reader(bound: .milliseconds(500), keepsFetching: false)
        #expect(await error(of: reader) != nil)
        // As the kernel reads ahead: refused at once because of the first block, and the second is asked for.
        await #expect(throws: ImageReadError.self) {
            try await reader.read(offset: bad.offset, length: bad.length + good.length)
        }
        async let bytes = reader.read(offset: good.offset, length: good.length)
        #expect(await eventually { reader.statistics.waitingReads == 1 }, "it may wait for its own block")
        store.release()
        #expect(try await bytes == image.slice(Int(good.offset), good.length))
    }

    @Test func releasesWaitingReadsAtOnceAndGoesOnFetching() async throws {
        store.hang(image.blocks[0].id)
        let reader = reader()
        async let waiting = error(of: reader)
        #expect(await eventually { reader.statistics.waitingReads == 1 })
        reader.releaseWaitingReads()
        guard case .released = await waiting else {
            Issue.record("not released")
            return
        }
        #expect(reader.statistics.waitingReads == 0)
        #expect(observer.events == [.stalled([0])])
        store.release()
        #expect(await eventually { observer.events == [.stalled([0]), .arrived(0), .ended] })
        #expect(await error(of: reader) == nil)
    }

    @Test func refusesToWaitUntilItIsAllowed() async throws {
        let reader = reader()
        reader.refuseWaiting()
        guard case .released = await error(of: reader) else {
            Issue.record("waited")
            return
        }
        #expect(await eventually { observer.events.last == .ended }, "it was fetched all the same")
        #expect(await error(of: reader) == nil, "what is here needs no waiting")
        reader.allowWaiting()
        #expect(await error(of: reader, at: image.blocks[1].offset) == nil)
    }

    @Test func keepsAskingForAStalledBlockUntilItComes() async throws {
        store.fail(image.blocks[0].id, unreachable, unreachable, unreachable, unreachable, unreachable)
        let reader = reader(bound: .milliseconds(50))
        guard case .block(_, cause: .unreachable) = await error(of: reader) else {
            Issue.record("the last error is not told")
            return
        }
        #expect(await eventually { observer.events.last == .ended })
        #expect(store.fetchCount(of: image.blocks[0].id) == 6)
    }

    @Test func asksNoMoreForMissingBlocksWhenNobodyIsPaused() async throws {
        let id = image.blocks[0].id
        store.fail(id, .missing(id, place: "memory"))
        let reader = reader(keepsFetching: false)
        guard case .block(_, cause: .missing) = await error(of: reader) else {
            Issue.record("not missing")
            return
        }
        try await Task.sleep(for: .milliseconds(150))
        #expect(store.fetchCount(of: id) == 1)
        #expect(observer.events.isEmpty)
        #expect(await error(of: reader) == nil, "a later read asks again")
    }

    @Test func closingEndsWaitingReads() async throws {
        store.hang(image.blocks[0].id)
        let reader = reader()
        async let waiting = error(of: reader)
        #expect(await eventually { reader.statistics.waitingReads == 1 })
        reader.close()
        guard case .closed = await waiting else {
            Issue.record("not closed")
            return
        }
        store.release()
        guard case .closed = await error(of: reader, at: image.blocks[3].offset) else {
            Issue.record("fetched after close")
            return
        }
    }
}

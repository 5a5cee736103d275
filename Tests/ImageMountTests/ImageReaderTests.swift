import BlockStore
import ImageIndex
import ImageMount
import Linux
import TestSupport
import Testing

@Suite struct ImageReaderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func compareAtRandomOffsets(_ image: TestImage, _ reader: ImageReader, times: Int) async throws {
        var random = SeededRandom(seed: 3)
        for _ in 0..<times {
            let offset = Int.random(in: 0..<image.bytes.count, using: &random)
            let length = Int.random(in: 1...200_000, using: &random)
            let bytes = try await reader.read(offset: UInt64(offset), length: length)
            #expect(bytes == image.slice(offset, length), "offset \(offset), length \(length)")
        }
    }

    @Test(arguments: [false, true])
    func readsFixedBlocksAtAnyOffset(answersAtOnce: Bool) async throws {
        let image = try TestImage.fixed(in: folder)
        #expect(image.index.fixedBlockSize == 65536)
        let reader = ImageReader(index: image.index, store: image.store(answersAtOnce: answersAtOnce))
        try await compareAtRandomOffsets(image, reader, times: 150)
    }

    @Test func readsContentDefinedBlocksAtAnyOffset() async throws {
        let image = try TestImage.contentDefined(in: folder)
        #expect(image.index.fixedBlockSize == nil)
        try await compareAtRandomOffsets(image, ImageReader(index: image.index, store: image.store()), times: 150)
    }

    @Test func servesWhatIsHereWithoutFetching() async throws {
        let image = try TestImage.fixed(in: folder)
        let store = image.store()
        store.bringAllHere()
        let reader = ImageReader(index: image.index, store: store)
        let bytes = try await reader.read(offset: 0, length: image.bytes.count)
        #expect(bytes == image.bytes)
        #expect(store.fetched.isEmpty)
    }

    @Test func aReadBeginsWithWhatIsHereAndFetchesOnlyTheRest() async throws {
        let image = try TestImage.fixed(in: folder)
        let store = image.store(answersAtOnce: true)
        let reader = ImageReader(index: image.index, store: store)
        _ = try await reader.read(offset: 0, length: 1)
        let before = MonotonicClock.nanoseconds
        let begun = reader.begin(offset: 5, length: image.bytes.count)
        #expect(!begun.isComplete)
        #expect(store.fetched.count == 1, "the first half asks for nothing")
        reader.finish(begun) { result in
            #expect((try? result.get())?.withUnsafeBytes { Array($0) } == image.slice(5, image.bytes.count))
        }
        let rest = store.fetched.dropFirst()
        #expect(rest.map(\.id) == image.blocks.dropFirst().filter { !$0.isHole }.map(\.id))
        // The store hears that it was just asked for them.
        #expect(rest.allSatisfy { ($0.missedAt ?? 0) >= before })
        let complete = reader.begin(offset: 5, length: image.bytes.count - 5)
        #expect(complete.isComplete)
        #expect(complete.buffer.withUnsafeBytes { Array($0) } == image.slice(5, image.bytes.count - 5))
        #expect(reader.statistics.reads == 3)
        #expect(store.fetched.count == rest.count + 1)
    }

    @Test(arguments: [false, true])
    func whoReadsInOrderFindsBlocksFetchedAheadAndRight(answersAtOnce: Bool) async throws {
        let image = try TestImage.fixed(in: folder)
        let store = image.store(answersAtOnce: answersAtOnce)
        let size = image.index.longestBlock
        let reader = ImageReader(index: image.index, store: store, options: ReadOptions(readAhead: 8 * size))
        for block in 0..<2 { _ = try await reader.read(offset: UInt64(block * size), length: size) }
        // Nobody has asked for these.
        let ahead = Set(image.blocks[2..<6].filter { !$0.isHole }.map(\.id))
        #expect(!ahead.isEmpty)
        #expect(await eventually { ahead.isSubset(of: store.fetched.map(\.id)) })
        // They were looked for, and the store hears of it.
        #expect(store.fetched.filter { ahead.contains($0.id) }.allSatisfy { $0.missedAt != nil })
        for offset in stride(from: 0, to: image.bytes.count, by: 50_000) {
            let bytes = try await reader.read(offset: UInt64(offset), length: 50_000)
            #expect(bytes == image.slice(offset, 50_000), "offset \(offset)")
        }
    }

    @Test func nothingIsFetchedAheadForBlocksThatSomebodyElseFetches() async throws {
        let image = try TestImage.fixed(in: folder)
        let store = image.store()
        let size = image.index.longestBlock
        let options = ReadOptions(readAhead: 8 * size, foreseen: [0, 1, 2])
        let reader = ImageReader(index: image.index, store: store, options: options)
        for block in 0..<3 { _ = try await reader.read(offset: UInt64(block * size), length: size) }
        #expect(Set(store.fetched.map(\.id)) == Set(image.blocks[0..<3].filter { !$0.isHole }.map(\.id)))
    }

    @Test func fetchesEveryBlockOnceAndNoHole() async throws {
        let image = try TestImage.fixed(in: folder)
        let store = image.store()
        let reader = ImageReader(index: image.index, store: store)
        #expect(try await reader.read(offset: 0, length: image.bytes.count) == image.bytes)
        for block in image.blocks {
            #expect(store.fetchCount(of: block.id) == (block.isHole ? 0 : 1), "block \(block.position)")
        }
    }

    @Test func readsThatWaitForOneBlockFetchItOnce() async throws {
        let image = try TestImage.fixed(in: folder)
        let store = image.store()
        store.hang(image.blocks[0].id)
        let reader = ImageReader(index: image.index, store: store)
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<6 { group.addTask { try await reader.read(offset: 100, length: 50) } }
            #expect(await eventually { reader.statistics.waitingReads == 6 })
            store.release()
            for try await bytes in group { #expect(bytes == image.slice(100, 50)) }
        }
        #expect(store.fetchCount(of: image.blocks[0].id) == 1)
    }

    @Test func endsAtTheEndOfTheImage() async throws {
        let image = try TestImage.fixed(in: folder)
        let size = image.bytes.count
        let reader = ImageReader(index: image.index, store: image.store())
        #expect(try await reader.read(offset: UInt64(size - 10), length: 4096) == image.slice(size - 10, 10))
        #expect(try await reader.read(offset: UInt64(size), length: 4096).isEmpty)
        #expect(try await reader.read(offset: .max, length: .max).isEmpty)
        #expect(try await reader.read(offset: 5, length: 0).isEmpty)
        #expect(try await reader.read(offset: 5, length: -1).isEmpty)
    }

    @Test func tellsFirstTouchesInOrderAndOnce() async throws {
        let image = try TestImage.fixed(in: folder)
        let observer = RecordingObserver()
        let reader = ImageReader(index: image.index, store: image.store(), observer: observer)
        for position in [4, 1, 4, 2, 0, 1] {
            _ = try await reader.read(offset: image.blocks[position].offset, length: 10)
        }
        #expect(observer.touched == [4, 1, 0], "block 2 is a hole")
        let offsets = [4, 1, 4, 2, 0, 1].map { image.blocks[$0].offset }
        #expect(observer.reads == offsets.map { $0..<($0 + 10) })
        // Past the end there is nothing to read.
        _ = try await reader.read(offset: UInt64(image.bytes.count), length: 10)
        #expect(observer.reads.count == 6)
        let statistics = reader.statistics
        #expect(statistics.reads == 7)
        #expect(statistics.bytes == 60)
        #expect(statistics.blocksTouched == 3)
        #expect(statistics.waitingReads == 0)
        #expect(statistics.failedReads == 0)
    }
}

import BlockStore
import ContentAddress
import ImageIndex
import ImageMount
import Linux
import TestSupport
import Testing

/// Blocks of 64 KiB, 16 pages each, every third a hole; the pack has pages of the first two blocks, and the image's short last page.
@Suite(.timeLimit(.minutes(1))) struct PackedReadTests {
    private let folder: TemporaryFolder
    private let image: TestImage
    private let store: InMemoryBlockStore
    private let observer = RecordingObserver()

    private static let runs = [
        PageRun(start: 20, count: 3), PageRun(start: 2, count: 6), PageRun(start: 160, count: 1),
        PageRun(start: 14, count: 4), PageRun(start: 30, count: 1),
    ]

    init() throws {
        folder = try TemporaryFolder()
        image = try TestImage.fixed(count: 11, last: 1000, in: folder)
        store = image.store()
    }

    private func pack(_ bytes: [UInt8]? = nil) throws -> TestPack {
        let pack = try TestPack(bytes ?? image.bytes, runs: Self.runs)
        pack.put(into: store)
        return pack
    }

    private func reader(_ pack: TestPack, _ options: ReadOptions = ReadOptions()) -> ImageReader {
        ImageReader(
            index: image.index, store: store, options: options, observer: observer,
            packed: PackedPages(pack.pack, blocks: image.index.count))
    }

    private func page(_ number: Int, _ count: Int = 1) -> [UInt8] { image.slice(number * 4096, count * 4096) }

    private func read(_ reader: ImageReader, _ page: Int, _ count: Int = 1) async throws -> [UInt8] {
        try await reader.read(offset: UInt64(page * 4096), length: count * 4096)
    }

    private var fetched: [BlockID] { store.fetched.map(\.id) }

    @Test func aPageWhoseBlockIsNotHereComesFromThePack() async throws {
        let pack = try pack()
        let reader = reader(pack)
        #expect(try await read(reader, 2, 2) == page(2, 2))
        #expect(fetched == [pack.pack.pieces[0].id, pack.pack.pieces[1].id])
        #expect(store.fetched.allSatisfy { $0.isDispensable })
        // What came is at hand.
        #expect(try await read(reader, 20, 3) == page(20, 3))
        #expect(fetched.count == 2)
        // The start has read these blocks, whatever they came from.
        #expect(observer.touched == [0, 1])
        #expect(observer.piecesWanted == 2)
    }

    @Test func aReadOverTwoBlocksAndPartOfAPageIsRight() async throws {
        let reader = reader(try pack())
        for (offset, length) in [(14 * 4096 + 100, 4 * 4096 - 300), (2 * 4096, 512), (20 * 4096 + 4000, 200)] {
            #expect(try await reader.read(offset: UInt64(offset), length: length) == image.slice(offset, length))
        }
        #expect(store.fetched.allSatisfy { $0.isDispensable })
        // The image's last page is a short one.
        #expect(try await reader.read(offset: UInt64(10 * 65536), length: 4096) == image.slice(10 * 65536, 1000))
        #expect(store.fetched.allSatisfy { $0.isDispensable })
    }

    @Test func aReadOfWhichThePackLacksAPageIsTheBlocks() async throws {
        let reader = reader(try pack())
        #expect(try await read(reader, 7, 2) == page(7, 2))
        #expect(fetched == [image.blocks[0].id])
        #expect(observer.piecesWanted == 0)
    }

    @Test func aBlockThatIsHereGoesFirst() async throws {
        store.bringAllHere()
        let reader = reader(try pack())
        for start in [2, 14, 20] { #expect(try await read(reader, start, 3) == page(start, 3)) }
        #expect(fetched.isEmpty)
    }

    @Test(arguments: [false, true])
    func everyReadIsTheImage(isContentDefined: Bool) async throws {
        let image = try (isContentDefined ? TestImage.contentDefined(in: folder) : self.image)
        let store = image.store()
        let pages = (image.bytes.count + 4095) / 4096
        let pack = try TestPack(image.bytes, runs: TestPack.scattered(0..<pages, seed: 5), pages: 7)
        pack.put(into: store)
        let reader = ImageReader(
            index: image.index, store: store, options: ReadOptions(readAhead: 1 << 20), observer: observer,
            packed: PackedPages(pack.pack, blocks: image.index.count))
        // Before anything was read ahead.
        for page in stride(from: 1, to: 40, by: 3) {
            #expect(try await reader.read(offset: UInt64(page * 4096), length: 99) == image.slice(page * 4096, 99))
        }
        #expect(observer.piecesWanted > 0)
        var random = SeededRandom(seed: 9)
        for _ in 0..<150 {
            let offset = Int.random(in: 0..<image.bytes.count, using: &random)
            let length = Int.random(in: 1...30_000, using: &random)
            let bytes = try await reader.read(offset: UInt64(offset), length: length)
            #expect(bytes == image.slice(offset, length), "offset \(offset), length \(length)")
        }
        #expect(observer.differing.isEmpty)
    }

    @Test func aPieceThatNoPlaceHasIsItsBlocks() async throws {
        let pack = try pack()
        for piece in pack.pack.pieces { store.remove(piece.id) }
        let reader = reader(pack)
        #expect(try await read(reader, 14, 4) == page(14, 4))
        let first = store.fetched.count
        #expect(Set(fetched) == Set(pack.pack.pieces[2...3].map(\.id) + image.blocks[0...1].map(\.id)))
        // Nor is it asked for again.
        #expect(try await read(reader, 14, 4) == page(14, 4))
        #expect(store.fetched.count == first)
        #expect(reader.statistics.waitingReads == 0)
    }

    @Test func aPieceThatIsWrongIsItsBlocks() async throws {
        let pack = try pack()
        let id = pack.pack.pieces[0].id
        var wrong = pack.pieces[0]
        wrong[77] ^= 1
        store.put(wrong, as: id)
        let reader = reader(pack)
        #expect(try await read(reader, 20) == page(20))
        #expect(fetched == [id, image.blocks[1].id])
    }

    @Test func aPieceThatIsNotKeptIsFetchedOnceAndThenItsBlocks() async throws {
        let bare = InMemoryBlockStore(keepsLocally: false)
        for block in image.blocks where !block.isHole {
            bare.put(image.slice(Int(block.offset), block.length), as: block.id)
        }
        let pack = try pack()
        pack.put(into: bare)
        let reader = ImageReader(
            index: image.index, store: bare, packed: PackedPages(pack.pack, blocks: image.index.count))
        for _ in 0..<5 { #expect(try await read(reader, 20) == page(20)) }
        #expect(bare.fetchCount(of: pack.pack.pieces[0].id) == 1)
        #expect(bare.fetchCount(of: image.blocks[1].id) == 4)
    }

    @Test func aPlaceThatDoesNotAnswerIsAskedForThePieceOnceMore() async throws {
        let pack = try pack()
        let id = pack.pack.pieces[0].id
        let silence = BlockStoreError.unreachable(place: "memory", cause: SystemCallError(.timedOut, call: "recv"))
        store.fail(id, silence, silence)
        store.hang(image.blocks[1].id)
        let reader = reader(pack)
        async let first = read(reader, 20)
        #expect(await eventually { store.fetchCount(of: image.blocks[1].id) == 1 })
        async let second = read(reader, 21)
        #expect(await eventually { store.fetchCount(of: id) == 2 })
        #expect(await eventually { reader.statistics.waitingReads == 2 })
        store.release()
        #expect(try await first == page(20))
        #expect(try await second == page(21))
        _ = try await read(reader, 22)
        #expect(store.fetchCount(of: id) == 2)
    }

    @Test func readsThatWaitForOnePieceAndOneBlockAreEachAnsweredOnce() async throws {
        // Three pieces that all become one block, and one that comes.
        let pack = try pack()
        for piece in pack.pack.pieces[0...2] { store.fail(piece.id, .missing(piece.id, place: "memory")) }
        store.hold()
        let reader = reader(pack)
        async let whole = read(reader, 2, 26)
        async let first = read(reader, 2, 6)
        async let second = read(reader, 14, 4)
        #expect(await eventually { reader.statistics.waitingReads == 3 })
        store.release()
        #expect(try await whole == page(2, 26))
        #expect(try await first == page(2, 6))
        #expect(try await second == page(14, 4))
        #expect(reader.statistics.waitingReads == 0)
    }

    // MARK: Stalls

    @Test func aStallForAPieceEndsWhenItComesOrCannotBeHad() async throws {
        for isMissing in [false, true] {
            let pack = try pack()
            let (store, observer) = (image.store(), RecordingObserver())
            pack.put(into: store)
            let id = pack.pack.pieces[0].id
            if isMissing { store.fail(id, .missing(id, place: "memory")) }
            store.hang(id)
            let reader = ImageReader(
                index: image.index, store: store, options: ReadOptions(bound: .milliseconds(60)), observer: observer,
                packed: PackedPages(pack.pack, blocks: image.index.count))
            await #expect(throws: ImageReadError.self) { try await read(reader, 20) }
            #expect(reader.stalledBlocks.map(\.id) == [id])
            store.release()
            #expect(await eventually { observer.events.last == .ended })
            #expect(reader.stalledBlocks.isEmpty)
            #expect(try await read(reader, 20) == page(20))
            #expect(store.fetchCount(of: image.blocks[1].id) == (isMissing ? 1 : 0))
        }
    }

    @Test func closingEndsReadsThatWaitForPieces() async throws {
        let pack = try pack()
        store.hold()
        let reader = reader(pack)
        let waiting = Task { try await reader.read(offset: 20 * 4096, length: 4096) }
        #expect(await eventually { reader.statistics.waitingReads == 1 })
        reader.close()
        await #expect(throws: ImageReadError.closed) { try await waiting.value }
        store.release()
    }

    // MARK: Comparison

    /// The pack's publisher has signed another byte in page 21.
    private func wrongPack() throws -> TestPack {
        var bytes = image.bytes
        bytes[21 * 4096 + 5] ^= 1
        return try pack(bytes)
    }

    @Test func aPageThatDiffersFromItsBlockIsToldOnceAndThePackIsUsedNoMore() async throws {
        let pack = try wrongPack()
        let reader = reader(pack)
        #expect(try await read(reader, 21) != page(21), "it is what the publisher signed")
        #expect(try await read(reader, 2) == page(2))
        #expect(observer.differing.isEmpty)
        // A page that the pack lacks brings the block.
        #expect(try await read(reader, 24) == page(24))
        #expect(observer.differing == [1])
        #expect(try await read(reader, 21) == page(21))
        #expect(try await read(reader, 4) == page(4))
        #expect(store.fetchCount(of: image.blocks[0].id) == 1, "nothing more comes from the pack")
        #expect(observer.differing == [1])
    }

    @Test func whatOthersBringIsComparedToo() async throws {
        let pack = try wrongPack()
        for way in 0..<2 {
            let (store, observer) = (image.store(), RecordingObserver())
            pack.put(into: store)
            let reader = ImageReader(
                index: image.index, store: store, observer: observer,
                packed: PackedPages(pack.pack, blocks: image.index.count))
            // Only a part of the page.
            _ = try await reader.read(offset: UInt64(21 * 4096 + 512), length: 512)
            #expect(reader.isUnchecked(1))
            let block = image.blocks[1]
            if way == 0 {
                // As the prefetch of the rest has it.
                let bytes = BlockBytes(length: block.length) { buffer in
                    buffer.copyBytes(from: image.slice(Int(block.offset), block.length))
                }
                reader.compare(block, bytes)
            } else {
                // As another session brings it.
                store.bringAllHere()
                #expect(try await read(reader, 20, 2) == page(20, 2))
            }
            #expect(observer.differing == [1], "way \(way)")
            #expect(!reader.isUnchecked(1))
        }
    }

    @Test func pagesThatAreTheImagesAreComparedAndForgotten() async throws {
        let reader = reader(try pack())
        for start in [2, 14, 20] { _ = try await read(reader, start, 3) }
        #expect(reader.isUnchecked(0) && reader.isUnchecked(1))
        _ = try await read(reader, 0)
        #expect(!reader.isUnchecked(0) && reader.isUnchecked(1))
        _ = try await read(reader, 31)
        #expect(!reader.isUnchecked(1))
        #expect(observer.differing.isEmpty)
    }
}

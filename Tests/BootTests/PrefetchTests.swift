import BlockStore
import ContentAddress
import ImageIndex
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

@Suite struct PrefetchTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func make(
        _ image: SmallImage, limit: Int = 1 << 30
    ) throws -> (prefetch: Prefetch, upstream: InMemoryBlockStore, caching: CachingBlockStore, states: BlockStates) {
        let cache = BlockCache(directory: try folder.makeFolder("cache"), limit: .bytes(limit))
        let upstream = InMemoryBlockStore(image)
        let caching = CachingBlockStore(cache: cache, upstream: upstream)
        let states = BlockStates(count: image.index.count)
        states.scan(image.index, cache)
        let prefetch = Prefetch(index: image.index, store: caching, cache: cache, states: states)
        return (prefetch, upstream, caching, states)
    }

    @Test func aBootSetIsFetchedInItsOrderBehindAllReads() async throws {
        let image = try SmallImage("abcdef", in: folder)
        let (prefetch, upstream, _, states) = try make(image)
        let blocks = try BootSet([4, 0, 2].map { image.ids[$0] }).blocks(of: image.index)
        let done = Mutex(0)
        await prefetch.bootSet(blocks, parallel: 1) { done.withLock { $0 += 1 } }
        #expect(upstream.fetched.map(\.id) == [4, 0, 2].map { image.ids[$0] })
        #expect(upstream.fetched.allSatisfy { $0.priority == .prefetch })
        #expect(done.withLock { $0 } == 3)
        #expect((0..<6).map(states.isHere) == [true, false, true, false, true, false])
    }

    @Test func aBlockThatCannotBeHadStopsNothing() async throws {
        let image = try SmallImage("abc", in: folder)
        let (prefetch, upstream, _, states) = try make(image)
        upstream.remove(image.ids[0])
        await prefetch.bootSet(try BootSet(image.ids).blocks(of: image.index), parallel: 2) {}
        #expect((0..<3).map(states.isHere) == [false, true, true])
        #expect(states.map(cells: 3).cells == [.missing, .here, .here])
    }

    @Test func theRestIsWhatIsMissingAndNothingTwice() async throws {
        let image = try SmallImage("ab.cab", in: folder)
        let (prefetch, upstream, caching, states) = try make(image)
        _ = try await caching.block(image.request(1))
        await caching.settle()
        await prefetch.rest()
        await caching.settle()
        #expect(upstream.fetched.count == 4)
        #expect(Set(upstream.fetched.map(\.id)) == Set([0, 1, 3, 5].map { image.ids[$0] }))
        #expect(states.hereCount == 6)
    }

    @Test func theRestPushesNothingOutOfTheCache() async throws {
        let image = try SmallImage("abcdefgh", in: folder)
        let (prefetch, upstream, _, _) = try make(image, limit: 3 * SmallImage.blockSize)
        await prefetch.rest()
        #expect(upstream.fetched.isEmpty)
    }

    @Test func aBootIsOverWhenTheDiskIsQuiet() async throws {
        let image = try SmallImage("abc", in: folder)
        let limits = BootRecorder.Limits(quiet: .milliseconds(400))
        let recorder = BootRecorder(limits: limits)
        let finished = Task { try await recorder.finish() }
        for position in [2, 0] { recorder.touched(try image.index.block(at: position)) }
        let bootSet = try await finished.value
        #expect(bootSet.ids == [image.ids[2], image.ids[0]])
        // What the guest reads later is no part of its start.
        recorder.touched(try image.index.block(at: 1))
        #expect(try await recorder.finish().ids == bootSet.ids)
    }

    @Test func thePagesOfABootAreRecordedUntilItIsOver() async throws {
        let recorder = BootRecorder(limits: .init(quiet: .milliseconds(200)))
        recorder.read(8192..<8200)
        recorder.read(4095..<4097)
        recorder.read(0..<16_384)
        #expect(recorder.pages.text == "oscircular-pages 1\n2 1\n0 2\n3 1\n")
        _ = try await recorder.finish()
        recorder.read(1 << 20..<1 << 21)
        #expect(recorder.pages.count == 4)
        // Merged over boots, in the order of the first of them.
        let places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        let library = BootSetLibrary(places: places)
        let key = VersionKey(catalog: "home", distribution: "debian", version: "2026-11-16")
        let path = "\(places.bootSets)/home/debian/2026-11-16.pages"
        try library.record(BootPages(), for: key)
        #expect(try !Paths.isThere(path))
        try library.record(recorder.pages, for: key)
        try library.record(BootPages([PageRun(start: 1, count: 4)]), for: key)
        #expect(try BootPages(path: path).text == "oscircular-pages 1\n2 1\n0 2\n3 2\n")
        // A damaged one is started anew.
        try AtomicFile.write("rubbish", to: path)
        try library.record(recorder.pages, for: key)
        #expect(try BootPages(path: path) == recorder.pages)
    }

    @Test func aGuestThatComputesIsStillStartingThoughItsDiskIsQuiet() async throws {
        let image = try SmallImage("abc", in: folder)
        let limits = BootRecorder.Limits(quiet: .milliseconds(400))
        let recorder = BootRecorder(limits: limits)
        recorder.touched(try image.index.block(at: 0))
        let start = ContinuousClock.now
        // Busy for a second and a half, then idle.
        let finished = Task {
            try await recorder.finish { min(1.5, start.duration(to: .now) / .seconds(1)) }
        }
        try await Task.sleep(for: .seconds(1))
        recorder.touched(try image.index.block(at: 2))
        #expect(try await finished.value.ids == [image.ids[0], image.ids[2]])
    }

    @Test func aGuestThatComputesForEverIsOverWhenItsDiskIsQuietForLong() async throws {
        let image = try SmallImage("abc", in: folder)
        let limits = BootRecorder.Limits(quiet: .milliseconds(200))
        let recorder = BootRecorder(limits: limits)
        recorder.touched(try image.index.block(at: 0))
        let start = ContinuousClock.now
        let bootSet = try await recorder.finish { start.duration(to: .now) / .seconds(1) }
        #expect(bootSet.ids == [image.ids[0]])
        #expect(start.duration(to: .now) >= limits.quiet * limits.patience)
    }

    @Test func aDiskThatIsNeverQuietEndsTheBootAllTheSame() async throws {
        let image = try SmallImage("abc", in: folder)
        let limits = BootRecorder.Limits(longest: .milliseconds(300))
        let recorder = BootRecorder(limits: limits)
        recorder.touched(try image.index.block(at: 1))
        #expect(try await recorder.finish().ids == [image.ids[1]])
    }
}

@Suite struct BlockStatesTests {
    @Test func aCellShowsWhatMovesThenWhatIsMissing() {
        let states = BlockStates(count: 8)
        for position in [0, 1, 4, 5] { states.arrived(position) }
        states.read(1)
        states.began(3)
        #expect(states.map(cells: 8).cells == [.here, .read, .missing, .arriving, .here, .here, .missing, .missing])
        #expect(states.map(cells: 4).cells == [.read, .arriving, .here, .missing])
        #expect(states.map(cells: 1).cells == [.arriving])
        #expect(states.map(cells: 99).cells.count == 8)
        states.failed(3)
        #expect(states.map(cells: 1).cells == [.missing])
        #expect(states.hereCount == 4)
        states.arrived(0)
        #expect(states.hereCount == 4, "a block counts once")
    }

    @Test func aMapIsALetterACellInJSON() throws {
        let map = BlockMap(cells: [.hole, .missing, .arriving, .here, .read])
        let response = ControlResponse(map: map)
        #expect(try JSONRoundTrip.of(response).map == map)
        #expect(try JSONRoundTrip.text(of: response).contains("\".-*#@\""))
    }
}

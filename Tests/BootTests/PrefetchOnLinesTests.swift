import BlockStore
import Catalog
import ContentAddress
import Curl
import Glibc
import ImageIndex
import ImageMount
import Linux
import NetworkProxy
import TestSupport
import Testing

@testable import Boot

private let mayMount = access("/dev/fuse", R_OK | W_OK) == 0

/// The mounted image is the published one while its blocks come ahead, over every line, from a server that makes mistakes.
@Suite(.serialized, .enabled(if: mayMount, "NOT TESTED: FUSE mounts need /dev/fuse"))
struct PrefetchOnLinesTests {
    private static let blockSize = 65_536
    /// Different blocks, the first eight again, and a hole.
    private static let letters = String((65..<97).map { Character(UnicodeScalar($0)) }) + "ABCDEFGH."

    private let folder: TemporaryDirectory
    private let image: SmallImage
    private let server: FaultyHTTPServer

    init() throws {
        folder = try TemporaryDirectory()
        image = try SmallImage(Self.letters, blockSize: Self.blockSize, last: 12_345, in: folder)
        let blocks = try folder.makeFolder("blocks")
        for position in 0..<32 { try image.publish(position, to: blocks) }
        server = try FaultyHTTPServer(folder: folder.path)
    }

    @Test(arguments: MeasuredLine.allCases)
    func everyReaderSeesThePublishedImage(line: MeasuredLine) async throws {
        let proxy = try NetworkProxy(server: Int(server.port), shape: line.shape)
        let faults: [HTTPFault] = [
            .wrongBytes, .truncated(after: 100), .reset(after: 30_000), .status(503), .status(404),
            .delay(milliseconds: 700), .replaced([1, 2, 3]), .truncated(after: 0),
        ]
        for (number, fault) in faults.enumerated() {
            server.script("/blocks/\(image.ids[number * 3].chunkStorePath)", fault)
        }
        let cache = BlockCache(directory: try folder.makeFolder("cache"), limit: .bytes(1 << 30))
        let transfers = TransferQueue(
            maximumInFlight: 32, options: TransferOptions(stallSeconds: 10, connectSeconds: 5))
        let mirrors = MirroredBlockStore(
            [HTTPBlockStore(baseURL: "\(proxy.url)blocks", queue: transfers)], policy: .patient)
        defer { mirrors.close() }
        let store = CachingBlockStore(cache: cache, upstream: mirrors)
        // A boot set of half of the image, out of order.
        let bootSet = try BootSet(stride(from: 30, to: 0, by: -2).map { image.ids[$0] }).blocks(of: image.index)
        let states = BlockStates(count: image.index.count)
        let prefetch = Prefetch(index: image.index, store: store, cache: cache, states: states)

        try await withMount(store, foreseen: Set(bootSet.map(\.position))) { mounted in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await prefetch.bootSet(bootSet, parallel: 16) {}
                    await prefetch.rest()
                }
                group.addTask {
                    try await Task.sleep(for: .milliseconds(400))
                    proxy.dropConnections()
                }
                for seed in 1...3 { group.addTask { try await read(mounted.path, seed: UInt64(seed)) } }
                try await group.waitForAll()
            }
        }
        await store.settle()
        #expect(states.hereCount >= bootSet.count)
        #expect((0..<32).allSatisfy { cache.contains(image.ids[$0]) })
        // One each, one more for a mistake but the delay, and those that the dropped connections had under way.
        let asked = server.requests.count { $0.hasSuffix(".cacnk") }
        #expect((32 + faults.count - 1...32 + faults.count + 32).contains(asked), "\(asked) requests")
    }

    @Test(arguments: MeasuredLine.allCases)
    func everyReaderSeesThePublishedImageWithABootPack(line: MeasuredLine) async throws {
        let proxy = try NetworkProxy(server: Int(server.port), shape: line.shape)
        let bytes = image.contents.flatMap { $0 }
        let positions = Array(stride(from: 30, to: 0, by: -2))
        let pack = try TestPack(bytes, runs: positions.map { PageRun(start: $0 * 16 + 2, count: 9) }, pages: 16)
        let places = try pack.pieces.map { piece in
            let id = TestPack.id(of: piece)
            try SmallImage.publish(piece, as: id, to: folder.path("blocks"))
            return "/blocks/\(id.chunkStorePath)"
        }
        let faults: [HTTPFault] = [
            .wrongBytes, .status(404), .reset(after: 20_000), .truncated(after: 100), .status(503),
            .replaced([1, 2, 3]),
            .delay(milliseconds: 700),
        ]
        for (place, fault) in zip(places, faults) { server.script(place, fault) }
        server.script("/blocks/\(image.ids[29].chunkStorePath)", .wrongBytes)
        // One that nobody ever gets.
        server.always(try #require(places.last), .status(404))
        let cache = BlockCache(directory: try folder.makeFolder("cache"), limit: .bytes(1 << 30))
        let transfers = TransferQueue(
            maximumInFlight: 32, options: TransferOptions(stallSeconds: 10, connectSeconds: 5))
        let mirrors = MirroredBlockStore(
            [HTTPBlockStore(baseURL: "\(proxy.url)blocks", queue: transfers)], policy: .patient)
        defer { mirrors.close() }
        let store = CachingBlockStore(cache: cache, upstream: mirrors)
        let bootSet = try BootSet(positions.map { image.ids[$0] }).blocks(of: image.index)
        let states = BlockStates(count: image.index.count)
        let packed = PackedPages(pack.pack, blocks: image.index.count)
        let observer = DifferenceObserver()
        let foreseen = Set(bootSet.map(\.position))
        let digest = FileDigest.sha256(of: bytes)
        try await withMount(store, foreseen: foreseen, packed: packed, observer: observer) { mounted in
            var prefetch = Prefetch(index: image.index, store: store, cache: cache, states: states)
            prefetch.reader = mounted.reader
            let start = prefetch
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await start.pieces(of: packed, parallel: 16) {}
                    await start.bootSet(bootSet.filter { !packed.covers($0) }, parallel: 16) {}
                    #expect(packed.hereCount > 0)
                    await start.rest()
                }
                group.addTask {
                    try await Task.sleep(for: .milliseconds(400))
                    proxy.dropConnections()
                }
                for seed in 1...3 { group.addTask { try await read(mounted.path, seed: UInt64(seed)) } }
                try await group.waitForAll()
            }
            // What was given while its block came in.
            await start.rest()
            #expect((0..<image.index.count).allSatisfy { !mounted.reader.isUnchecked($0) })
            let path = mounted.path
            let seen = try await WorkerThread.run(name: "digest") {
                try FileDigest(of: FileHandle(path: path, flags: O_RDONLY))
            }
            #expect(seen == digest)
        }
        await store.settle()
        #expect(observer.differing.isEmpty)
        #expect((0..<32).allSatisfy { cache.contains(image.ids[$0]) }, "what a pack gave is no block")
        // No page of the pack was written as a part of a block.
        for position in 0..<32 {
            #expect(
                cache.load(image.request(position)).map { $0.withUnsafeBytes { Array($0) } } == image.contents[position]
            )
        }
    }

    private func withMount(
        _ store: CachingBlockStore, foreseen: Set<Int>, packed: PackedPages? = nil,
        observer: DifferenceObserver? = nil, _ body: (MountedImage) async throws -> Void
    ) async throws {
        let (index, directory) = (image.index, try folder.makeFolder("mount"))
        let options = MountOptions(
            read: ReadOptions(bound: .seconds(60), readAhead: ReadOptions.usualReadAhead, foreseen: foreseen))
        let mounted = try await WorkerThread.run(name: "mount") {
            try MountedImage.mount(
                index: index, store: store, at: directory, fileName: "disk", options: options, observer: observer,
                packed: packed)
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body(mounted)) } catch { result = .failure(error) }
        if !mounted.isUnmounted { try mounted.unmount(force: true) }
        await mounted.waitUntilUnmounted()
        try result.get()
    }

    /// Reads all of the file in pieces, in an order of its own, and compares.
    private func read(_ path: String, seed: UInt64) async throws {
        let expected = image.contents.flatMap { $0 }
        let piece = 40_000
        let differing = try await WorkerThread.run(name: "reader") {
            let file = try FileHandle(path: path, flags: O_RDONLY)
            var random = SeededRandom(seed: seed)
            return try stride(from: 0, to: expected.count, by: piece).shuffled(using: &random).filter { start in
                let range = start..<min(start + piece, expected.count)
                var bytes = [UInt8](repeating: 0xEE, count: range.count)
                let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: start) }
                return count != range.count || bytes[...] != expected[range]
            }
        }
        #expect(differing.isEmpty, "pieces of reader \(seed) differ at \(differing)")
    }
}

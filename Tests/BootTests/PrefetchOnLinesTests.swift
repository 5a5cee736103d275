import BlockStore
import Curl
import Glibc
import ImageIndex
import ImageMount
import Linux
import NetworkProxy
import TestSupport
import Testing

@testable import Boot

/// The lines that `benchmarks/` measures on.
enum MeasuredLine: String, CaseIterable, CustomTestStringConvertible {
    case home = "50 Mbit/50 ms"
    case far = "20 Mbit/100 ms"
    case slow = "5 Mbit/300 ms"
    case fast = "1 Gbit/0.2 ms"

    var shape: NetworkShape {
        switch self {
        case .home: NetworkShape(roundTrip: 0.05, rate: 50e6)
        case .far: NetworkShape(roundTrip: 0.1, rate: 20e6)
        case .slow: NetworkShape(roundTrip: 0.3, rate: 5e6)
        case .fast: NetworkShape(roundTrip: 0.0002, rate: 1e9)
        }
    }

    var testDescription: String { rawValue }
}

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

        try await withMount(store, foreseen: Set(bootSet.map(\.position))) { path in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await prefetch.bootSet(bootSet, parallel: 16) {}
                    await prefetch.rest()
                }
                group.addTask {
                    try await Task.sleep(for: .milliseconds(400))
                    proxy.dropConnections()
                }
                for seed in 1...3 { group.addTask { try await read(path, seed: UInt64(seed)) } }
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

    private func withMount(
        _ store: CachingBlockStore, foreseen: Set<Int>, _ body: (String) async throws -> Void
    ) async throws {
        let (index, directory) = (image.index, try folder.makeFolder("mount"))
        let options = MountOptions(
            read: ReadOptions(bound: .seconds(60), readAhead: ReadOptions.usualReadAhead, foreseen: foreseen))
        let mounted = try await WorkerThread.run(name: "mount") {
            try MountedImage.mount(index: index, store: store, at: directory, fileName: "disk", options: options)
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body(mounted.path)) } catch { result = .failure(error) }
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

import BlockStore
import Curl
import Glibc
import Linux
import NetworkProxy
import TestSupport
import Testing

/// Mirrors behind links of chosen delay and rate, in real time: that what ``MirrorBoard`` decides is done. What it decides is
/// tested in a time of its own, in ``MirrorBoardTests``.
@Suite(.serialized, .timeLimit(.minutes(2))) struct MirrorLinkTests {
    /// A mirror of the image: its server and the link to it.
    private struct Mirror {
        let server: FaultyHTTPServer
        let proxy: NetworkProxy

        init(_ folder: String, roundTrip: Double = 0, rate: Double = 0) throws {
            server = try FaultyHTTPServer(folder: folder)
            proxy = try NetworkProxy(
                server: Int(server.port), shape: NetworkShape(roundTrip: roundTrip, rate: rate))
        }
    }

    /// Made once: compressing takes a debug build longer than some of these tests.
    private static let image = TestImage(count: 96, length: 65_536)
    private static let stored = Result { try image.blocks.map(TestImage.compress) }

    private let image = Self.image
    private let directory: TemporaryDirectory
    /// A transfer that hangs fails after this: much later than anybody should notice.
    private static let stallSeconds = 15
    private let queue = TransferQueue(
        maximumInFlight: 16, options: TransferOptions(stallSeconds: stallSeconds, connectSeconds: 5))

    init() throws {
        directory = try TemporaryDirectory()
        for (number, bytes) in try Self.stored.get().enumerated() {
            try Folder.make(String((directory.path + image.path(number)).dropLast(70)))
            try directory.write(bytes, to: String(image.path(number).dropFirst()))
        }
    }

    private func store(_ mirrors: [Mirror], observer: (@Sendable (BlockStoreError) -> Void)? = nil)
        -> MirroredBlockStore
    {
        MirroredBlockStore(
            mirrors.map { HTTPBlockStore(baseURL: $0.proxy.url, queue: queue) }, policy: .rounds(3), observer: observer)
    }

    /// Fetches blocks as a boot set is: so many at a time.
    private func fetch(
        _ numbers: some Sequence<Int>, from store: MirroredBlockStore, _ priority: BlockRequest.Priority = .prefetch,
        parallel: Int = 16
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            var numbers = numbers.makeIterator()
            func add() {
                guard let number = numbers.next() else { return }
                group.addTask {
                    try await store.block(image.requests[number].with(priority)).bytes == image.blocks[number]
                }
            }
            for _ in 0..<parallel { add() }
            for try await isRight in group {
                #expect(isRight)
                add()
            }
        }
    }

    private func seconds(_ body: () async throws -> Void) async rethrows -> Double {
        let start = MonotonicClock.nanoseconds
        try await body()
        return Double(MonotonicClock.nanoseconds - start) / 1e9
    }

    @Test func aMirrorThatIsKilledInTheMiddleIsNotMissed() async throws {
        let mirrors = try (0..<2).map { _ in try Mirror(directory.path, roundTrip: 0.01, rate: 10e6) }
        let seen = Recorder<BlockStoreError>()
        let store = store(mirrors, observer: seen.append)
        async let all: Void = fetch(image.blocks.indices, from: store)
        #expect(await eventually { mirrors[0].server.requests.count >= 10 })
        mirrors[0].proxy.change { $0.mode = .refuse }
        mirrors[0].proxy.dropConnections()
        try await all
        #expect(!seen.elements.isEmpty && seen.elements.allSatisfy(\.isUnreachable))
        #expect(mirrors[1].server.requests.count > image.blocks.count / 2)
    }

    @Test func aBlockThatHangsOnOneMirrorIsRacedOnAnother() async throws {
        let mirrors = try (0..<2).map { _ in try Mirror(directory.path, roundTrip: 0.01) }
        let store = store(mirrors)
        let usual = try await seconds { try await fetch(0..<20, from: store, .demand, parallel: 2) }
        mirrors[0].proxy.change { $0.mode = .hang }
        let hanging = try await seconds { try await fetch(20..<40, from: store, .demand, parallel: 2) }
        #expect(hanging < Double(Self.stallSeconds) / 2, "\(hanging) s, \(usual) s without")
        // It is not asked again and again.
        let wanted = mirrors.map { $0.server.requests.count }.reduce(0, +)
        #expect(wanted <= 40 + 8)
        // Back, and trusted again in time.
        mirrors[0].proxy.change { $0.mode = .pass }
        try await fetch(40..<60, from: store, .demand, parallel: 2)
    }

    @Test func aDamagedMirrorIsNamedAndTheBlockIsRight() async throws {
        let mirrors = try (0..<2).map { _ in try Mirror(directory.path) }
        mirrors[0].server.always(image.path(3), .wrongBytes)
        let seen = Recorder<BlockStoreError>()
        let store = store(mirrors, observer: seen.append)
        // Of strangers the first is asked; of those that have answered, the faster.
        #expect(try await store.block(image.requests[3]).bytes == image.blocks[3])
        // Where the other came first in a race this comes later.
        #expect(await eventually { !seen.elements.isEmpty })
        for _ in 0..<4 { _ = try await store.block(image.requests[3]) }
        let damaged = seen.elements.filter(\.isCorrupt)
        #expect(damaged.count == 1 && damaged.allSatisfy { "\($0)".contains(mirrors[0].proxy.url) }, "\(seen.elements)")
    }

    @Test func allMirrorsMayBeAwayForAWhile() async throws {
        let mirrors = try (0..<2).map { _ in try Mirror(directory.path) }
        let store = MirroredBlockStore(
            mirrors.map { HTTPBlockStore(baseURL: $0.proxy.url, queue: queue) }, policy: .patient)
        try await fetch(0..<8, from: store)
        for mirror in mirrors {
            mirror.proxy.change { $0.mode = .refuse }
            mirror.proxy.dropConnections()
        }
        async let rest: Void = fetch(8..<image.blocks.count, from: store, .demand)
        try await Task.sleep(for: .seconds(2))
        mirrors[1].proxy.change { $0.mode = .pass }
        try await rest
        #expect(mirrors[1].server.requests.count >= image.blocks.count - 8)
    }
}

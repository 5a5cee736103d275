import BlockStore
import Catalog
import Curl
import Formats
import ImageIndex
import ImageMount
import Linux
import TestSupport
import Testing

@testable import Boot

/// The start of a session on an image that is not the disk itself: what says where the disk lies must come first.
@Suite(.timeLimit(.minutes(1))) struct SessionDiskTests {
    private let folder: TemporaryDirectory
    private let image: SmallImage
    private let server: FaultyHTTPServer

    init() throws {
        folder = try TemporaryDirectory()
        image = try SmallImage("abcd", in: folder)
        server = try FaultyHTTPServer(folder: folder.path)
    }

    private func mount(_ teardown: Teardown) async throws {
        let source = VersionSource(urls: [], format: .qcow2, trust: .blocks)
        var version = DistributionVersion(
            id: try #require(VersionID("2026-11-30")), published: .now, index: "d/1.caibx", size: image.index.imageSize)
        version.source = source
        let distribution = Distribution(id: "debian", versions: [version])
        let chosen = ChosenVersion(
            source: try CatalogSource(name: "test", location: server.url),
            document: CatalogDocument(name: "test", updated: .now, distributions: [distribution]),
            distribution: distribution, version: version)
        let status = SessionStatus(
            id: "abc", catalog: "test", distribution: "debian", version: "2026-11-30", state: .starting, phase: .mount,
            pid: 1, started: "", accel: nil, mount: nil, consoleLog: "", sshTarget: nil, bytesFetched: 0,
            bytesFromCache: 0, blocks: 0, blocksHere: 0, rate: 0, lastError: nil, domain: nil)
        let disk = SessionDisk(
            version: SessionImage(
                image: VersionImage(chosen: chosen, indexPath: image.indexPath, file: nil), index: image.index,
                bootSet: [], ledger: nil),
            cache: BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30)),
            transfers: TransferQueue(options: TransferOptions(stallSeconds: 50, connectSeconds: 2)), id: "abc",
            state: SessionState(status), describe: { "\($0)" }, log: { _ in })
        _ = try await disk.mount(
            at: folder.path("mount"), reader: nil, readBound: 1000, quiet: .seconds(1),
            signals: AsyncStream<SessionSignal>.makeStream().continuation, teardown)
    }

    @Test func aStartEndsWhenTheServerHasNothing() async throws {
        server.always("*", .status(503))
        let teardown = Teardown()
        let error = await #expect(throws: ImageMountError.self) { try await mount(teardown) }
        await teardown.run()
        guard case .unreadableDisk(.block(_, cause: .unreachable))? = error else {
            return #expect(Bool(false), "\(error.map { "\($0)" } ?? "")")
        }
    }

    @Test func aStartThatIsStoppedEndsAtOnce() async throws {
        server.always("*", .hang)
        let teardown = Teardown()
        let start = Task { try await mount(teardown) }
        #expect(await eventually { !server.requests.isEmpty })
        let stopped = ContinuousClock.now
        start.cancel()
        await #expect(throws: ImageMountError.self) { try await start.value }
        #expect(ContinuousClock.now - stopped < .seconds(5))
        await teardown.run()
    }
}

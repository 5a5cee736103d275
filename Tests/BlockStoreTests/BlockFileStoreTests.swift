import BlockStore
import Curl
import Linux
import TestSupport
import Testing
import Zlib

/// Stores of 2009: SHA-1 names, zlib.
@Suite struct BlockFileStoreTests {
    private let folder: TemporaryDirectory
    private let server: FaultyHTTPServer
    private let queue = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2))
    private let image = TestImage(count: 3, algorithm: .sha1)

    init() throws {
        folder = try TemporaryDirectory()
        for (request, block) in zip(image.requests, image.blocks) {
            try folder.write(try BlockFileStoreTests.compress(block), to: request.id.sha1)
        }
        server = try FaultyHTTPServer(folder: folder.path)
    }

    private static func compress(_ bytes: [UInt8]) throws -> [UInt8] {
        var output = [UInt8](repeating: 0, count: Zlib.bound(bytes.count))
        let count = try bytes.withUnsafeBytes { input in
            try output.withUnsafeMutableBytes { try Zlib.compress(input, into: $0) }
        }
        return Array(output.prefix(count))
    }

    private func store(_ url: String) -> HTTPBlockStore {
        HTTPBlockStore(baseURL: url, layout: .blockFiles, queue: queue)
    }

    @Test func givesEveryBlockFromServersAndFolders() async throws {
        for url in [server.url, "file://\(folder.path)"] {
            for (request, block) in zip(image.requests, image.blocks) {
                #expect(try await store(url).block(request).bytes == block)
            }
            let stranger = TestImage(count: 1, algorithm: .sha1, seed: 9).requests[0]
            #expect(await store(url).failure(stranger)?.isMissing == true)
        }
    }

    @Test func refusesWhatIsNotTheBlock() async throws {
        let request = image.requests[0]
        let path = "/\(request.id.sha1)"
        // A bomb, another block, a longer and a shorter one, half a stream, nothing, no stream.
        let bomb = try BlockFileStoreTests.compress([UInt8](repeating: 0, count: 10_000_000))
        let whole = try BlockFileStoreTests.compress(image.blocks[0])
        let wrong: [[UInt8]] = [
            bomb, try BlockFileStoreTests.compress(image.blocks[1]),
            try BlockFileStoreTests.compress(image.blocks[0] + [0]),
            try BlockFileStoreTests.compress(Array(image.blocks[0].dropLast())), Array(whole.prefix(whole.count / 2)),
            [],
            Array("no zlib".utf8), image.blocks[0],
        ]
        for bytes in wrong {
            server.script(path, .replaced(bytes))
            let failure = await store(server.url).failure(request)
            #expect(failure?.isCorrupt == true, "\(bytes.count): \(String(describing: failure))")
        }
        #expect(try await store(server.url).block(request).bytes == image.blocks[0])
    }
}

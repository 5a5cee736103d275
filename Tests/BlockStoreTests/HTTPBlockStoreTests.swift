import BlockStore
import ContentAddress
import Curl
import Glibc
import Linux
import TestSupport
import Testing

/// What one server can do wrong, and what becomes of it.
@Suite(.timeLimit(.minutes(2))) struct HTTPBlockStoreTests {
    private let directory: TemporaryDirectory
    private let server: FaultyHTTPServer
    private let image = TestImage()
    private let store: HTTPBlockStore

    init() throws {
        directory = try TemporaryDirectory()
        try image.write(to: directory.path)
        server = try FaultyHTTPServer(folder: directory.path)
        let queue = TransferQueue(options: TransferOptions(stallSeconds: 1, connectSeconds: 2))
        // Without its slash, which the store adds.
        store = HTTPBlockStore(baseURL: String(server.url.dropLast()), queue: queue)
    }

    @Test func failsOnceAndGivesTheRightBytesThen() async throws {
        server.script(image.path(0), .status(503), .wrongBytes, .truncated(after: 10), .reset(after: 10))
        for _ in 0..<4 { #expect(await store.failure(image.requests[0]) != nil) }
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
    }

    @Test func tellsMissingDamagedAndUnreachableApart() async throws {
        server.script(image.path(0), .status(404), .status(403), .status(503))
        server.script(image.path(0), .reset(after: 9), .hang, .truncated(after: 9))
        #expect(await store.failure(image.requests[0])?.isMissing == true)
        for _ in 0..<5 { #expect(await store.failure(image.requests[0])?.isUnreachable == true) }
    }

    @Test func refusesTruncatedZstdThatTheServerTakesForWhole() async throws {
        let whole = try TestImage.compress(image.blocks[0])
        for count in [0, 1, 4, whole.count / 2, whole.count - 1] {
            server.script(image.path(0), .replaced(Array(whole.prefix(count))))
            #expect(await store.failure(image.requests[0])?.isCorrupt == true, "\(count) bytes")
        }
    }

    @Test func refusesABombWithoutUnpackingIt() async throws {
        // 1 GiB in frames of 16 MiB, each less than a kilobyte: within the bound on a block's stored bytes.
        let frame = try TestImage.compress([UInt8](repeating: 0, count: 16 << 20))
        let frames = min(64, ChunkDecoder.maximumStoredBytes(image.requests[0].length) / frame.count)
        #expect(frames > 4)
        let bomb = Array(repeatElement(frame, count: frames).joined())
        server.script(image.path(0), .replaced(bomb))
        let before = try peakMemorySinceNow()
        #expect(await store.failure(image.requests[0])?.isCorrupt == true)
        #expect(try peakMemory() - before < 64 << 20)
    }

    @Test func refusesABodyWithoutEnd() async throws {
        server.script(image.path(0), .endless)
        #expect(await store.failure(image.requests[0])?.isCorrupt == true)
    }

    @Test func waitsForASlowServer() async throws {
        // Longer than a stall may take, and never without a byte for as long.
        let pieces = try TestImage.compress(image.blocks[0]).count / 1000
        #expect(pieces * 400 > 2000)
        server.script(image.path(0), .drip(bytes: 1000, everyMilliseconds: 400))
        #expect(try await store.block(image.requests[0]).bytes == image.blocks[0])
    }

    @Test func countsTheBytesOfTheWire() async throws {
        let stored = try TestImage.compress(image.blocks[0]).count
        #expect(try await store.block(image.requests[0]).transferred == stored)
    }

    @Test func showsNoPasswordInErrors() async throws {
        let queue = TransferQueue()
        let store = HTTPBlockStore(baseURL: "http://user:secret@127.0.0.1:\(server.port)/", queue: queue)
        server.script(image.path(0), .status(404), .wrongBytes, .status(500))
        for _ in 0..<3 {
            let failure = await store.failure(image.requests[0])
            #expect(failure.map { "\($0)".contains("secret") } == false)
        }
    }

    /// Forgets the peak of earlier tests, which would hide a smaller one, and gives the new one: what is in memory now.
    private func peakMemorySinceNow() throws -> Int {
        let file = try FileHandle(path: "/proc/self/clear_refs", flags: O_WRONLY)
        try Array("5".utf8).withUnsafeBytes { try file.write($0) }
        return try peakMemory()
    }

    /// Bytes that this process had in memory at most.
    private func peakMemory() throws -> Int {
        let lines = try FileContents.readText("/proc/self/status", limit: 65_536).split(separator: "\n")
        let words = lines.first { $0.hasPrefix("VmHWM:") }?.split(whereSeparator: { $0 == " " || $0 == "\t" })
        return try #require(words.flatMap { Int($0[1]) }) * 1024
    }

    @Test func aFolderThatHangsHoldsUpNothingThatCameOverTheNetwork() async throws {
        let folder = try TemporaryDirectory()
        let gate = Monitor(false)
        FileCalls.watch { [path = folder.path] _, opened in
            if opened.hasPrefix(path) { _ = gate.wait { $0 ? true : nil } }
            return nil
        }
        let (stick, many) = (DirectoryBlockStore(directory: folder.path), TestImage(count: 128, length: 64))
        let answers = Recorder<Int>()
        for (number, request) in many.requests.enumerated() {
            stick.fetch(request.with(.prefetch)) { _ in answers.append(number) }
        }
        let block = Recorder<[UInt8]?>()
        store.fetch(image.requests[0]) { block.append((try? $0.get())?.bytes) }
        #expect(await eventually { !block.elements.isEmpty })
        #expect(answers.elements.isEmpty, "the folder does not hang")
        gate.change { $0 = true }
        #expect(await eventually { answers.elements.count == many.requests.count })
        FileCalls.watch(nil)
        #expect(block.elements == [image.blocks[0]])
    }
}

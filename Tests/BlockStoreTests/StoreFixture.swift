import BlockStore
import ContentAddress
import Curl
import Glibc
import Linux
import TestSupport
import Testing

/// The kinds of store that keep the contract.
enum StoreKind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case directory, uncompressedDirectory, file, http, mirrored, caching, cachingWarm, memory

    var testDescription: String { rawValue }
}

/// One store of a kind with an image in it, and what it needs to live.
struct StoreFixture {
    let store: any BlockStore
    let image: TestImage
    private let directory: TemporaryDirectory
    private let server: FaultyHTTPServer?
    private let queue = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2))
    private let memory: InMemoryBlockStore

    init(_ kind: StoreKind, _ image: TestImage = TestImage()) async throws {
        self.image = image
        directory = try TemporaryDirectory()
        memory = InMemoryBlockStore(image)
        let folder = directory.path("store")
        if kind == .uncompressedDirectory {
            for (request, block) in zip(image.requests, image.blocks) {
                let path = String("\(folder)/\(request.id.chunkStorePath)".dropLast(6))
                try Folder.make(String(path.dropLast(65)))
                try AtomicFile.write(block, to: path)
            }
        } else {
            try image.write(to: folder)
        }
        server = kind == .http || kind == .mirrored ? try FaultyHTTPServer(folder: folder) : nil
        let url = server?.url ?? "file://\(folder)"
        switch kind {
        case .directory, .uncompressedDirectory: store = DirectoryBlockStore(directory: folder)
        case .file, .http: store = HTTPBlockStore(baseURL: url, queue: queue)
        case .mirrored:
            let empty = DirectoryBlockStore(directory: try directory.makeFolder("empty"))
            store = MirroredBlockStore([empty, HTTPBlockStore(baseURL: url, queue: queue)], policy: .rounds(1))
        case .caching, .cachingWarm:
            // A write that is under way when the test ends must not make its folder anew.
            let cache = BlockCache(directory: try directory.makeFolder("cache"), limit: .bytes(1 << 30))
            store = CachingBlockStore(cache: cache, upstream: memory)
            if kind == .cachingWarm { for request in image.requests { _ = try await store.block(request) } }
        case .memory: store = memory
        }
    }

    /// Makes a block wrong where the store has it from.
    func damage(_ number: Int) throws {
        let request = image.requests[number]
        var wrong = image.blocks[number]
        wrong[wrong.count / 2] ^= 1
        memory.put(wrong, as: request.id)
        let path = "\(directory.path("store"))/\(request.id.chunkStorePath)"
        let plain = String(path.dropLast(6))
        if access(plain, F_OK) == 0 {
            try AtomicFile.write(wrong, to: plain)
        } else {
            try AtomicFile.write(try TestImage.compress(wrong), to: path)
        }
    }
}

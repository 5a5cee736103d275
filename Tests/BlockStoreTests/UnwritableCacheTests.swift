import BlockStore
import ContentAddress
import Glibc
import Linux
import TestSupport
import Testing

/// File systems that do not take what the cache wants to write. They are mounted, since root may write everywhere else.
@Suite(
    .enabled(if: MountedFolder.isPossible, "SKIPPED: full and read-only file systems need root and the right to mount"))
struct UnwritableCacheTests {
    private let image = TestImage(count: 60, length: 65_536)

    private func open(_ folder: String) -> (CachingBlockStore, Recorder<CacheWarning>, BlockCache) {
        let warnings = Recorder<CacheWarning>()
        let cache = BlockCache(directory: folder, limit: .bytes(1 << 30)) { warnings.append($0) }
        return (CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image)), warnings, cache)
    }

    @Test func aFullDiskFailsNoRead() async throws {
        let mounted = try MountedFolder(options: "size=1m")
        let (store, warnings, cache) = open(mounted.path)
        for (request, bytes) in zip(image.requests, image.blocks) {
            #expect(try await store.block(request).bytes == bytes)
            // Two at once may both find the disk full, and nothing is written for a while then.
            await store.settle()
        }
        #expect(image.ids.suffix(4).allSatisfy(cache.contains), "older blocks made room: \(warnings.elements)")
        let status = try cache.status()
        #expect(status.used <= 1 << 20)
        #expect(status.blocks > 4)
        #expect(try cache.verify().removed == 0)
    }

    @Test func aDiskThatOthersFilledFailsNoReadAndWarnsOnce() async throws {
        let mounted = try MountedFolder(options: "size=1m")
        let filler = try FileHandle(path: mounted.path + "/filler", flags: O_WRONLY | O_CREAT)
        let zeros = [UInt8](repeating: 1, count: 2 << 20)
        #expect(throws: SystemCallError.self) { try zeros.withUnsafeBytes { try filler.write($0) } }
        let (store, warnings, _) = open(mounted.path)
        for (request, bytes) in zip(image.requests, image.blocks) {
            #expect(try await store.block(request).bytes == bytes)
        }
        await store.settle()
        let seen = warnings.elements
        let writes = seen.filter { if case .cannotWrite(_, let cause) = $0 { cause.code == ENOSPC } else { false } }
        #expect(writes.count == 1, "\(seen)")
        // Nothing is tried for a while then, which is another kind.
        #expect(seen.count <= 2, "\(seen)")
    }

    @Test func aReadOnlyCacheIsReadAndWarnsOnce() async throws {
        let mounted = try MountedFolder(options: "size=8m")
        do {
            let (store, _, cache) = open(mounted.path)
            _ = try await store.block(image.requests[0])
            try #require(await eventually { cache.contains(image.ids[0]) })
            try await Task.sleep(for: .milliseconds(50))
        }
        try mounted.makeReadOnly()
        let (store, warnings, cache) = open(mounted.path)
        #expect(try await store.readNow(image.requests[0]) == image.blocks[0])
        for (request, bytes) in zip(image.requests, image.blocks) {
            #expect(try await store.block(request).bytes == bytes)
        }
        await store.settle()
        #expect(!cache.contains(image.ids[1]))
        let seen = warnings.elements
        #expect(seen.count { if case .cannotWrite(_, let cause) = $0 { cause.code == EROFS } else { false } } == 1)
        #expect(seen.count <= 2, "\(seen)")
        #expect(try cache.status().blocks == 1)
    }

    @Test func theAutomaticLimitKeepsItsReserveFree() async throws {
        // Smaller than the reserve of 1 GiB: nothing may be kept.
        let mounted = try MountedFolder(options: "size=64m")
        let cache = BlockCache(directory: mounted.path, limit: .automatic)
        let store = CachingBlockStore(cache: cache, upstream: InMemoryBlockStore(image))
        for (request, bytes) in zip(image.requests, image.blocks) {
            #expect(try await store.block(request).bytes == bytes)
        }
        await store.settle()
        #expect(try cache.status().blocks == 0)
    }
}

/// A small tmpfs, unmounted when the object goes.
final class MountedFolder: Sendable {
    private let directory: TemporaryDirectory
    let path: String

    /// Whether this process may mount.
    static let isPossible: Bool = (try? MountedFolder(options: "size=1m")) != nil

    init(options: String) throws {
        directory = try TemporaryDirectory()
        path = try directory.makeFolder("mounted")
        try systemCall("mount", path) { mount("tmpfs", path, "tmpfs", 0, options) }
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    func makeReadOnly() throws {
        try systemCall("mount", path) { mount(nil, path, nil, UInt(MS_REMOUNT) | UInt(MS_RDONLY), nil) }
    }
}

import BlockStore
import Catalog
import ContentAddress
import Curl
import DiskImage
import ImageIndex
import ImageMount
import Linux
import Synchronization
import TestSupport
import Testing
import Vendors

@testable import Boot

/// Vendors' files that cannot be streamed: downloaded first, judged, then unpacked.
@Suite(
    .timeLimit(.minutes(2)), .enabled(if: BuiltProgram.isInstalled("xz"), "NOT TESTED: xz is not installed"))
struct PackedFileTests {
    private let folder: TemporaryDirectory
    private let places: Places

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: CurrentUser.id,
            home: folder.path)
    }

    private func vendor(
        _ command: String = "gzip -1 -n -c raw", _ format: String = "format = \"raw\"\npacked = \"gz\""
    ) async throws -> PackedVendor {
        try await PackedVendor(command, format, in: folder, places: places)
    }

    private func cache(_ limit: CacheLimit = .bytes(1 << 30)) -> BlockCache {
        BlockCache(directory: folder.path("cache"), limit: limit, ledgers: places.ledgers)
    }

    private func fetch(_ vendor: PackedVendor, _ cache: BlockCache) -> VersionFetch {
        VersionFetch(places: places, systems: vendor.systems, cache: cache, transfers: TransferQueue())
    }

    private func ready(_ vendor: PackedVendor, _ cache: BlockCache) async throws -> VersionImage {
        let found = try await vendor.systems.soundImage(of: try await vendor.choose(), cache: cache)
        return try await fetch(vendor, cache).readied(found)
    }

    /// All of the image, as a session reads it.
    private func bytes(_ image: VersionImage, _ cache: BlockCache) async throws -> [UInt8] {
        let index = try image.index()
        let stores = try image.stores(index, nil, cache: cache, transfers: TransferQueue(), policy: .rounds(2))
        defer { stores.close() }
        let reader = ImageReader(index: index, store: stores.caching)
        return try await reader.read(offset: 0, length: Int(index.imageSize))
    }

    private func unpackedPath(_ vendor: PackedVendor) async throws -> String {
        let version = try await vendor.choose().version.id
        return try #require(vendor.library.pinned("packed", version)).unpackedPath
    }

    private func isUnpacked(_ vendor: PackedVendor) async throws -> Bool {
        let version = try await vendor.choose().version.id
        return vendor.library.pinned("packed", version).map { Paths.allows([], $0.unpackedPath) } ?? false
    }

    // MARK: What comes

    @Test(arguments: [
        ("gzip -1 -n -c raw", "format = \"raw\"\npacked = \"gz\""),
        ("xz -0 -c raw", "format = \"raw\"\npacked = \"xz\""),
        ("zstd -q -1 -c raw", "format = \"raw\"\npacked = \"zst\""),
    ])
    func isDownloadedThenUnpackedAndThenNeedsNoServer(_ command: String, _ format: String) async throws {
        let vendor = try await vendor(command, format)
        var seen: [VersionFetch.Progress] = []
        let last = try await fetch(vendor, cache()).run(try await vendor.choose(), .whole) { seen.append($0) }
        #expect(last.standing == .compared && last.downloaded > 0)
        let downloads = seen.filter { $0.stage == .download }
        #expect(downloads.map(\.done) == downloads.map(\.done).sorted())
        #expect(downloads.last?.done == UInt64(vendor.file.count))
        #expect(seen.allSatisfy { $0.total == UInt64(vendor.file.count) })
        vendor.server.stop()
        let cache = cache()
        let image = try await ready(vendor, cache)
        #expect(image.isUnpacked && image.format == .raw && image.streamed == nil)
        let index = try image.index()
        #expect(try index.block(at: 18).isHole)
        let isEqual = try await bytes(image, cache) == vendor.raw
        #expect(isEqual)
        // The next time it is no more than a look.
        let again = try await fetch(vendor, self.cache()).run(try await vendor.choose(), .whole)
        #expect(again.downloaded == 0 && again.done == again.total && again.standing == .compared)
    }

    @Test func anXZFileOfOneBlockIsFoundOutByItsEnd() async throws {
        let vendor = try await vendor("{ head -c 36700160 /dev/zero; cat raw; } | xz -0 -T1 -c", "format = \"raw.xz\"")
        let cache = cache()
        let image = try await ready(vendor, cache)
        #expect(image.isUnpacked && image.format == .raw)
        #expect(try image.index().imageSize == UInt64(36_700_160 + vendor.raw.count))
        let part = try await bytes(image, cache).suffix(vendor.raw.count)
        let isEqual = Array(part) == vendor.raw
        #expect(isEqual)
        // From now on it is known before anything is asked.
        let version = try await vendor.choose().version.id
        #expect(vendor.library.pinned("packed", version)?.packing == .xz)
        vendor.server.stop()
        #expect(try await ready(vendor, self.cache()).isUnpacked)
    }

    @Test func anXZFileInBlocksIsStreamed() async throws {
        let vendor = try await vendor("xz -0 -T1 --block-size=512KiB -c raw", "format = \"raw.xz\"")
        let image = try await ready(vendor, cache())
        #expect(!image.isUnpacked && image.format == .rawXZ && image.streamed?.isWholeFirst == false)
    }

    @Test func aFileThatIsDownloadOnlyIsHereWholeAndIsNotUnpacked() async throws {
        let vendor = try await vendor("cat raw", "format = \"raw\"\ndownload-only = true")
        let cache = cache()
        let image = try await ready(vendor, cache)
        #expect(!image.isUnpacked && image.streamed != nil)
        let index = try image.index()
        #expect(
            try WholeFile(index: index, cache: cache, ledger: image.ledger(index, in: places.ledgers)).missing().isEmpty
        )
        #expect(VendorNotes(places: places).standing(of: try #require(image.file)) == .compared)
    }

    @Test func whatNothingHereUnpacksIsRefusedBeforeItIsDownloaded() async throws {
        let vendor = try await vendor("cat raw", "format = \"raw\"\npacked = \"7z\"")
        let error = await #expect(throws: BootError.self) { _ = try await ready(vendor, cache()) }
        guard case .packed(let file) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(file.packing == "7z" && vendor.asked == 0)
    }

    @Test func theListSaysWhatIsToBeDownloadedFirst() async throws {
        let vendor = try await vendor()
        func summary() async throws -> VersionSummary {
            let reader = SystemsReader(places: places, systems: vendor.systems, cache: cache())
            _ = try await vendor.choose()
            let copies = await vendor.systems.copies(refresh: false)
            let overview = reader.details(reader.outline(copies, sessions: []))
            return try #require(overview.systems.first?.versions.first)
        }
        #expect(try await summary().isWholeFirst)
        _ = try await vendor.systems.image(of: try await vendor.choose())
        #expect(try await summary().downloadFirst == UInt64(vendor.file.count))
        #expect(try await summary().offline == .no)
        _ = try await ready(vendor, cache())
        let after = try await summary()
        #expect(after.downloadFirst == 0 && after.offline == .whole && after.isCompared)
        // Sixteen blocks before the hole, and one behind it.
        #expect(after.content == 16 * 262_144 + 168_448 && after.here == after.content)
        #expect(try JSONRoundTrip.text(of: after).contains("\"downloadFirst\":0"))
    }

    // MARK: What goes wrong

    @Test func anotherFileThanTheVendorSaysIsNeverUnpacked() async throws {
        let vendor = try await vendor()
        vendor.put(vendor.file, sum: vendor.raw)
        let cache = cache()
        let error = await #expect(throws: VersionFetchError.self) { _ = try await ready(vendor, cache) }
        guard case .wrong = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try await !isUnpacked(vendor))
        #expect(try cache.status().blocks == 0)
    }

    @Test func aDownloadThatIsCutGoesOnWhereItWas() async throws {
        let vendor = try await vendor()
        let first = Flag(true)
        vendor.server.handle { request, file in
            guard request.path == "/" + PackedVendor.path, let range = request.range, range.lowerBound >= 2_097_152,
                first.isSet.load(ordering: .relaxed)
            else { return nil }
            return .init(404, body: [])
        }
        await #expect(throws: BlockStoreError.self) { _ = try await ready(vendor, self.cache()) }
        #expect(try await !isUnpacked(vendor))
        first.isSet.store(false, ordering: .relaxed)
        let before = vendor.server.bodyBytes
        let cache = cache()
        let image = try await ready(vendor, cache)
        let isEqual = try await bytes(image, cache) == vendor.raw
        #expect(isEqual)
        #expect(vendor.server.bodyBytes - before < vendor.file.count - 1_500_000, "all of it came again")
    }

    @Test func aFileThatChangesOnTheWayIsNotMixed() async throws {
        let vendor = try await vendor()
        var random = SeededRandom(seed: 9)
        let other = random.bytes(vendor.file.count)
        vendor.server.handle { [server = vendor.server] request, file in
            guard let range = request.range, range.lowerBound >= 2_097_152 else { return nil }
            server.put(PackedVendor.path, .init(other, entityTag: "\"b\""))
            return RangedServer.usual(request, .init(other, entityTag: "\"b\""))
        }
        await #expect(throws: (any Error).self) { _ = try await ready(vendor, self.cache()) }
        #expect(try await !isUnpacked(vendor))
        // The old file is there again.
        vendor.server.handle(nil)
        vendor.put(vendor.file)
        let cache = cache()
        let isEqual = try await bytes(try await ready(vendor, cache), cache) == vendor.raw
        #expect(isEqual)
    }

    @Test func aDamagedArchiveIsToldAndFetchedAnewTheNextTime() async throws {
        let vendor = try await vendor()
        var damaged = vendor.file
        damaged[700_000] ^= 1
        vendor.put(damaged)
        let cache = cache()
        let error = await #expect(throws: VersionFetchError.self) { _ = try await ready(vendor, cache) }
        guard case .notUnpacked(_, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("damaged"), "\(reason)")
        #expect(try await !isUnpacked(vendor))
        vendor.put(vendor.file, tag: "\"b\"")
        #expect(try await ready(vendor, cache).isUnpacked)
    }

    @Test func whatIsInItMustBeWhatTheTableSays() async throws {
        let vendor = try await vendor("gzip -1 -n -c raw", "format = \"qcow2\"\npacked = \"gz\"")
        let error = await #expect(throws: VersionFetchError.self) { _ = try await ready(vendor, cache()) }
        guard case .notUnpacked(_, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains("a qcow2 image"), "\(reason)")
    }

    /// As a process that was killed leaves it: some blocks, and no index.
    @Test func aHalfUnpackedFileIsNeverUsed() async throws {
        let vendor = try await vendor()
        let cache = cache()
        let image = try await vendor.systems.soundImage(of: try await vendor.choose(), cache: cache)
        let file = try #require(image.file)
        let index = try file.index()
        let ledger = try file.ledger(index, in: places.ledgers)
        let stores = try file.stores(index, ledger, cache: cache, transfers: TransferQueue(), policy: .rounds(2))
        defer { stores.close() }
        let all = try ImageFetch(index: index, store: stores.caching).blocks()
        _ = try await stores.keep(all, of: index)
        let work = ImageUnpacking(
            pieces: WholeFile(index: index, cache: cache, ledger: ledger), size: UInt64(vendor.file.count),
            packing: .gz,
            format: .raw, cache: cache)
        await #expect(throws: CancellationError.self) {
            try await WorkerThread.run(name: "unpack") { try work.run(to: file.unpackedPath) { $0 < 800_000 } }
        }
        #expect(!Paths.allows([], file.unpackedPath))
        let blocks = try cache.status().blocks
        #expect(blocks > all.count)
        let isEqual = try await bytes(try await ready(vendor, cache), cache) == vendor.raw
        #expect(isEqual)
    }

    @Test func aCancelledFetchKeepsWhatCame() async throws {
        let vendor = try await vendor()
        let cache = cache()
        let isHeld = Flag(true)
        vendor.server.handle { request, _ in
            while request.range.map({ $0.lowerBound >= 2_097_152 }) == true, isHeld.isSet.load(ordering: .relaxed) {
                MonotonicClock.pause(milliseconds: 10)
            }
            return nil
        }
        let version = try await vendor.choose()
        let (fetch, isFar) = (fetch(vendor, cache), Flag())
        let task = Task {
            try await fetch.run(version, .whole) {
                if $0.done >= 1_048_576 { isFar.isSet.store(true, ordering: .relaxed) }
            }
        }
        #expect(await eventually { isFar.isSet.load(ordering: .relaxed) })
        task.cancel()
        await #expect(throws: (any Error).self) { try await task.value }
        isHeld.isSet.store(false, ordering: .relaxed)
        #expect(try cache.status().blocks >= 5)
        #expect(try await ready(vendor, cache).isUnpacked)
    }

    // MARK: The cache

    @Test func aBlockThatIsEvictedIsMadeAgainWhileItIsRead() async throws {
        let vendor = try await vendor()
        let cache = cache()
        let image = try await ready(vendor, cache)
        let asked = vendor.asked
        let index = try image.index()
        #expect(try cache.remove([index.block(at: 2).id]) > 0)
        let isEqual = try await bytes(image, self.cache()) == vendor.raw
        #expect(isEqual)
        #expect(vendor.asked == asked, "the pieces were there")
        // Without the pieces the file is downloaded again.
        #expect(try cache.prune(to: 0) > 0)
        let isEqualAgain = try await bytes(image, self.cache()) == vendor.raw
        #expect(isEqualAgain)
        #expect(vendor.asked > asked)
    }

    @Test func whatDoesNotFitIsNotDownloaded() async throws {
        let vendor = try await vendor()
        let tooSmall = cache(.bytes(1_000_000))
        let error = await #expect(throws: VersionFetchError.self) { _ = try await ready(vendor, tooSmall) }
        #expect(error == .notKept(bytes: UInt64(vendor.file.count - 1_000_000)))
        #expect(vendor.asked == 1, "its beginning, when it was pinned")
    }

    /// The pieces make room for what they unpack to, and that is not enough.
    @Test func whatUnpacksToMoreThanTheCacheHoldsIsSaidToBeSo() async throws {
        let vendor = try await vendor("cat raw raw raw | xz -6 -T1 -c", "format = \"raw\"\npacked = \"xz\"")
        let error = await #expect(throws: VersionFetchError.self) {
            _ = try await ready(vendor, cache(.bytes(vendor.file.count + 2_000_000)))
        }
        guard case .notKept = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try await !isUnpacked(vendor))
        // It is known from now on, and is not downloaded for it once more.
        let asked = vendor.asked
        _ = await #expect(throws: VersionFetchError.self) {
            _ = try await ready(
                vendor, BlockCache(directory: folder.path("other"), limit: .bytes(vendor.file.count + 2_000_000)))
        }
        #expect(vendor.asked == asked)
        #expect(try await ready(vendor, cache()).isUnpacked)
    }

    @Test func whatCannotBeKeptIsNotMadeAgainForEachBlock() async throws {
        let count = Atomic(0)
        let store = RemadeBlockStore(cache: cache()) {
            count.wrappingAdd(1, ordering: .relaxed)
            throw VersionFetchError.notKept(bytes: 1)
        }
        let request = BlockRequest(
            id: DigestAlgorithm.sha256.blockID(of: UnsafeRawBufferPointer(start: nil, count: 0)), length: 1,
            algorithm: .sha256)
        for _ in 0..<3 {
            _ = await #expect(throws: BlockStoreError.self) { _ = try await store.block(request) }
        }
        #expect(count.load(ordering: .relaxed) == 1)
    }

    @Test func whatIsMadeAgainEndsWhenItsStoreIsClosed() async throws {
        let (started, ended) = (Flag(), Flag())
        let stores = BlockStores(
            remake: {
                started.isSet.store(true, ordering: .sequentiallyConsistent)
                defer { ended.isSet.store(true, ordering: .sequentiallyConsistent) }
                try await Task.sleep(for: .seconds(100))
            }, cache: cache(), policy: .rounds(2))
        let request = BlockRequest(
            id: DigestAlgorithm.sha256.blockID(of: UnsafeRawBufferPointer(start: nil, count: 0)), length: 1,
            algorithm: .sha256)
        let block = Task { _ = try await stores.caching.block(request) }
        while !started.isSet.load(ordering: .sequentiallyConsistent) { try await Task.sleep(for: .milliseconds(5)) }
        stores.close()
        _ = await #expect(throws: BlockStoreError.self) { try await block.value }
        while !ended.isSet.load(ordering: .sequentiallyConsistent) { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test func aPinHoldsWhatItWasUnpackedToAndRemovingTakesBoth() async throws {
        let vendor = try await vendor()
        let cache = cache()
        let chosen = try await vendor.choose()
        let versions = VersionCache(library: vendor.systems, cache: cache)
        try versions.pin(VersionKey(chosen), indexPath: try await vendor.systems.image(of: chosen).indexPath)
        let image = try await ready(vendor, cache)
        #expect(try cache.prune(to: 0) > 0)
        let asked = vendor.asked
        let isEqual = try await bytes(image, self.cache()) == vendor.raw
        #expect(isEqual)
        #expect(vendor.asked == asked)
        try versions.unpin(VersionKey(chosen))
        let reader = SystemsReader(places: places, systems: vendor.systems, cache: cache)
        let overview = reader.outline(await vendor.systems.copies(refresh: false), sessions: [])
        #expect(try versions.remove(VersionKey(chosen), among: overview) > 0)
        #expect(try cache.status().blocks == 0)
    }

    @Test func twoThatWantTheSameDownloadItOnce() async throws {
        let vendor = try await vendor()
        _ = try await vendor.systems.image(of: try await vendor.choose())
        async let one = ready(vendor, cache())
        async let other = ready(vendor, cache())
        #expect(try await one.isUnpacked)
        #expect(try await other.isUnpacked)
        #expect(vendor.server.bodyBytes < 2 * vendor.file.count, "\(vendor.server.bodyBytes)")
    }
}

/// Something that a test and a server's threads share.
private final class Flag: Sendable {
    let isSet: Atomic<Bool>

    init(_ isSet: Bool = false) { self.isSet = Atomic(isSet) }
}

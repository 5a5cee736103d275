import BlockStore
import Catalog
import ContentAddress
import Curl
import FoundationEssentials
import GuestDomain
import ImageIndex
import Linux
import TestSupport
import Testing
import Zstd

@testable import Boot

/// A version of a signed tree on this disk whose publisher has a saved guest of it: what is said of it is true unless a test changes it.
struct PublishedStateFixture {
    let folder: TemporaryDirectory
    let places: Places
    let transfers = TransferQueue()
    let cache: BlockCache
    /// As a publisher's client made it.
    let made: PublishedRecord
    /// Memory, then overlay.
    let files: [[UInt8]]
    private let id: VersionID

    static let distribution = "debian"
    static let version = "2026-11-16"
    static let blockSize = 65_536
    /// More than three blocks, at odd lengths.
    private static let content: [UInt8] = {
        var random = SeededRandom(seed: 11)
        return random.bytes(200_001)
    }()

    init() async throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        id = try #require(VersionID(Self.version))
        places = Places(
            environment: { $0 == "XDG_STATE_HOME" ? folder.path("state") : nil }, user: 1000, home: folder.path)
        cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        try AtomicFile.write(Self.content, to: folder.path("raw"))
        let written = try MemoryFile.write(
            from: try FileHandle(folder.path("raw"), for: .reading), to: folder.path("memory"))
        let overlay = folder.path("overlay.qcow2")
        try await WorkerThread.run(name: "test-overlay") {
            try Overlay.create(at: overlay, backing: nil, size: 1 << 20)
        }
        files = [
            try FileContents.read(folder.path("memory"), limit: 1 << 24),
            try FileContents.read(folder.path("overlay.qcow2"), limit: 1 << 24),
        ]
        let record = Self.record(
            memory: .init(
                size: written.size, content: written.content, digest: written.digest, origin: MemoryFileTests.origin),
            overlayDigest: FileDigest.sha256(of: files[1]).description)
        made = PublishedRecord(
            processor: "qemu64",
            parts: [
                .init(name: .memory, size: UInt64(files[0].count)), .init(name: .overlay, size: UInt64(files[1].count)),
            ], state: record)
    }

    /// What a template of the version leaves.
    static func record(memory: SuspendRecord.Memory, overlayDigest: String?) -> WarmRecord {
        var record = WarmRecord(
            created: .now, key: VersionKey(catalog: "tree", distribution: distribution, version: version),
            image: image, guest: guest(), overlayDigest: overlayDigest, variablesDigest: nil, seedDigest: nil,
            memory: memory, bootSeconds: 30)
        record.isForOthers = true
        return record
    }

    private static let image = WarmRecord.Image(
        indexDigest: FileDigest.sha256(of: Array("index".utf8)).description, digest: nil)

    private static func guest(_ change: (inout GuestSpecification) -> Void = { _ in }) -> WarmRecord.Guest {
        var guest = GuestSpecification(
            name: "osc-test", memoryMiB: 128, cpus: 1, accelerator: .tcg, firmware: .bios, media: .disk,
            imagePath: "/image", overlayPath: "/overlay", consoleSocketPath: "/console", networkSocketPath: "/network",
            firmwareEntries: [], screen: nil, nvramPath: "/nvram")
        change(&guest)
        return WarmRecord.Guest(guest, entries: SessionGuest.parkedEntries)
    }

    /// What a start asks for that the state fits.
    static func needs(_ change: (inout GuestSpecification) -> Void = { _ in }) -> WarmNeeds {
        WarmNeeds(image: image, guest: guest(change), emulator: .init(major: 7, minor: 2, micro: 22))
    }

    var offered: PublishedWarmState {
        let names = PublishedWarmState.names(
            Self.distribution, id, machine: "pc-q35-7.2", accelerator: "tcg", processor: "qemu64")
        let size = UInt64(files.reduce(0) { $0 + $1.count })
        return PublishedWarmState(
            record: names.record, index: names.index, size: size, storedSize: size, accelerator: "tcg",
            machine: "pc-q35-7.2", processor: "qemu64", bootSeconds: 30)
    }

    static func bytes(of record: PublishedRecord) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(record))
    }

    /// Publishes the version with the state, and follows the tree.
    /// - Parameters:
    ///   - record: the record's bytes; nil for the true ones.
    ///   - files: the bytes that become blocks; nil for the true ones.
    func publish(record: [UInt8]? = nil, files: [[UInt8]]? = nil, state: PublishedWarmState? = nil) async throws
        -> ChosenVersion
    {
        let offered = state ?? offered
        let all = (files ?? self.files).flatMap(\.self)
        var ids: [BlockID] = []
        for start in stride(from: 0, to: all.count, by: Self.blockSize) {
            let block = Array(all[start..<min(all.count, start + Self.blockSize)])
            let id = block.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }
            ids.append(id)
            try write(block, to: "\(try folder.makeFolder("tree/blocks"))/\(id.chunkStorePath)")
        }
        try ImageIndexWriter.write(
            blocks: ids, blockSize: Self.blockSize, imageSize: UInt64(all.count), algorithm: .sha256,
            to: folder.path("state.caibx"))
        let image = try SmallImage("ab", in: folder)
        let tree = try SignedTree(path: folder.path("tree"))
        try tree.publish([
            "debian/2026-11-16.caibx": try FileContents.read(image.indexPath, limit: 1 << 20),
            offered.index: try FileContents.read(folder.path("state.caibx"), limit: 1 << 20),
            offered.record: try record ?? Self.bytes(of: made),
        ])
        var version = DistributionVersion(
            id: id, published: .now, index: "debian/2026-11-16.caibx",
            size: image.index.imageSize)
        version.warm = [offered]
        try tree.publish(
            CatalogDocument(
                name: "Home", updated: .now,
                distributions: [Distribution(id: Self.distribution, versions: [version])]))
        let copy = try await catalogs.add(
            try CatalogSource(name: "home", location: folder.path("tree")), trust: .root(try tree.root))
        return try VersionName(argument: Self.distribution).choose(from: [copy])
    }

    private func write(_ block: [UInt8], to path: String) throws {
        let compressor = try ZstdCompressor(level: 3)
        var output = [UInt8](repeating: 0, count: ZstdCompressor.bound(block.count))
        let count = try block.withUnsafeBytes { input in
            try output.withUnsafeMutableBytes { try compressor.compress(input, into: $0) }
        }
        try Folder.make(Folder.parent(of: path) ?? "/")
        try AtomicFile.write(Array(output.prefix(count)), to: path)
    }

    var catalogs: CatalogLibrary { CatalogLibrary(directory: places.catalogs, transfers: transfers) }
    var library: WarmLibrary { WarmLibrary(cache: cache.directory) }
    var states: PublishedStates { states(cache) }

    func states(_ cache: BlockCache, reserve: UInt64 = 0) -> PublishedStates {
        PublishedStates(catalogs, cache, transfers, DiskReserve(setting: reserve))
    }
}

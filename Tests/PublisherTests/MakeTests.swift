import ContentAddress
import Glibc
import ImageIndex
import Linux
import Publisher
import TestSupport
import Testing

@Suite struct MakeTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func publish(
        _ image: String = "a.img", blockSize: Int = BlockSize.standard, algorithm: DigestAlgorithm = .sha256
    ) async throws -> PublishedImage {
        let options = try PublishOptions(blockSize: blockSize, algorithm: algorithm, workers: 3, digestsImage: true)
        let (image, index, store) = (folder.file(image), folder.file("a.caibx"), folder.file("a.castr"))
        return try await WorkerThread.run(name: "publish") {
            try ImagePublisher(options: options).publish(image: image, index: index, store: store)
        }
    }

    @Test(
        .enabled(if: BuiltProgram.isInstalled("casync"), "casync is not installed: apt-get install casync"),
        arguments: DigestAlgorithm.published, 0..<7)
    func casyncRebuildsTheImageByteForByte(algorithm: DigestAlgorithm, shape: Int) async throws {
        let image = folder.file("a.img")
        switch shape {
        case 0: try PublisherFixtures.writeRandomImage(size: 6_000_000, seed: 1, to: image)
        case 1: try PublisherFixtures.writeRandomImage(size: 262_144 * 12, seed: 2, to: image)
        case 2: try PublisherFixtures.writeImage([.hole(3_000_000)], to: image)
        case 3: try PublisherFixtures.writeImage([.zeros(1_000_000)], to: image)
        case 4: try PublisherFixtures.writeImage([.random(777, seed: 1)], to: image)
        case 5: try PublisherFixtures.writeImage([.hole(700_000), .random(1, seed: 1), .hole(900_001)], to: image)
        default: try PublisherFixtures.writeImage([.random(1, seed: 1), .hole(262_143), .hole(262_144)], to: image)
        }
        let published = try await publish(algorithm: algorithm)
        let extracted = try await BuiltProgram.runAny(
            "casync",
            ["extract", "--store=\(folder.file("a.castr"))", folder.file("a.caibx"), folder.file("b.img")])
        try #require(extracted.status == 0, "\(extracted.stderr)")
        let bytes = try folder.bytes("a.img")
        #expect(try folder.bytes("b.img") == bytes)
        #expect(published.size == UInt64(bytes.count))
        var hasher = FileHasher()
        bytes.withUnsafeBytes { hasher.update($0) }
        #expect(published.digest == hasher.finalize())
    }

    @Test(arguments: [4096, 65_536, 512 * 9, 16_777_216])
    func anyAllowedBlockSizeGivesAnIndexOfTheImage(blockSize: Int) async throws {
        try PublisherFixtures.writeRandomImage(size: 1_500_000, seed: 4, to: folder.file("a.img"))
        let published = try await publish(blockSize: blockSize)
        let index = try ImageIndex(path: folder.file("a.caibx"))
        let image = try folder.bytes("a.img")
        #expect(index.count == published.blocks)
        try index.forEachBlock { block in
            let part = Array(image[Int(block.offset)..<Int(block.end)])
            #expect(part.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) } == block.id)
        }
    }

    @Test func aRepeatedBlockIsStoredOnce() async throws {
        let block = BlockSize.standard
        try PublisherFixtures.writeImage(
            [
                .random(block, seed: 1), .random(block, seed: 1), .hole(2 * block), .random(block, seed: 2),
                .zeros(block), .random(block, seed: 1), .hole(100),
            ], to: folder.file("a.img"))
        let published = try await publish()
        #expect(published.blocks == 8)
        // Two of data, and zeros of two lengths.
        #expect(published.distinctBlocks == 4)
        #expect(published.newBlocks == 4)
        #expect(published.zeroBlocks == 4)
        #expect(published.unreadBlocks == 3)
        #expect(folder.files(below: "a.castr").count == 4)
        #expect(published.newBytes == published.storedBytes)
    }

    @Test func theHolesOfASparseFileAreNotRead() async throws {
        let size = 8 << 30
        try PublisherFixtures.writeImage([.hole(size - 10), .random(10, seed: 1)], to: folder.file("a.img"))
        let options = try PublishOptions(workers: 1)
        let (image, index, store) = (folder.file("a.img"), folder.file("a.caibx"), folder.file("a.castr"))
        let published = try await WorkerThread.run(name: "publish") {
            try ImagePublisher(options: options).publish(image: image, index: index, store: store)
        }
        #expect(published.unreadBlocks == size / BlockSize.standard - 1)
        #expect(published.distinctBlocks == 2)
    }

    @Test func aSecondRunStoresNothingAndGivesTheSameIndex() async throws {
        try PublisherFixtures.writeRandomImage(size: 5_000_000, seed: 9, to: folder.file("a.img"))
        let first = try await publish()
        let (index, files) = (try folder.bytes("a.caibx"), folder.files())
        // An old time shows that a second run says the block is still in use.
        let block = folder.file(folder.files(below: "a.castr")[0])
        var times = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
        utimensat(AT_FDCWD, block, &times, 0)
        let second = try await publish()
        #expect(second.newBlocks == 0)
        #expect(second.newBytes == 0)
        #expect(second.storedBytes == first.storedBytes)
        #expect(try folder.bytes("a.caibx") == index)
        #expect(folder.files() == files)
        var status = stat()
        #expect(stat(block, &status) == 0 && status.st_mtim.tv_sec > 1000)
    }

    @Test func anEmptyBlockFileOfAPowerCutIsReplaced() async throws {
        try PublisherFixtures.writeRandomImage(size: 1_000_000, seed: 9, to: folder.file("a.img"))
        let first = try await publish()
        truncate(folder.file(folder.files(below: "a.castr")[0]), 0)
        let second = try await publish()
        #expect(second.newBlocks == 1)
        #expect(second.storedBytes == first.storedBytes)
    }

    @Test(.enabled(if: BuiltProgram.isInstalled("qemu-img"), "qemu-img is not installed: apt-get install qemu-utils"))
    func anotherFormatIsConvertedFirst() async throws {
        try PublisherFixtures.writeRandomImage(size: 2_097_152, seed: 6, to: folder.file("a.img"))
        _ = try await publish()
        let raw = try folder.bytes("a.caibx")
        for format in ["qcow2", "vmdk", "vdi", "vhdx"] {
            let converted = try await BuiltProgram.runAny(
                "qemu-img", ["convert", "-f", "raw", "-O", format, folder.file("a.img"), folder.file("b.\(format)")])
            try #require(converted.status == 0, "\(converted.stderr)")
            _ = try await publish("b.\(format)")
            #expect(try folder.bytes("a.caibx") == raw, "\(format)")
            #expect(!folder.files().contains { $0.hasSuffix(".tmp") })
        }
    }

    @Test func theImageItselfIsNeverOverwritten() async throws {
        try PublisherFixtures.writeImage([.random(1000, seed: 1)], to: folder.file("a.caibx"))
        let before = try folder.bytes("a.caibx")
        await #expect(throws: PublisherError.self) { try await publish("a.caibx") }
        #expect(try folder.bytes("a.caibx") == before)
    }
}

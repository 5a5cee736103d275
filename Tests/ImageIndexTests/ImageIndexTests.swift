import ContentAddress
import Glibc
import ImageIndex
import TestSupport
import Testing

@Suite struct ImageIndexTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test(arguments: DigestAlgorithm.published, [1, 511, 512, 513, 5120, 5121] as [UInt64])
    func whatIsWrittenIsRead(algorithm: DigestAlgorithm, size: UInt64) throws {
        let ids = (0..<Int((size + 511) / 512)).map(IndexFixtures.id)
        let path = folder.file("a.caibx")
        try ImageIndexWriter.write(blocks: ids, blockSize: 512, imageSize: size, algorithm: algorithm, to: path)
        let index = try ImageIndex(path: path)
        #expect(index.imageSize == size)
        #expect(index.count == ids.count)
        #expect(index.algorithm == algorithm)
        var seen: [IndexedBlock] = []
        try index.forEachBlock { seen.append($0) }
        #expect(seen.map(\.id) == ids)
        #expect(seen.last?.end == size)
        #expect(try (0..<index.count).map { try index.block(at: $0) } == seen)
        #expect(folder.files() == ["a.caibx"])
    }

    @Test func theWrittenBytesAreTheFormatsOwn() throws {
        let path = folder.file("a.caibx")
        let ids = (0..<3).map(IndexFixtures.id)
        try ImageIndexWriter.write(blocks: ids, blockSize: 512, imageSize: 1100, algorithm: .sha256, to: path)
        #expect(try folder.bytes("a.caibx") == IndexFixtures.bytes(.init()))
        try ImageIndexWriter.write(blocks: ids, blockSize: 512, imageSize: 1100, algorithm: .sha512_256, to: path)
        var parts = IndexFixtures.Parts()
        parts.header[2] = 0xB000_0000_0000_0000
        #expect(try folder.bytes("a.caibx") == IndexFixtures.bytes(parts))
    }

    @Test func anImageHasTheSizeThatIsExpectedOrIsNotOpened() throws {
        let path = folder.file("a.caibx")
        let ids = (0..<3).map(IndexFixtures.id)
        try ImageIndexWriter.write(blocks: ids, blockSize: 512, imageSize: 1100, algorithm: .sha256, to: path)
        #expect(try ImageIndex(path: path, imageSize: 1100).imageSize == 1100)
        #expect(throws: ImageIndexError.otherSize(expected: 1099, actual: 1100)) {
            try ImageIndex(path: path, imageSize: 1099)
        }
    }

    @Test func anImageOfNoBytesGetsNoIndex() throws {
        #expect(throws: ImageIndexError.empty) {
            try ImageIndexWriter.write(
                blocks: [], blockSize: 512, imageSize: 0, algorithm: .sha256, to: folder.file("a.caibx"))
        }
        #expect(folder.files().isEmpty)
    }

    @Test(arguments: [1, 2, 63, 64, 65, 127, 128, 129, 1000])
    func lookUpInContentDefinedBlocksEqualsBruteForce(count: Int) throws {
        var parts = IndexFixtures.Parts()
        parts.ends = IndexFixtures.randomEnds(count, 16...4096, seed: UInt64(count))
        (parts.header[3], parts.header[4], parts.header[5]) = (16, 1024, 4096)
        let index = try IndexFixtures.open(IndexFixtures.bytes(parts), in: folder)
        var random = SeededRandom(seed: 7)
        let edges = parts.ends.flatMap { [$0 - 1, $0] }.filter { $0 < index.imageSize }
        let offsets = [0] + edges + (0..<500).map { _ in UInt64.random(in: 0..<index.imageSize, using: &random) }
        for offset in offsets {
            let expected = try #require(parts.ends.firstIndex { $0 > offset })
            let block = try index.block(containing: offset)
            #expect(block.position == expected)
            #expect(block.offset == (expected == 0 ? 0 : parts.ends[expected - 1]))
            #expect(block.end == parts.ends[expected])
            #expect(block.id == IndexFixtures.id(expected))
        }
    }

    @Test func aBlockOfZerosIsAHoleWhateverItsLength() throws {
        let zeros = [512, 76].map { ImageIndex.zeroBlock(length: $0, algorithm: .sha256) }
        let path = folder.file("a.caibx")
        try ImageIndexWriter.write(
            blocks: [zeros[0], IndexFixtures.id(1), zeros[1]], blockSize: 512, imageSize: 1100, algorithm: .sha256,
            to: path)
        let index = try ImageIndex(path: path)
        #expect(try (0..<3).map { try index.block(at: $0).isHole } == [true, false, true])
    }

    @Test func aFileThatBecomesShorterLaterIsAnError() throws {
        var parts = IndexFixtures.Parts()
        parts.ends = (1...200).map { $0 * 512 }
        let index = try IndexFixtures.open(IndexFixtures.bytes(parts), in: folder)
        truncate(folder.file("x.caibx"), 200)
        #expect(throws: ImageIndexError.self) { try index.block(at: 150) }
        #expect(throws: ImageIndexError.self) { try index.block(containing: 512 * 150) }
        #expect(throws: ImageIndexError.self) { try index.forEachBlock { _ in } }
    }

    @Test(
        .enabled(if: BuiltProgram.isInstalled("casync"), "casync is not installed: apt-get install casync"),
        arguments: ["16384:65536:262144", "262144:262144:262144"], ["sha256", "sha512-256"])
    func readsWhatCasyncWrites(sizes: String, digest: String) async throws {
        try PublisherFixtures.writeRandomImage(size: 3_000_001, seed: 5, to: folder.file("a.img"))
        let made = try await BuiltProgram.runAny(
            "casync",
            [
                "make", "--chunk-size=\(sizes)", "--digest=\(digest)", "--store=\(folder.file("s.castr"))",
                folder.file("a.caibx"), folder.file("a.img"),
            ])
        try #require(made.status == 0, "\(made.stderr)")
        let index = try ImageIndex(path: folder.file("a.caibx"))
        #expect(index.imageSize == 3_000_001)
        #expect(index.algorithm.rawValue == digest)
        let image = try folder.bytes("a.img")
        try index.forEachBlock { block in
            let part = Array(image[Int(block.offset)..<Int(block.end)])
            #expect(part.withUnsafeBytes { index.algorithm.blockID(of: $0) } == block.id)
        }
    }
}

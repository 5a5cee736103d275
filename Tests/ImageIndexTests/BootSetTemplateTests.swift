import ContentAddress
import ImageIndex
import Linux
import TestSupport
import Testing

/// Images of blocks that are told by letters; `.` is a hole.
@Suite struct BootSetTemplateTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func id(_ letter: Character) -> BlockID {
        if letter == "." { return ImageIndex.zeroBlock(length: 4096, algorithm: .sha256) }
        return Array("block \(letter)".utf8).withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }
    }

    private func image(_ letters: String, blockSize: Int = 4096) throws -> ImageIndex {
        let path = folder.path("\(letters).caibx")
        try ImageIndexWriter.write(
            blocks: letters.map(id), blockSize: blockSize, imageSize: UInt64(letters.count * blockSize),
            algorithm: .sha256, to: path)
        return try ImageIndex(path: path)
    }

    /// What is derived for `other` from a start that reads `read` of `recorded`.
    private func derived(_ read: String, of recorded: String, for other: String) throws -> [BlockID] {
        try BootSetTemplate(BootSet(read.map(id)), of: image(recorded)).bootSet(of: image(other)).ids
    }

    @Test func whatIsSharedStaysAndWhatChangedIsTakenFromItsPlaceInTheRecordedOrder() throws {
        #expect(try derived("dba", of: "abcd", for: "aXcd") == "dXa".map(id))
        #expect(try derived("dba", of: "abcd", for: "abcd") == "dba".map(id))
    }

    @Test func contentThatMovedIsFoundWhereItIs() throws {
        // The place that `b` was at holds what no start read before.
        #expect(try derived("ab", of: "abcd", for: "aXcdb") == "ab".map(id))
    }

    @Test func holesAndWhatLiesBehindTheEndOfASmallerImageAreLeftOut() throws {
        #expect(try derived("abcd", of: "abcd", for: "aX.") == "aX".map(id))
        // Strangers in a boot set, and its image's holes, lead nowhere.
        #expect(try derived("z.", of: "ab.c", for: "XYZU").isEmpty)
    }

    @Test func anImageThatHasHardlyAnyOfTheBlocksIsNotGuessedFor() throws {
        // As when it is built anew, and everything moves: its places would be fetched ahead for nothing.
        #expect(try derived("abcd", of: "abcde", for: "aWXYZ") == "aWXY".map(id))
        #expect(try derived("abcde", of: "abcde", for: "aWXYZ").isEmpty)
        #expect(try derived("ab", of: "abcde", for: "VWXYZ").isEmpty)
    }

    @Test func aBlockIsListedOnceHoweverOftenItsPlaceIsNamed() throws {
        #expect(try derived("abc", of: "abcd", for: "XXcd") == "Xc".map(id))
    }

    @Test func imagesOfOtherBlockSizesAreComparedByOffsets() throws {
        let template = try BootSetTemplate(BootSet("bc".map(id)), of: image("abc", blockSize: 8192))
        // `c` lay where the last two lie.
        #expect(try template.bootSet(of: image("uvwxbz")).ids == "bz".map(id))
        let fine = try BootSetTemplate(BootSet("wz".map(id)), of: image("uvwxyz"))
        #expect(try fine.bootSet(of: image("abz", blockSize: 8192)).ids == "bz".map(id))
    }

    @Test func imagesOfBlocksOfAnyLengthAreComparedByOffsetsToo() throws {
        // Ends 512, 1024 and 1100: all of it lies where `a` lay, and the first is the block `0`.
        let parts = try IndexFixtures.open(IndexFixtures.bytes(IndexFixtures.Parts()), in: folder)
        let template = try BootSetTemplate(BootSet("a0".map(id)), of: image("a0"))
        #expect(try template.bootSet(of: parts).ids == (0..<3).map(IndexFixtures.id))
    }

    @Test func positionsAreThoseOfEqualBlocksThatTheReadOnesLieIn() throws {
        let template = try BootSetTemplate(BootSet("da".map(id)), of: image("abcd"))
        #expect(template.positions(blockSize: 4096) == [0, 3])
        #expect(template.positions(blockSize: 8192) == [0, 1])
        #expect(template.positions(blockSize: 2048) == [0, 1, 6, 7])
        #expect(try BootSetTemplate(BootSet([]), of: image("abcd")).positions(blockSize: 4096).isEmpty)
    }

    /// A publisher chooses the indexes: a small set must not become an endless one.
    @Test func aFineImageBehindACoarseOneStaysWithinTheBounds() throws {
        let coarse = try image("abcdefghijklmnopqrstuvwxyzABCDEFG", blockSize: 16_777_216)
        let template = try BootSetTemplate(BootSet((0..<33).map { try coarse.block(at: $0).id }), of: coarse)
        // 33 blocks, each of 32,768 of the smallest that an index may have.
        #expect(template.positions(blockSize: 512).count <= BootSet.longest + 32_768)
    }
}

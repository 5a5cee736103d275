import ContentAddress
import ImageIndex
import TestSupport
import Testing

@Suite struct BootSetTests {
    private let folder: TemporaryDirectory
    private let ids: [BlockID]

    init() throws {
        folder = try TemporaryDirectory()
        ids = (0..<5).map { number in
            [UInt8](repeating: number, count: 8).withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }
        }
    }

    @Test func isReadAsItWasWritten() throws {
        let bootSet = BootSet([ids[3], ids[0], ids[3], ids[1]])
        #expect(bootSet.ids == [ids[3], ids[0], ids[1]])
        #expect(bootSet.text.hasPrefix("oscircular-bootset 1\n\(ids[3].hex)\n"))
        #expect(try BootSet(text: bootSet.text) == bootSet)
        try folder.write(Array(bootSet.text.utf8), to: "a.bootset")
        #expect(try BootSet(path: folder.path("a.bootset")) == bootSet)
        #expect(try BootSet(text: "oscircular-bootset 1\n").ids.isEmpty)
    }

    @Test(arguments: [
        "", "oscircular-bootset 2\n", "oscircular-bootset 1 \n", "oscircular-bootset 1\nabc\n",
        "oscircular-bootset 1\n\n", "oscircular-bootset 1\n" + String(repeating: "g", count: 64) + "\n",
        "oscircular-bootset 1\r\n",
    ])
    func whatIsNoBootSetIsRefused(text: String) {
        #expect(throws: ImageIndexError.self) { try BootSet(text: text) }
    }

    @Test func tooManyLinesAreRefused() {
        let line = "\n" + ids[0].hex
        let text = "oscircular-bootset 1" + String(repeating: line, count: BootSet.longest + 1)
        #expect(throws: ImageIndexError.self) { try BootSet(text: text) }
    }

    @Test func laterBlocksComeAfterEarlierOnes() {
        #expect(BootSet(ids[0...1]).union(BootSet([ids[1], ids[4], ids[0]])).ids == [ids[0], ids[1], ids[4]])
    }

    @Test func givesTheImagesBlocksInItsOwnOrderWithoutStrangersAndHoles() throws {
        let zero = ImageIndex.zeroBlock(length: 4096, algorithm: .sha256)
        let path = folder.path("a.caibx")
        try ImageIndexWriter.write(
            blocks: [ids[0], zero, ids[1], ids[2], ids[1]], blockSize: 4096, imageSize: 5 * 4096, algorithm: .sha256,
            to: path)
        let blocks = try BootSet([ids[2], ids[4], zero, ids[1]]).blocks(of: ImageIndex(path: path))
        #expect(blocks.map(\.position) == [3, 2])
    }
}

import Glibc
import ImageIndex
import Linux
import TestSupport
import Testing

@Suite struct MalformedIndexTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test func aFileThatLacksOrIsAFolderIsAFileError() {
        #expect(throws: ImageIndexError.file(SystemCallError(code: ENOENT, call: "open", subject: folder.file("no")))) {
            try ImageIndex(path: folder.file("no"))
        }
        #expect(throws: ImageIndexError.file(SystemCallError(code: EISDIR, call: "open", subject: folder.path))) {
            try ImageIndex(path: folder.path)
        }
    }

    @Test func otherFilesAreNoIndex() {
        expect(.notAnIndex, [])
        expect(.notAnIndex, Array("#!/bin/sh\nexit 0\n".utf8))
        expect(.notAnIndex, [UInt8](repeating: 0, count: 4096))
        for (word, value) in [(0, 49), (1, 0x9682_4d9c_7b12_9ff8), (1, 0)] as [(Int, UInt64)] {
            var parts = IndexFixtures.Parts()
            parts.header[word] = value
            expect(.notAnIndex, IndexFixtures.bytes(parts))
        }
    }

    @Test func aFileCutOffAnywhereIsRefused() {
        let bytes = IndexFixtures.bytes(.init())
        for count in 0..<bytes.count {
            #expect(throws: ImageIndexError.self, "\(count) bytes") {
                try IndexFixtures.open(Array(bytes.prefix(count)), in: folder)
            }
        }
        for extra in [1, 40] {
            #expect(throws: ImageIndexError.self) {
                try IndexFixtures.open(bytes + [UInt8](repeating: 0, count: extra), in: folder)
            }
        }
    }

    @Test(arguments: [[512, 512, 1100], [512, 400, 1100], [0, 512, 1024], [512, 1024, 0]] as [[UInt64]])
    func offsetsThatDoNotRiseAreRefused(ends: [UInt64]) {
        var parts = IndexFixtures.Parts()
        parts.ends = ends
        expectMalformed(parts)
    }

    @Test func blocksOutOfBoundsAreRefused() {
        var parts = IndexFixtures.Parts()
        for ends in [[512, 1025], [.max]] as [[UInt64]] {
            parts.ends = ends
            expectMalformed(parts)
        }
        parts.header[5] = .max
        parts.ends = [UInt64(BlockSize.longestReadable) + 1]
        expectMalformed(parts)
    }

    @Test(arguments: [[0, 0, 0], [0, 512, 512], [513, 512, 512], [512, 513, 512]] as [[UInt64]])
    func blockSizesThatDoNotRiseAreRefused(sizes: [UInt64]) {
        var parts = IndexFixtures.Parts()
        parts.header.replaceSubrange(3..<6, with: sizes)
        expectMalformed(parts)
    }

    @Test func anImageOfNoBytesIsRefused() {
        var parts = IndexFixtures.Parts()
        parts.ends = []
        expect(.empty, IndexFixtures.bytes(parts))
    }

    @Test func aTableThatClaimsABillionRowsCostsNothing() throws {
        var parts = IndexFixtures.Parts()
        let before = try peakAddressSpace()
        parts.tail = [0, 0, 48, 16 + 40 * 1_000_000_001, 0x4b4f_050e_5549_ecd1]
        expect(.truncated(expected: 48 + 16 + 40 * 1_000_000_001, actual: 224), IndexFixtures.bytes(parts))
        parts.tail = [0, 0, 48, .max, 0x4b4f_050e_5549_ecd1]
        expect(.truncated(expected: .max, actual: 224), IndexFixtures.bytes(parts))
        #expect(try peakAddressSpace() - before < 8 << 30, "not even room for the rows was asked for")
    }

    @Test func aTableOfABillionRowsIsReadInPieces() throws {
        // As long as it claims to be, and nearly all of it a hole: 40 GB that must not come into memory.
        var parts = IndexFixtures.Parts()
        let rows: UInt64 = 1_000_000_000
        parts.tail = [0, 0, 48, 16 + 40 * (rows + 1), 0x4b4f_050e_5549_ecd1]
        let bytes = IndexFixtures.bytes(parts)
        let file = try FileHandle(path: folder.file("x.caibx"), flags: O_WRONLY | O_CREAT)
        try bytes.dropLast(40).withUnsafeBytes { try file.write($0) }
        try systemCall("lseek") { lseek(file.descriptor, off_t(64 + 40 * rows), SEEK_SET) }
        try bytes.suffix(40).withUnsafeBytes { try file.write($0) }
        let before = try peakAddressSpace()
        // The fourth row is of zeros.
        #expect(throws: ImageIndexError.malformed(reason: "block 3 ends at 0, not after 1100")) {
            try ImageIndex(path: folder.file("x.caibx"))
        }
        #expect(try peakAddressSpace() - before < 8 << 30)
    }

    @Test func aTableWithoutItsTypeOrTailIsRefused() {
        var parts = IndexFixtures.Parts()
        parts.table[1] = 0
        expectMalformed(parts)
        parts = IndexFixtures.Parts()
        parts.tail = [0, 0, 48, 176, 0]
        expectMalformed(parts)
        parts.tail = [1, 0, 48, 176, 0x4b4f_050e_5549_ecd1]
        expectMalformed(parts)
    }

    @Test func randomDamageNeverCrashes() throws {
        var random = SeededRandom(seed: 20_261_116)
        var parts = IndexFixtures.Parts()
        parts.ends = IndexFixtures.randomEnds(80, 1...512, seed: 3)
        let good = IndexFixtures.bytes(parts)
        // Whole words with telling values find overflows that single bits miss.
        let words: [UInt64] = [0, 1, .max, .max - 1, 1 << 63, 1 << 32, 40, 48]
        var opened = 0
        for _ in 0..<2000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                switch Int.random(in: 0..<8, using: &random) {
                case 0: bytes.removeLast(min(bytes.count, Int.random(in: 1...80, using: &random)))
                case 1: bytes += random.bytes(Int.random(in: 1...80, using: &random))
                case 2 where bytes.count >= 8:
                    let position = Int.random(in: 0..<(bytes.count / 8), using: &random) * 8
                    let word = words.randomElement(using: &random) ?? 0
                    withUnsafeBytes(of: word) { bytes.replaceSubrange(position..<(position + 8), with: $0) }
                default:
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] ^=
                        1 << UInt8.random(in: 0..<8, using: &random)
                }
            }
            guard let index = try? IndexFixtures.open(bytes, in: folder) else { continue }
            opened += 1
            try index.forEachBlock { _ in }
            _ = try index.block(containing: index.imageSize - 1)
            _ = try index.block(containing: index.imageSize / 2)
            _ = try index.block(at: index.count - 1)
        }
        // Damage to an id cannot be seen, so some open: the look-ups above were really tried.
        #expect(opened > 100)
    }

    /// The most address space that this process ever had, in bytes.
    private func peakAddressSpace() throws -> Int {
        let text = try FileContents.readText("/proc/self/status", limit: 65_536)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmPeak:") })
        return try #require(line.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) }) * 1024
    }

    private func expect(_ error: ImageIndexError, _ bytes: [UInt8]) {
        #expect(throws: error) { try IndexFixtures.open(bytes, in: folder) }
    }

    private func expectMalformed(_ parts: IndexFixtures.Parts) {
        let error = #expect(throws: ImageIndexError.self) {
            try IndexFixtures.open(IndexFixtures.bytes(parts), in: folder)
        }
        guard case .malformed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}

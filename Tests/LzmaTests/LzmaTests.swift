import Lzma
import Testing

@Suite struct LzmaTests {
    /// `printf abc | xz --check=crc32`: header, one block, index of 8 bytes, footer.
    private static let file: [UInt8] = [
        0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00, 0x00, 0x01, 0x69, 0x22, 0xDE, 0x36, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00,
        0x00,
        0x00, 0x74, 0x2F, 0xE5, 0xA3, 0x01, 0x00, 0x02, 0x61, 0x62, 0x63, 0x00, 0x00, 0xC2, 0x41, 0x24, 0x35, 0x00,
        0x01,
        0x17, 0x03, 0x07, 0x60, 0x0C, 0xBC, 0x90, 0x42, 0x99, 0x0D, 0x01, 0x00, 0x00, 0x00, 0x00, 0x01, 0x59, 0x5A,
    ]

    private func blocks(_ file: [UInt8], memory: UInt64 = 1 << 20) throws -> (blocks: [XZBlock], streamLength: UInt64) {
        try file[36..<44].withUnsafeBytes { try XZBlock.all(index: $0, memory: memory) }
    }

    private func decompressed(_ file: [UInt8], length: Int = 3, memory: UInt64 = 16 << 20) throws -> [UInt8] {
        let stream = try file.withUnsafeBytes { try XZStreamEnd(header: $0) }
        let block = try blocks(Self.file).blocks[0]
        var output = [UInt8](repeating: 0, count: length)
        try output.withUnsafeMutableBytes { output in
            try file[12..<36].withUnsafeBytes { try block.decompress($0, into: output, of: stream, memory: memory) }
        }
        return output
    }

    @Test func aFileIsReadFromItsEnd() throws {
        let file = Self.file
        let footer = try file.suffix(12).withUnsafeBytes { try XZStreamEnd(footer: $0) }
        #expect(footer.indexLength == 8)
        let header = try file.withUnsafeBytes { try XZStreamEnd(header: $0) }
        #expect(header.matches(footer))
        let found = try blocks(file)
        #expect(found.streamLength == 56)
        #expect(found.blocks.map(\.offset) == [12] && found.blocks.map(\.storedLength) == [24])
        #expect(found.blocks.map(\.contentOffset) == [0] && found.blocks.map(\.contentLength) == [3])
        #expect(try decompressed(file) == Array("abc".utf8))
    }

    /// Every byte of all parts is covered by a check, or says what must be so.
    @Test(arguments: 0..<56) func everyByteMatters(_ position: Int) throws {
        var file = Self.file
        file[position] ^= 0x11
        #expect(throws: LzmaError.self) {
            _ = try file.suffix(12).withUnsafeBytes { try XZStreamEnd(footer: $0) }
            _ = try blocks(file)
            _ = try decompressed(file)
        }
    }

    @Test func memoryAndOutputAreBounded() throws {
        #expect(throws: LzmaError.tooLarge) { try decompressed(Self.file, memory: 1000) }
        #expect(throws: LzmaError.tooLarge) { try blocks(Self.file, memory: 1) }
        #expect(throws: LzmaError.malformed) { try decompressed(Self.file, length: 2) }
    }

    @Test func aShortInputIsAnError() {
        #expect(throws: LzmaError.malformed) { try Self.file[0..<11].withUnsafeBytes { try XZStreamEnd(header: $0) } }
        #expect(throws: LzmaError.malformed) { try [UInt8]().withUnsafeBytes { try XZStreamEnd(footer: $0) } }
    }
}

import DiskImage
import Linux
import TestSupport
import Testing
import Zlib

/// Files that somebody made in order to do harm: an error, soon, and with little memory.
@Suite struct HostileQcow2Tests {
    /// Numbers to write, by their place in the file.
    struct Attack: Sendable, CustomTestStringConvertible {
        let name: String
        var words: [(offset: Int, value: UInt32)] = []
        var longs: [(offset: Int, value: UInt64)] = []

        var testDescription: String { name }
    }

    static let attacks = [
        Attack(name: "no cluster bits", words: [(20, 0)]),
        Attack(name: "8 cluster bits", words: [(20, 8)]),
        Attack(name: "22 cluster bits", words: [(20, 22)]),
        Attack(name: "63 cluster bits", words: [(20, 63)]),
        Attack(name: "all cluster bits", words: [(20, .max)]),
        Attack(name: "an endless extension", words: [(112, 0x6803_F857), (116, .max)]),
        Attack(name: "an extension past the cluster", words: [(112, 0x6803_F857), (116, 65_536)]),
        Attack(name: "a long header", words: [(100, 0xFFFF_FFF8)]),
        Attack(name: "an odd header", words: [(100, 105)]),
        Attack(name: "a huge first table", words: [(36, .max)]),
        Attack(name: "no first table", words: [(36, 0)]),
        Attack(name: "a first table that is too short", words: [(36, 1)], longs: [(24, 1 << 40)]),
        Attack(name: "a huge disk", longs: [(24, 1 << 63)]),
        Attack(name: "a disk of all bytes", longs: [(24, .max)]),
        Attack(name: "an empty disk", longs: [(24, 0)]),
        Attack(name: "half a sector", longs: [(24, 1000)]),
        Attack(name: "a first table past the end", longs: [(40, 1 << 40)]),
        Attack(name: "a first table at the last address", longs: [(40, ~0xFFFF)]),
        Attack(name: "a first table between clusters", longs: [(40, 0x30010)]),
        Attack(name: "a first table in the header", longs: [(40, 0)]),
        Attack(name: "a table past the end", longs: [(0x30000, 1 << 40)]),
        Attack(name: "a table that is cut off", longs: [(0x30000, 0x50000)]),
        Attack(name: "a table between clusters", longs: [(0x30000, 0x40200)]),
        Attack(name: "a first table of 32 MiB", words: [(20, 9), (36, 4 << 20)], longs: [(24, 128 << 30), (40, 512)]),
        Attack(name: "a first table of more", words: [(20, 9), (36, 8 << 20)], longs: [(24, 256 << 30), (40, 512)]),
        Attack(name: "a cluster past the end", longs: [(0x40000, 1 << 50)]),
        Attack(name: "a cluster between clusters", longs: [(0x40000, 0x50200)]),
        Attack(name: "a compressed cluster past the end", longs: [(0x40000, 1 << 62 | 1 << 53)]),
        Attack(name: "a compressed cluster of noise", longs: [(0x40000, 1 << 62 | 0xFF << 54 | 0x50000)]),
        Attack(name: "a compressed cluster in the last byte", longs: [(0x40000, 1 << 62 | 0xFF << 54 | 0x5FFFF)]),
        Attack(name: "compressed by something new", words: [(72, 0), (76, 8)], longs: [(104, 7 << 56)]),
        Attack(name: "two answers on compression", longs: [(104, 1 << 56)]),
    ]

    /// A version 3 file of 10 GiB: header, first table, one L2 table, and a cluster of noise.
    static func image() -> [UInt8] {
        var random = SeededRandom(seed: 1)
        var image = [UInt8](repeating: 0, count: 0x50000) + random.bytes(0x10000)
        image.put([0x51, 0x46, 0x49, 0xFB], at: 0)
        for (offset, value) in [(4, 3), (20, 16), (36, 20), (96, 4), (100, 112)] {
            image.put(UInt32(value), at: offset)
        }
        for (offset, value) in [(24, 10 << 30), (40, 0x30000), (0x30000, 0x40000 | 1 << 63), (0x40000, 0x50000)] {
            image.put(UInt64(bitPattern: Int64(value)), at: offset)
        }
        return image
    }

    @Test func theImageItselfIsRight() throws {
        let file = StoredFile(Self.image())
        let layout = try Qcow2Layout(file)
        #expect(try layout.bytes(in: 0..<65_536, of: file) == Array(file.contents[0x50000...]))
        #expect(try layout.bytes(in: (10 << 30) - 512..<10 << 30, of: file).allSatisfy { $0 == 0 })
    }

    @Test(arguments: attacks) func endsSoonWithAnError(_ attack: Attack) throws {
        var image = Self.image()
        for (offset, value) in attack.words { image.put(value, at: offset) }
        for (offset, value) in attack.longs { image.put(value, at: offset) }
        let file = StoredFile(image)
        let start = MonotonicClock.nanoseconds
        let error = #expect(throws: DiskImageError.self) {
            let layout = try Qcow2Layout(file)
            _ = try layout.bytes(in: 0..<65_536, of: file)
        }
        // A build for debugging, on a busy machine, is ten times as slow.
        #expect(MonotonicClock.nanoseconds - start < 500_000_000)
        // Memory is what was read, and as much again.
        #expect(file.bytesRead <= 32 << 20)
        #expect("\(try #require(error))".utf8.count < 200)
    }

    /// All of a table's entries are one cluster: each is decoded for itself, and costs what one costs.
    @Test func oneClusterMayStandForMany() throws {
        var image = Self.image()
        for entry in 0..<8192 { image.put(UInt64(0x50000), at: 0x40000 + 8 * entry) }
        let file = StoredFile(image)
        let layout = try Qcow2Layout(file)
        #expect(try layout.bytes(in: 65_536 * 8191..<65_536 * 8192, of: file) == Array(file.contents[0x50000...]))
    }

    /// A table may lie on anything: whatever is read as one, no read crashes or leaves the file.
    @Test(arguments: [0, 0x30000, 0x40000, 0x50000]) func anythingMayBeATable(_ offset: UInt64) throws {
        var image = Self.image()
        image.put(offset == 0 ? 1 << 9 : offset, at: 0x30000 + 8)
        image.put(offset, at: 0x30000)
        let file = StoredFile(image)
        guard let layout = try? Qcow2Layout(file) else { return }
        for cluster in 0..<8192 as Range<UInt64> {
            // An error is as good as bytes.
            _ = try? layout.bytes(in: cluster << 16..<cluster << 16 + 512, of: file)
        }
    }

    /// 16 MiB in some KiB: it ends with the cluster.
    @Test func whatUnpacksToMoreThanAClusterIsCut() throws {
        let zeros = [UInt8](repeating: 0, count: 16 << 20)
        var packed = [UInt8](repeating: 0, count: Zlib.bound(zeros.count))
        let count = try packed.withUnsafeMutableBytes { output in
            try zeros.withUnsafeBytes { try Zlib.compress($0, into: output) }
        }
        var image = Self.image()
        // Without zlib's own header it is bare deflate data.
        image.replaceSubrange(0x50000..<0x50000 + count - 2, with: packed[2..<count])
        image.put(UInt64(1) << 62 | 0x7F << 54 | 0x50000, at: 0x40000)
        let file = StoredFile(image)
        #expect(try Qcow2Layout(file).bytes(in: 0..<65_536, of: file).allSatisfy { $0 == 0 })
    }
}

extension [UInt8] {
    /// Writes a number, most significant byte first.
    mutating func put(_ value: some FixedWidthInteger, at offset: Int) {
        Swift.withUnsafeBytes(of: value.bigEndian) { replaceSubrange(offset..<offset + $0.count, with: $0) }
    }

    fileprivate mutating func put(_ bytes: [UInt8], at offset: Int) {
        replaceSubrange(offset..<offset + bytes.count, with: bytes)
    }
}

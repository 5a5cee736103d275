import DiskImage
import Linux
import Synchronization

/// A file in memory, which counts what is read of it.
struct StoredFile: DiskFile {
    private final class Counter: Sendable {
        let bytes = Atomic(0)
    }

    var contents: [UInt8]
    private let counter = Counter()

    init(_ contents: [UInt8]) { self.contents = contents }

    init(path: String) throws { contents = try StoredFile.read(path) }

    /// A whole file, without a loop over its bytes: in a build for debugging that takes seconds.
    static func read(_ path: String) throws -> [UInt8] {
        let file = try FileHandle(path, for: .reading)
        let size = Int(try file.status().size)
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
        }
    }

    var bytesRead: Int { counter.bytes.load(ordering: .relaxed) }

    var size: UInt64 { UInt64(contents.count) }

    func bytes(in range: Range<UInt64>) -> [UInt8] {
        precondition(range.upperBound <= size, "a layout asks for what is not in the file")
        counter.bytes.add(range.count, ordering: .relaxed)
        return Array(contents[Int(range.lowerBound)..<Int(range.upperBound)])
    }
}

extension DiskLayout {
    /// Reads a range of the disk, part by part.
    func bytes(in range: Range<UInt64>, of file: StoredFile, by decoder: UnitDecoder = UnitDecoder()) throws -> [UInt8]
    {
        var finding = try find(range)
        var rounds = 0
        while case .tables(let tables) = finding {
            rounds += 1
            precondition(rounds < 3, "tables that were taken are wanted again")
            for table in tables {
                try file.bytes(in: table).withUnsafeBytes { try take(table: table, $0) }
            }
            finding = try find(range)
        }
        guard case .parts(let parts) = finding else { return [] }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for part in parts {
            switch part.source {
            case .zeros: bytes += [UInt8](repeating: 0, count: part.count)
            case .stored(let offset): bytes += file.bytes(in: offset..<offset + UInt64(part.count))
            case .unit(let unit, let from):
                var output = [UInt8](repeating: 0xEE, count: unit.length)
                try output.withUnsafeMutableBytes { output in
                    try file.bytes(in: unit.stored).withUnsafeBytes {
                        try decode(unit, $0, into: output, by: decoder)
                    }
                }
                bytes += output[from..<from + part.count]
            }
        }
        return bytes
    }

    /// Compares the disk with a raw one, in pieces of a length that fits no cluster.
    /// - Returns: where the first piece that differs begins; nil when all are equal.
    func firstDifference(from raw: [UInt8], of file: StoredFile) throws -> UInt64? {
        guard diskSize == UInt64(raw.count) else { return diskSize }
        let decoder = UnitDecoder()
        for start in stride(from: 0, to: diskSize, by: 3_000_000) {
            let range = start..<min(start + 3_000_000, diskSize)
            let expected = raw[Int(range.lowerBound)..<Int(range.upperBound)]
            let isEqual = try bytes(in: range, of: file, by: decoder) == Array(expected)
            if !isEqual { return start }
        }
        return nil
    }
}

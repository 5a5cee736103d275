import DiskImage
import Linux

/// The disk in a qcow2 file of the publisher's own, read where it lies. Any thread may use it.
final class Qcow2Disk: Sendable {
    /// Bytes of the disk that are looked up at once for where its data lies.
    private static let step: UInt64 = 16 << 20

    let file: ImageSource
    private let layout: Qcow2Layout
    /// Bytes of the disk.
    var size: UInt64 { layout.diskSize }

    /// - Throws: ``PublisherError``.
    init(_ file: ImageSource) throws(PublisherError) {
        self.file = file
        layout = try Qcow2Disk.reading(file) { try Qcow2Layout(file) }
    }

    /// The next bytes that may differ from zero at or after `offset`; nil when none are left.
    func data(from offset: UInt64) -> Range<UInt64>? {
        do {
            return try find(from: offset)
        } catch {
            // What is wrong with the file is found again when it is read.
            return offset..<size
        }
    }

    private func find(from offset: UInt64) throws -> Range<UInt64>? {
        var (position, start) = (offset, nil as UInt64?)
        while position < size {
            for part in try parts(of: position..<min(size, position + Qcow2Disk.step)) {
                let isZero = part.source == .zeros
                if isZero, let start { return start..<position }
                if !isZero, start == nil { start = position }
                position += UInt64(part.count)
            }
        }
        return start.map { $0..<size }
    }

    /// Fills the buffer.
    /// - Throws: ``PublisherError``.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(PublisherError) {
        guard !buffer.isEmpty else { return }
        try Qcow2Disk.reading(file) {
            let decoder = UnitDecoder()
            var done = 0
            for part in try parts(of: offset..<offset + UInt64(buffer.count)) {
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + part.count])
                switch part.source {
                case .zeros: target.initializeMemory(as: UInt8.self, repeating: 0)
                case .stored(let place): try file.read(into: target, at: place)
                case .unit(let unit, let from):
                    var bytes = [UInt8](repeating: 0, count: unit.length)
                    let stored = try file.bytes(in: unit.stored)
                    try bytes.withUnsafeMutableBytes { output in
                        try stored.withUnsafeBytes { try layout.decode(unit, $0, into: output, by: decoder) }
                    }
                    target.copyBytes(from: bytes[from..<from + part.count])
                }
                done += part.count
            }
        }
    }

    private func parts(of range: Range<UInt64>) throws -> [DiskPart] {
        // Tables are kept for a while: by the third look all that this range needs are there.
        for _ in 0..<3 {
            switch try layout.find(range) {
            case .parts(let parts): return parts
            case .tables(let tables):
                for table in tables { try file.bytes(in: table).withUnsafeBytes { try layout.take(table: table, $0) } }
            }
        }
        throw DiskImageError.malformed(reason: "its tables are too large")
    }

    private static func reading<Result>(
        _ file: ImageSource, _ body: () throws -> Result
    ) throws(PublisherError) -> Result {
        do {
            return try body()
        } catch let error as PublisherError {
            throw error
        } catch let error as DiskImageError {
            throw .image(
                path: file.path,
                .other(
                    "a qcow2 image that cannot be read in parts: \(error.reason)",
                    cure: "publish it without --changed-since, which converts it"))
        } catch {
            throw .image(path: file.path, .other("a file that cannot be read: \(words(of: error))", cure: "try again"))
        }
    }
}

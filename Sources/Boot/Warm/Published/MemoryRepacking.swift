import ContentAddress
import Linux
import Zstd

/// Packs a memory again, for those who fetch it: slowly and small. It stays a ``MemoryFile``, which any zstd program unpacks.
enum MemoryRepacking {
    /// Bytes of a frame's content: what packing looks back at, and unpacking needs as memory.
    private static let frame = 8 << 20
    private static let level = 19

    /// - Parameters:
    ///   - source: a memory as ``MemoryFile`` writes it.
    ///   - path: of the new file (0600).
    ///   - look: sees what it unpacks to, piece by piece; what it throws ends the work.
    /// - Returns: what was written.
    /// - Throws: ``SystemCallError``, `ZstdError`, what `look` throws.
    static func repack(
        _ source: String, to path: String, look: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> MemoryFile.Written {
        let memory = try FileHandle(source, for: .reading, .refuseLink)
        let size = try memory.status().size
        memory.willBeReadInOrder()
        var packing = Packing(
            try FileHandle(path, for: .writing, [.createNew, .refuseLink], mode: 0o600),
            try ZstdCompressor(level: level))
        let stream = try ZstdStream(windowBits: 27)
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { input.deallocate() }
        var offset = 0
        while offset < size {
            let count = try memory.read(into: input, at: offset)
            if count == 0 { break }
            offset += count
            try unpack(UnsafeRawBufferPointer(rebasing: input[..<count]), stream) { piece in
                try look(piece)
                try packing.add(piece)
            }
        }
        guard stream.isBetween else { throw ZstdError.malformed(reason: "it is cut off") }
        return try packing.finish()
    }

    /// Unpacks the next bytes of a file.
    private static func unpack(
        _ packed: UnsafeRawBufferPointer, _ stream: ZstdStream, _ take: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
        defer { output.deallocate() }
        var (used, written) = (0, output.count)
        // What fills all the room may not be all that there is.
        while used < packed.count || written == output.count {
            let step = try stream.take(UnsafeRawBufferPointer(rebasing: packed[used...]), into: output)
            if step.used + step.written == 0 { return }
            used += step.used
            written = step.written
            try take(UnsafeRawBufferPointer(rebasing: output[..<written]))
        }
    }

    /// The new file, frame by frame.
    private struct Packing: ~Copyable {
        private let file: FileHandle
        private let compressor: ZstdCompressor
        private let content = UnsafeMutableRawBufferPointer.allocate(byteCount: frame, alignment: 64)
        private let packed = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ZstdCompressor.bound(frame), alignment: 64)
        private var filled = 0
        private var written = MemoryFile.Written()
        private var hasher = FileHasher()

        init(_ file: FileHandle, _ compressor: ZstdCompressor) { (self.file, self.compressor) = (file, compressor) }

        deinit {
            content.deallocate()
            packed.deallocate()
        }

        mutating func add(_ bytes: UnsafeRawBufferPointer) throws {
            var position = 0
            while position < bytes.count {
                let count = min(bytes.count - position, content.count - filled)
                let part = UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
                UnsafeMutableRawBufferPointer(rebasing: content[filled..<filled + count]).copyMemory(from: part)
                filled += count
                position += count
                if filled == content.count { try writeFrame() }
            }
        }

        mutating func finish() throws -> MemoryFile.Written {
            if filled > 0 { try writeFrame() }
            try file.sync()
            written.digest = hasher.finalize().description
            return written
        }

        private mutating func writeFrame() throws {
            let count = try compressor.compress(UnsafeRawBufferPointer(rebasing: content[..<filled]), into: packed)
            let frame = UnsafeRawBufferPointer(rebasing: packed[..<count])
            try file.write(frame)
            hasher.update(frame)
            written.size += UInt64(count)
            written.content += UInt64(filled)
            filled = 0
        }
    }
}

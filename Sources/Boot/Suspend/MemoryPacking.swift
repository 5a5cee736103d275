import ContentAddress
import Linux
import Zstd

/// Packs a memory into a new file (0600), frame by frame.
struct MemoryPacking: ~Copyable {
    private let file: FileHandle
    private let compressor: ZstdCompressor
    private let content: UnsafeMutableRawBufferPointer
    private let packed: UnsafeMutableRawBufferPointer
    private var filled = 0
    private var hasher = FileHasher()
    private(set) var written = MemoryFile.Written()

    /// - Parameters:
    ///   - frame: bytes of a frame's content: what packing looks back at, and unpacking needs as memory.
    ///   - level: zstd's.
    /// - Throws: ``SystemCallError``, `ZstdError`.
    init(to path: String, frame: Int, level: Int) throws {
        let file = try FileHandle(path, for: .writing, [.createNew, .refuseLink], mode: 0o600)
        let compressor = try ZstdCompressor(level: level)
        (self.file, self.compressor) = (file, compressor)
        content = UnsafeMutableRawBufferPointer.allocate(byteCount: frame, alignment: 64)
        packed = UnsafeMutableRawBufferPointer.allocate(byteCount: ZstdCompressor.bound(frame), alignment: 64)
    }

    deinit {
        content.deallocate()
        packed.deallocate()
    }

    /// Where the next bytes go; never empty.
    var room: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: content[filled...]) }

    /// Takes bytes that stand in ``room`` now.
    /// - Returns: whether a frame was written.
    /// - Throws: ``SystemCallError``, `ZstdError`.
    mutating func fill(_ count: Int) throws -> Bool {
        filled += count
        return try filled == content.count && writeFrame()
    }

    /// - Throws: ``SystemCallError``, `ZstdError`.
    mutating func add(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(room.count))
            room.copyMemory(from: part)
            _ = try fill(part.count)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
        }
    }

    /// Writes what is left as a frame of its own.
    /// - Returns: whether there was something.
    /// - Throws: ``SystemCallError``, `ZstdError`.
    mutating func flush() throws -> Bool { try filled > 0 && writeFrame() }

    /// Returns when all of it is on the disk.
    /// - Throws: ``SystemCallError``, `ZstdError`.
    mutating func finish() throws -> MemoryFile.Written {
        _ = try flush()
        try file.sync()
        written.digest = hasher.finalize().description
        return written
    }

    private mutating func writeFrame() throws -> Bool {
        let count = try compressor.compress(UnsafeRawBufferPointer(rebasing: content[..<filled]), into: packed)
        let frame = UnsafeRawBufferPointer(rebasing: packed[..<count])
        try file.write(frame)
        hasher.update(frame)
        written.size += UInt64(count)
        written.content += UInt64(filled)
        filled = 0
        return true
    }
}

/// Unpacks a memory, piece by piece.
struct MemoryUnpacking: ~Copyable {
    private let stream: ZstdStream
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)

    /// - Throws: `ZstdError`.
    init() throws {
        let stream = try ZstdStream(windowBits: 27)
        self.stream = stream
    }

    deinit { output.deallocate() }

    /// Whether all that came so far is whole.
    var isBetween: Bool { stream.isBetween }

    /// Unpacks the next bytes of the file.
    /// - Returns: whether all of them were of use.
    /// - Throws: `ZstdError`, what `body` throws.
    func take(_ packed: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Void) throws -> Bool {
        var used = 0
        var written = output.count
        // What fills all the room may not be all that there is.
        while used < packed.count || written == output.count {
            let step = try stream.take(UnsafeRawBufferPointer(rebasing: packed[used...]), into: output)
            if step.used + step.written == 0 { return used == packed.count }
            used += step.used
            written = step.written
            if written > 0 { try body(UnsafeRawBufferPointer(rebasing: output[..<written])) }
        }
        return true
    }
}

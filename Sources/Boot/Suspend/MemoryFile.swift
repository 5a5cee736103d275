import ContentAddress
import Linux
import Zstd

/// A guest's memory in a file: what QEMU wrote, packed by zstd in frames of a MiB, which any zstd program unpacks. Its digest is made while
/// it is written, and compared while it is read.
enum MemoryFile {
    /// What was written.
    struct Written: Sendable {
        /// Bytes of the file, and of what it unpacks to.
        var size: UInt64 = 0
        var content: UInt64 = 0
        /// `sha256:…` of the file.
        var digest = ""
    }

    /// Bytes of a frame's content.
    private static let frame = 1 << 20
    /// The quickest level that halves most memory: the guest stands still meanwhile.
    private static let level = 1

    /// Reads a pipe to its end into a new file (0600), which is on the disk afterwards.
    /// - Parameter progress: called after each frame with the bytes of the file; what it throws ends it.
    /// - Throws: ``SystemCallError``, `ZstdError`, what `progress` throws.
    static func write(
        from pipe: FileHandle, to path: String, progress: (UInt64) throws -> Void = { _ in }
    ) throws -> Written {
        let file = try FileHandle(path, for: .writing, [.createNew, .refuseLink], mode: 0o600)
        let compressor = try ZstdCompressor(level: level)
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: frame, alignment: 64)
        let output = UnsafeMutableRawBufferPointer.allocate(
            byteCount: ZstdCompressor.bound(frame), alignment: 64)
        defer {
            input.deallocate()
            output.deallocate()
        }
        var (written, hasher, filled, isOver) = (Written(), FileHasher(), 0, false)
        while !isOver {
            switch try pipe.receive(into: UnsafeMutableRawBufferPointer(rebasing: input[filled...])) {
            case .bytes(let count): filled += count
            case .end: isOver = true
            case .nothingYet: MonotonicClock.pause(milliseconds: 1)
            }
            guard filled == frame || isOver && filled > 0 else { continue }
            let count = try compressor.compress(UnsafeRawBufferPointer(rebasing: input[..<filled]), into: output)
            let packed = UnsafeRawBufferPointer(rebasing: output[..<count])
            try file.write(packed)
            hasher.update(packed)
            written.size += UInt64(count)
            written.content += UInt64(filled)
            filled = 0
            try progress(written.size)
        }
        try file.sync()
        written.digest = hasher.finalize().description
        return written
    }

    /// Writes what a file unpacks to into a pipe.
    /// - Parameter id: of the guest, for errors.
    /// - Throws: ``SystemCallError``, EPIPE where nobody reads any more; ``SuspendError/damaged(_:path:reason:)`` where it is not what was
    ///   written, also after all of it was given.
    static func feed(_ path: String, _ memory: SuspendRecord.Memory, id: String, to pipe: FileHandle) throws {
        try feed(try open(path, id), at: path, memory, id: id, to: pipe)
    }

    /// The same of a file that is open.
    /// - Parameter path: for errors.
    static func feed(
        _ file: FileHandle, at path: String, _ memory: SuspendRecord.Memory, id: String, to pipe: FileHandle
    ) throws {
        let size = try file.status().size
        if UInt64(clamping: size) != memory.size { throw damaged(id, path, "it has been cut or changed") }
        file.willBeReadInOrder()
        var unpacking = try Unpacking(memory, pipe)
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { input.deallocate() }
        var offset = 0
        while offset < size {
            let count = try file.read(into: input, at: offset)
            if count == 0 { break }
            offset += count
            let isSound = try unpacking.take(UnsafeRawBufferPointer(rebasing: input[..<count]))
            if !isSound { throw damaged(id, path, "it has been changed") }
        }
        if !unpacking.isWhole { throw damaged(id, path, "it is not what was written") }
    }

    private static func open(_ path: String, _ id: String) throws -> FileHandle {
        do throws(SystemCallError) {
            return try FileHandle(path, for: .reading, [.refuseLink, .nonblocking])
        } catch {
            if error.isAbsent { throw damaged(id, path, "it is not there") }
            throw error
        }
    }

    private static func damaged(_ id: String, _ path: String, _ reason: String) -> SuspendError {
        .damaged(id, path: path, reason: reason)
    }
}

/// A memory that is unpacked into a pipe, piece by piece.
private struct Unpacking: ~Copyable {
    private let memory: SuspendRecord.Memory
    private let pipe: FileHandle
    private let stream: ZstdStream
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    private var hasher = FileHasher()
    private var content: UInt64 = 0

    init(_ memory: SuspendRecord.Memory, _ pipe: FileHandle) throws {
        (self.memory, self.pipe) = (memory, pipe)
        stream = try ZstdStream(windowBits: 27)
    }

    deinit { output.deallocate() }

    /// Unpacks the next bytes of the file.
    /// - Returns: false where they are none that zstd wrote, or too many.
    /// - Throws: ``SystemCallError`` of the pipe.
    mutating func take(_ packed: UnsafeRawBufferPointer) throws -> Bool {
        hasher.update(packed)
        var used = 0
        var written = output.count
        // What fills all the room may not be all that there is.
        while used < packed.count || written == output.count {
            let rest = UnsafeRawBufferPointer(rebasing: packed[used...])
            // Whatever zstd says of it, it has been changed.
            guard let step = try? stream.take(rest, into: output) else { return false }
            if step.used + step.written == 0 { return used == packed.count }
            used += step.used
            written = step.written
            content += UInt64(written)
            if content > memory.content { return false }
            if written > 0 { try pipe.write(UnsafeRawBufferPointer(rebasing: output[..<written])) }
        }
        return true
    }

    /// Whether all came, and is what was written.
    var isWhole: Bool {
        stream.isBetween && content == memory.content && hasher.finalize().description == memory.digest
    }
}

import ContentAddress
import GuestDomain
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
        var packing = try MemoryPacking(to: path, frame: frame, level: level)
        while true {
            var isWritten = false
            switch try pipe.receive(into: packing.room) {
            case .bytes(let count): isWritten = try packing.fill(count)
            case .end:
                if try packing.flush() { try progress(packing.written.size) }
                return try packing.finish()
            case .nothingYet: MonotonicClock.pause(milliseconds: 1)
            }
            if isWritten { try progress(packing.written.size) }
        }
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
    private let unpacking: MemoryUnpacking
    private var hasher = FileHasher()
    private var content: UInt64 = 0

    private struct TooLong: Error {}

    init(_ memory: SuspendRecord.Memory, _ pipe: FileHandle) throws {
        (self.memory, self.pipe) = (memory, pipe)
        unpacking = try MemoryUnpacking()
    }

    /// Unpacks the next bytes of the file.
    /// - Returns: false where they are none that zstd wrote, or too many.
    /// - Throws: ``SystemCallError`` of the pipe.
    mutating func take(_ packed: UnsafeRawBufferPointer) throws -> Bool {
        hasher.update(packed)
        var content = content
        defer { self.content = content }
        do {
            return try unpacking.take(packed) { [memory, pipe] piece in
                content += UInt64(piece.count)
                if content > memory.content { throw TooLong() }
                try pipe.write(piece)
            }
        } catch is ZstdError, is TooLong {
            // Whatever zstd says of it, it has been changed.
            return false
        }
    }

    /// Whether all came, and is what was written.
    var isWhole: Bool {
        unpacking.isBetween && content == memory.content && hasher.finalize().description == memory.digest
    }
}

extension RunningGuest {
    /// Saves the memory of a guest that is paused into a new file, for as long as the disk has room for it.
    /// - Parameter progress: hears how many bytes are written.
    /// - Throws: as ``MemoryFile/write(from:to:progress:)`` and ``saveMemory(_:isCancelled:)``.
    func saveMemory(
        as path: String, _ reserve: DiskReserve, progress: @escaping @Sendable (UInt64) -> Void,
        isCancelled: @escaping @Sendable () -> Bool
    ) async throws -> MemoryFile.Written {
        let written = Monitor(MemoryFile.Written())
        try await saveMemory(
            { pipe in
                let result = try MemoryFile.write(from: pipe, to: path) { bytes in
                    try reserve.checkRoom(for: path)
                    progress(bytes)
                }
                written.change { $0 = result }
            }, isCancelled: isCancelled)
        return written.change { $0 }
    }
}

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
        var packing = try MemoryPacking(to: path, frame: frame, level: level)
        let unpacking = try MemoryUnpacking()
        let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
        defer { input.deallocate() }
        var offset = 0
        while offset < size {
            let count = try memory.read(into: input, at: offset)
            if count == 0 { break }
            offset += count
            let isOfUse = try unpacking.take(UnsafeRawBufferPointer(rebasing: input[..<count])) { piece in
                try look(piece)
                try packing.add(piece)
            }
            guard isOfUse else { break }
        }
        guard offset == size, unpacking.isBetween else { throw ZstdError.malformed(reason: "it is cut off") }
        return try packing.finish()
    }
}

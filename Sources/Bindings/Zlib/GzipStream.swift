import CZlib

/// A gzip file (RFC 1952) that is decompressed from its beginning to its end, of one member or several. One thread at a time may use it.
///
/// The library compares each member's check sum and length.
package final class GzipStream {
    // In memory of its own: zlib remembers where it lies.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    /// The largest window, and a gzip header.
    private static let windowBits: Int32 = 15 + 16
    /// That of a member.
    private static let firstByte: UInt8 = 0x1F
    /// Whether something follows the last member.
    private var isFollowed = false
    /// Whether a member has ended, and no other has begun.
    package private(set) var isBetween = false

    /// - Throws: ``Zlib/Failure/outOfMemory``.
    package init() throws(Zlib.Failure) {
        stream.initialize(to: z_stream())
        let code = inflateInit2_(stream, GzipStream.windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        // The deinit runs: all members are set. Ending what was not begun is harmless.
        guard code == Z_OK else { throw .outOfMemory }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Decompresses the next bytes of the file, as far as there is room.
    /// - Returns: how many bytes of both were used.
    /// - Throws: ``Zlib/Failure``.
    package func take(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Zlib.Failure) -> (used: Int, written: Int) {
        if isBetween {
            guard let first = input.first else { return (0, 0) }
            // What follows and is no member is not looked at, as gzip has it: zeros to fill up a tape, notes of who built the file.
            if isFollowed || first != GzipStream.firstByte {
                isFollowed = true
                return (input.count, 0)
            }
            guard inflateReset(stream) == Z_OK else { throw .outOfMemory }
            isBetween = false
        }
        // zlib does not write to its input.
        stream.pointee.next_in = UnsafeMutableRawPointer(mutating: input.baseAddress)?
            .assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(output.count)
        let code = inflate(stream, Z_NO_FLUSH)
        switch code {
        case Z_STREAM_END: isBetween = true
        // Nothing can be done without more of one of them.
        case Z_OK, Z_BUF_ERROR: break
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .malformed
        }
        return (input.count - Int(stream.pointee.avail_in), output.count - Int(stream.pointee.avail_out))
    }
}

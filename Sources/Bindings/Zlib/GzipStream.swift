import CZlib

/// A gzip file (RFC 1952) that is decompressed from its beginning to its end, of one member or several. One thread at a time may use it.
///
/// The library compares each member's check sum and length.
package final class GzipStream {
    private let inflater: Inflater
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
        inflater = try Inflater(windowBits: GzipStream.windowBits)
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
            try inflater.reset()
            isBetween = false
        }
        let (code, used, written) = inflater.run(input, into: output, Z_NO_FLUSH)
        switch code {
        case Z_STREAM_END: isBetween = true
        // Nothing can be done without more of one of them.
        case Z_OK, Z_BUF_ERROR: break
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .malformed
        }
        return (used, written)
    }
}

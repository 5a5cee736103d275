import CZlib

/// zlib's streams (RFC 1950), whole ones at a time.
package enum Zlib {
    /// What zlib said about bytes it could not work on.
    package enum Failure: Error, Sendable, Equatable {
        /// No zlib stream, or a broken or truncated one.
        case malformed
        /// The stream holds more than `limit` bytes.
        case tooLarge(limit: Int)
        case outOfMemory
    }

    /// The most bytes that compressing `count` bytes can give.
    package static func bound(_ count: Int) -> Int { Int(compressBound(UInt(count))) }

    /// Compresses into one stream.
    /// - Parameter output: at least ``bound(_:)`` bytes.
    /// - Returns: bytes written to `output`.
    package static func compress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> Int {
        var count = UInt(output.count)
        let code = compress2(
            output.baseAddress?.assumingMemoryBound(to: UInt8.self), &count,
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(input.count), Z_DEFAULT_COMPRESSION)
        guard code == Z_OK else { throw .outOfMemory }
        return Int(count)
    }

    /// Decompresses one whole stream; output never goes past `output`, so a bomb costs no memory.
    /// - Returns: bytes written to `output`.
    package static func decompress(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> Int {
        var count = UInt(output.count)
        var used = UInt(input.count)
        let code = uncompress2(
            output.baseAddress?.assumingMemoryBound(to: UInt8.self), &count,
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), &used)
        switch code {
        case Z_OK: return Int(count)
        case Z_MEM_ERROR: throw .outOfMemory
        // Room for all of the output was left: then it is the input that ended early.
        case Z_BUF_ERROR where count == UInt(output.count): throw .tooLarge(limit: output.count)
        default: throw .malformed
        }
    }
}

extension Zlib.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed: "it is not a whole zlib stream"
        case .tooLarge(let limit): "it unpacks to more than \(limit) bytes"
        case .outOfMemory: "there is not enough memory for it"
        }
    }
}

/// A reusable decompressor of bare deflate data (RFC 1951). One thread at a time may use it.
package final class RawInflater {
    private let inflater: Inflater
    /// The largest window; data that was made with a smaller one can be read with it.
    private static let windowBits: Int32 = -15

    /// - Throws: ``Zlib/Failure/outOfMemory``.
    package init() throws(Zlib.Failure) {
        inflater = try Inflater(windowBits: RawInflater.windowBits)
    }

    /// Fills all of `output`; whatever the input holds behind that is not looked at.
    /// - Throws: ``Zlib/Failure/malformed`` also when the data gives less.
    package func fill(
        _ output: UnsafeMutableRawBufferPointer, from input: UnsafeRawBufferPointer
    ) throws(Zlib.Failure) {
        try inflater.reset()
        let (code, _, written) = inflater.run(input, into: output, Z_FINISH)
        // More data than room is no fault: it is the next cluster's.
        guard code == Z_STREAM_END || code == Z_BUF_ERROR, written == output.count else {
            throw code == Z_MEM_ERROR ? .outOfMemory : .malformed
        }
    }
}

/// What zlib keeps between two calls. One thread at a time may use it.
final class Inflater {
    // In memory of its own: zlib remembers where it lies.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)

    /// - Parameter windowBits: of the window, and which header there is, as inflateInit2 has it.
    /// - Throws: ``Zlib/Failure/outOfMemory``.
    init(windowBits: Int32) throws(Zlib.Failure) {
        stream.initialize(to: z_stream())
        let code = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        // The deinit runs: all members are set. Ending what was not begun is harmless.
        guard code == Z_OK else { throw .outOfMemory }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Begins anew.
    /// - Throws: ``Zlib/Failure/outOfMemory``.
    func reset() throws(Zlib.Failure) {
        guard inflateReset(stream) == Z_OK else { throw .outOfMemory }
    }

    /// - Returns: zlib's code, and how many bytes of both were used.
    func run(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, _ flush: Int32
    ) -> (code: Int32, used: Int, written: Int) {
        // zlib does not write to its input.
        stream.pointee.next_in = UnsafeMutableRawPointer(mutating: input.baseAddress)?
            .assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(output.count)
        let code = inflate(stream, flush)
        return (code, input.count - Int(stream.pointee.avail_in), output.count - Int(stream.pointee.avail_out))
    }
}

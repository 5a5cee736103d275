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

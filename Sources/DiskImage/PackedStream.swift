import Formats
import Lzma
import Zlib
import Zstd

/// A file that is packed as a whole, so that it can only be unpacked from its beginning to its end. One thread at a time may use it.
///
/// Nothing grows with what is in it: memory is bounded by the format's own window, and whoever takes the output stops when it is too much.
package final class PackedStream {
    /// By the usual end of a file's name.
    package enum Packing: String, Sendable, Hashable, CaseIterable {
        case gz, xz, zst
    }

    /// The most bytes that a packed file of so many unpacks to: more is a bomb. A disk that is nearly empty packs to much less than it
    /// is, so that small files have room.
    package static func usualMost(ofFile size: UInt64) -> UInt64 {
        min(DiskBounds.longestDisk, max(4 << 30, min(size, DiskBounds.longestDisk) * 250))
    }

    private enum Decoder {
        case gz(GzipStream)
        case xz(XZStream)
        case zst(ZstdStream)
    }

    /// What decompressing may need, in bytes: `xz -9` needs 65 MiB, and `zstd --ultra -22` 128.
    private static let memory: UInt64 = 256 << 20
    private static let windowBits: Int32 = 27
    private static let outputLength = 1 << 20

    private let decoder: Decoder
    private let most: UInt64
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: outputLength, alignment: 4096)
    /// Bytes that have come out.
    package private(set) var written: UInt64 = 0

    /// - Parameter most: bytes that it may unpack to.
    /// - Throws: ``DiskImageError``.
    package init(_ packing: Packing, most: UInt64) throws(DiskImageError) {
        self.most = most
        do {
            decoder =
                switch packing {
                case .gz: .gz(try GzipStream())
                case .xz: .xz(try XZStream(memory: PackedStream.memory))
                case .zst: .zst(try ZstdStream(windowBits: PackedStream.windowBits))
                }
        } catch {
            output.deallocate()
            throw .unsupported(reason: "\(error)")
        }
    }

    deinit { output.deallocate() }

    /// Unpacks the next bytes of the file.
    /// - Parameters:
    ///   - isLast: whether nothing follows them. The file must have ended then.
    ///   - body: called with each part of what comes out, for the duration of the call; what it throws ends this.
    /// - Throws: ``DiskImageError``: malformed where it is damaged or cut off, unsupported where it is too large; what `body` throws.
    package func take(
        _ input: UnsafeRawBufferPointer, isLast: Bool, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var rest = input
        while true {
            let (used, count) = try step(rest, isLast: isLast)
            rest = UnsafeRawBufferPointer(rebasing: rest[used...])
            written += UInt64(count)
            guard written <= most else {
                throw DiskImageError.unsupported(
                    reason: "it unpacks to more than \(ByteCount.text(most)), which no file of its size should")
            }
            if count > 0 { try body(UnsafeRawBufferPointer(rebasing: output[..<count])) }
            if rest.isEmpty, count < output.count { break }
            guard used > 0 || count > 0 else { throw DiskImageError.malformed(reason: "something follows its end") }
        }
        guard isLast, !isAtEnd else { return }
        throw DiskImageError.malformed(reason: "it is cut off")
    }

    private var isAtEnd: Bool {
        switch decoder {
        case .gz(let stream): stream.isBetween
        case .xz(let stream): stream.isAtEnd
        case .zst(let stream): stream.isBetween
        }
    }

    private func step(
        _ input: UnsafeRawBufferPointer, isLast: Bool
    ) throws(DiskImageError) -> (used: Int, written: Int) {
        do {
            switch decoder {
            case .gz(let stream): return try stream.take(input, into: output)
            case .xz(let stream): return try stream.take(input, isLast: isLast, into: output)
            case .zst(let stream): return try stream.take(input, into: output)
            }
        } catch LzmaError.tooLarge {
            throw .unsupported(reason: "unpacking it needs more than \(ByteCount.text(PackedStream.memory)) of memory")
        } catch Zlib.Failure.malformed {
            throw .malformed(reason: "it is not gzip, or damaged")
        } catch {
            throw .malformed(reason: "\(error)")
        }
    }
}

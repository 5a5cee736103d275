import Crypto
import Formats

/// Names the pieces of a file whose pieces nobody has named: what their ids begin with.
///
/// Such an id says where a piece belongs and nothing of its bytes: 24 bytes of the SHA-256 of what is known of the file, and the piece's
/// number, big-endian, in the last eight.
package struct PieceKey: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64)

    /// A file of which the digest is known, as `sha256:HEX` or `sha512:HEX`.
    package init(digest: String) { self.init(text: "digest \(digest)") }

    /// A file of which only this is known.
    /// - Parameter time: its time as its server says it; empty where it says none.
    package init(url: String, size: UInt64, time: String) { self.init(text: "file \(url) \(size) \(time)") }

    private init(text: String) {
        self.init(of: BlockID(digest: SHA256.hash(data: Array(text.utf8))))
    }

    /// What an id begins with.
    package init(of id: BlockID) {
        words = id.withUnsafeBytes {
            (
                $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                $0.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
            )
        }
    }

    /// Bytes of a key.
    package static let byteCount = 24

    /// Copies 24 bytes.
    /// - Precondition: `bytes` holds at least so many.
    package init(bytes: UnsafeRawBufferPointer) {
        words = (
            bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
        )
    }

    /// The made-up id of a piece.
    package func id(of piece: Int) -> BlockID {
        Swift.withUnsafeBytes(of: (words.0, words.1, words.2, UInt64(piece).bigEndian)) { BlockID(bytes: $0) }
    }

    /// The number of the piece that an id stands for; nil when it is none of this file's.
    package func piece(of id: BlockID) -> Int? {
        guard PieceKey(of: id) == self else { return nil }
        return id.withUnsafeBytes {
            Int(exactly: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: PieceKey.byteCount, as: UInt64.self)))
        }
    }

    /// Gives the 24 bytes for the duration of the call.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try Swift.withUnsafeBytes(of: words) { try body($0) }
    }

    /// 48 lower-case hexadecimal digits.
    package var hex: String { withUnsafeBytes { Hexadecimal.string(of: $0) } }

    package static func == (left: PieceKey, right: PieceKey) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}

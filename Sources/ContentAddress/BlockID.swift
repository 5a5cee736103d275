import Crypto
import Formats

/// A block's name: the 32-byte digest of its uncompressed bytes.
///
/// Which ``DigestAlgorithm`` made it is the index's to say.
package struct BlockID: Hashable, Sendable {
    /// Bytes of a block's name.
    package static let byteCount = 32

    // Four words in memory order keep 32 bytes inline and hash in one go.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Copies 32 bytes.
    /// - Precondition: `bytes` holds at least 32 bytes.
    package init(bytes: UnsafeRawBufferPointer) {
        words = (
            bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        )
    }

    init(digest: some Digest) {
        self = digest.withUnsafeBytes { BlockID(bytes: $0) }
    }

    /// Reads 64 lower- or upper-case hexadecimal digits; nil when it is anything else.
    package init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count == 2 * BlockID.byteCount else { return nil }
        var bytes = [UInt8]()
        bytes.reserveCapacity(BlockID.byteCount)
        for pair in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Hexadecimal.value(of: digits[pair]), let low = Hexadecimal.value(of: digits[pair + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        self = bytes.withUnsafeBytes { BlockID(bytes: $0) }
    }

    /// Reads a SHA-1 as 40 hexadecimal digits; nil when it is anything else.
    package init?(sha1 digits: some StringProtocol) {
        guard digits.utf8.count == 40 else { return nil }
        self.init(hex: digits + String(repeating: "0", count: 24))
    }

    /// The 40 digits of a SHA-1, which is also the name of its file in an LBCAS store.
    package var sha1: String { String(hex.prefix(40)) }

    /// 64 lower-case hexadecimal digits.
    package var hex: String { withUnsafeBytes { Hexadecimal.string(of: $0) } }

    /// Gives the 32 bytes for the duration of the call.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try Swift.withUnsafeBytes(of: words) { try body($0) }
    }

    /// Where a casync chunk store keeps the block: `abcd/abcd….cacnk`.
    package var chunkStorePath: String {
        let hex = hex
        return "\(hex.prefix(4))/\(hex).cacnk"
    }

    package static func == (left: BlockID, right: BlockID) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

extension BlockID: CustomStringConvertible {
    package var description: String { hex }
}

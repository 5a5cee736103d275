import Crypto
import Formats

/// The SHA-256 of a whole file, written `sha256:<64 hex>` in catalogs.
package struct FileDigest: Hashable, Sendable, CustomStringConvertible {
    package let id: BlockID

    /// Reads `sha256:<64 hex>`; nil when it is anything else.
    package init?(_ text: String) {
        guard text.hasPrefix("sha256:"), let id = BlockID(hex: text.dropFirst(7)) else { return nil }
        self.id = id
    }

    package init(id: BlockID) { self.id = id }

    /// The digest of a file's bytes.
    package static func sha256(of bytes: [UInt8]) -> FileDigest {
        FileDigest(id: BlockID(digest: SHA256.hash(data: bytes)))
    }

    /// 64 lower-case hexadecimal digits.
    package var hex: String { id.hex }

    package var description: String { "sha256:\(id.hex)" }
}

/// A running SHA-256 over the parts of a file, in order.
package struct FileHasher {
    private var hash = SHA256()

    package init() {}

    package mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

    package func finalize() -> FileDigest { FileDigest(id: BlockID(digest: hash.finalize())) }
}

/// A running checksum of a whole file, of the kinds that digest lists have.
package enum FileChecksum {
    case sha256(SHA256)
    case sha512(SHA512)

    /// The kind whose checksums have so many hexadecimal digits; nil for any other number.
    package init?(digits: Int) {
        switch digits {
        case 64: self = .sha256(SHA256())
        case 128: self = .sha512(SHA512())
        default: return nil
        }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch self {
        case .sha256(var hash):
            hash.update(bufferPointer: bytes)
            self = .sha256(hash)
        case .sha512(var hash):
            hash.update(bufferPointer: bytes)
            self = .sha512(hash)
        }
    }

    /// Lower-case hexadecimal digits.
    package var hex: String {
        switch self {
        case .sha256(let hash): Hexadecimal.string(of: hash.finalize())
        case .sha512(let hash): Hexadecimal.string(of: hash.finalize())
        }
    }
}

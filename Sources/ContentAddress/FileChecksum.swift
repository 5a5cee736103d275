import Crypto
import Formats

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

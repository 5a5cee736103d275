import Crypto
import CryptoExtras

/// How a block's name is computed from its uncompressed bytes. Both give 32 bytes.
package enum DigestAlgorithm: String, Sendable, CaseIterable {
    case sha256
    /// SHA-512 with its own initial values, cut to 256 bits (FIPS 180-4); casync's and desync's default.
    case sha512_256 = "sha512-256"

    /// The digest of the bytes as a block's name.
    package func blockID(of bytes: UnsafeRawBufferPointer) -> BlockID {
        switch self {
        case .sha256: BlockID(digest: SHA256.hash(bufferPointer: bytes))
        case .sha512_256:
            BlockID(
                digest: {
                    var hash = SHA512256()
                    hash.update(bufferPointer: bytes)
                    return hash.finalize()
                }())
        }
    }
}

extension SHA256 {
    fileprivate static func hash(bufferPointer: UnsafeRawBufferPointer) -> SHA256Digest {
        var hash = SHA256()
        hash.update(bufferPointer: bufferPointer)
        return hash.finalize()
    }
}

import Crypto
import CryptoExtras

/// How a block's name is computed from its uncompressed bytes.
package enum DigestAlgorithm: String, Sendable, CaseIterable {
    case sha256
    /// SHA-512 with its own initial values, cut to 256 bits (FIPS 180-4); casync's and desync's default.
    case sha512_256 = "sha512-256"
    /// Of LBCAS block stores of 2009, which are read and converted; no proof against forgery any more. Its 20 bytes stand first in
    /// the name, zeros after them.
    case sha1

    /// What is published today.
    package static let published: [DigestAlgorithm] = [.sha256, .sha512_256]

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
        case .sha1:
            {
                var hash = Insecure.SHA1()
                hash.update(bufferPointer: bytes)
                let padded = Array(hash.finalize()) + [UInt8](repeating: 0, count: 12)
                return padded.withUnsafeBytes { BlockID(bytes: $0) }
            }()
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

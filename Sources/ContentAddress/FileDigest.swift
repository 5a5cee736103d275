import Crypto

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

import Crypto
import Formats

/// Length and digests that some metadata gives for a file.
package struct FileIdentity: Sendable {
    /// Bytes; nil where the metadata leaves it open.
    package let length: Int?
    /// Hexadecimal digests by algorithm: `sha256`, `sha512`, and others that are not known here.
    package let hashes: NameTable<String>

    package init(length: Int?, hashes: NameTable<String>) {
        self.length = length
        self.hashes = hashes
    }

    /// The identity of bytes, with SHA-256.
    package init(of bytes: [UInt8]) {
        var hashes = NameTable<String>()
        hashes["sha256"] = Hexadecimal.string(of: SHA256.hash(data: bytes))
        self.init(length: bytes.count, hashes: hashes)
    }

    init(_ fields: FieldReader, minimumLength: Int, isRequired: Bool) throws(MetadataFault) {
        let hasLength = isRequired || fields.table["length"] != nil
        length = hasLength ? try fields.integer("length", atLeast: minimumLength) : nil
        guard isRequired || fields.table["hashes"] != nil else {
            hashes = NameTable()
            return
        }
        let listed = try fields.object("hashes")
        hashes = try listed.table.mapValues { (entry) throws(MetadataFault) in
            guard let digest = entry.value.string else { throw .field(listed.path(entry.name)) }
            return digest.lowercased()
        }
        guard !hashes.entries.isEmpty else { throw .field(fields.path("hashes")) }
    }

    /// SHA-256 as 64 lower-case digits; nil when the metadata has only other digests.
    package var sha256: String? { hashes["sha256"] }

    /// What is wrong with bytes that should be this file; nil when they are.
    ///
    /// Every digest that is known here must be right. A file with digests of which none is known is refused: nothing
    /// would vouch for it.
    package func mismatch(_ bytes: [UInt8]) -> UntrustedReason? {
        if let length, bytes.count != length { return .length(expected: length, found: bytes.count) }
        var known = hashes.entries.isEmpty
        for entry in hashes.entries {
            let digest: String
            switch entry.name {
            case "sha256": digest = Hexadecimal.string(of: SHA256.hash(data: bytes))
            case "sha384": digest = Hexadecimal.string(of: SHA384.hash(data: bytes))
            case "sha512": digest = Hexadecimal.string(of: SHA512.hash(data: bytes))
            default: continue
            }
            known = true
            if digest != entry.value { return .digest(algorithm: entry.name) }
        }
        return known ? nil : .noKnownDigest
    }

    /// The members `length` and `hashes`.
    var members: NameTable<JSONValue> {
        var members = NameTable<JSONValue>()
        if let length { members["length"] = .integer(length) }
        if !hashes.entries.isEmpty { members["hashes"] = .object(hashes.mapValues { .string($0.value) }) }
        return members
    }
}

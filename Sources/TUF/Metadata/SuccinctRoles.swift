import Crypto

/// A power of two of bins with the same keys, named by a prefix and a number (TAP 15).
package struct SuccinctRoles: Sendable {
    package let keys: RoleKeys
    /// 1 to 32: how many leading bits of the name's SHA-256 choose the bin.
    package let bitLength: Int
    package let namePrefix: String

    init(_ fields: FieldReader) throws(MetadataFault) {
        keys = try RoleKeys(fields)
        bitLength = try fields.integer("bit_length", atLeast: 1)
        namePrefix = try fields.string("name_prefix")
        guard bitLength <= 32 else { throw .field(fields.path("bit_length")) }
    }

    /// The bin that may name a target.
    func roleName(for target: String) -> String {
        let digest = SHA256.hash(data: Array(target.utf8))
        let start = digest.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let digits = String(start >> UInt32(32 - bitLength), radix: 16)
        return "\(namePrefix)-\(String(repeating: "0", count: suffixLength - digits.utf8.count))\(digits)"
    }

    /// Digits of the last bin's number.
    private var suffixLength: Int { String((UInt64(1) << UInt64(bitLength)) - 1, radix: 16).utf8.count }
}

import Formats

/// How a vendor signs.
package enum SignatureKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// OpenPGP, the signature in a file of its own.
    case openpgp
    /// OpenPGP, text and signature in one file.
    case openpgpClear = "openpgp-clear"
    case minisign
    /// OpenBSD's signify, the signature in a file of its own.
    case signify
    /// signify, text and signature in one file (`signify -S -e`): OpenBSD's SHA256.sig.
    case signifyEmbedded = "signify-embedded"

    /// What its keys are.
    package var keyKind: VendorKey.Kind {
        switch self {
        case .openpgp, .openpgpClear: .openpgp
        case .minisign: .minisign
        case .signify, .signifyEmbedded: .signify
        }
    }

    /// Whether the file that is signed holds its signature, too.
    package var isEmbedded: Bool { self == .openpgpClear || self == .signifyEmbedded }
}

/// A vendor's key as a table pins it.
package struct VendorKey: Sendable, Hashable, Codable {
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case openpgp, minisign, signify
    }

    package let kind: Kind
    /// OpenPGP: the fingerprint of the primary key, 40 (version 4) or 64 (version 6) upper-case digits; its subkeys are accepted.
    /// minisign and signify: the public key itself, base64, 56 characters.
    package let fingerprint: String
    /// Where an OpenPGP key is fetched once; nil for the others, which are whole in ``fingerprint``.
    package let url: String?

    /// - Parameter fingerprint: of OpenPGP in any case, also with spaces or `0x`.
    /// - Returns: nil when it cannot be a fingerprint of that kind, or an OpenPGP key has no URL.
    package init?(kind: Kind, fingerprint: String, url: String? = nil) {
        switch kind {
        case .openpgp:
            var digits = fingerprint.filter { $0 != " " && $0 != ":" }.uppercased()
            if digits.hasPrefix("0X") { digits.removeFirst(2) }
            guard [40, 64].contains(digits.utf8.count), Hexadecimal.bytes(digits) != nil, url != nil else { return nil }
            self.fingerprint = digits
        case .minisign, .signify:
            // 42 bytes: the algorithm, "Ed", a key number of eight and the key.
            guard let bytes = Base64.bytes(fingerprint), bytes.count == 42, bytes.starts(with: "Ed".utf8) else {
                return nil
            }
            self.fingerprint = fingerprint
        }
        self.kind = kind
        self.url = url
    }
}

/// A pinned key with its material, as verifiers read it.
package struct KeptKey: Sendable, Hashable {
    package let key: VendorKey
    /// OpenPGP: the packets of this key and no other, binary. minisign and signify: a key file.
    package let material: [UInt8]

    package init(key: VendorKey, material: [UInt8]) {
        self.key = key
        self.material = material
    }
}

/// Who signed something, as far as it was verified.
package struct Signer: Sendable, Hashable, Codable {
    /// ``VendorKey/fingerprint`` of the pinned key that vouches.
    package let fingerprint: String
    /// When, in seconds since 1970, by the signer's own clock; nil where the kind of signature does not say.
    package let made: Int64?
    /// What a user may want to know of it, one sentence; nil for nothing.
    package let warning: String?

    package init(fingerprint: String, made: Int64? = nil, warning: String? = nil) {
        self.fingerprint = fingerprint
        self.made = made
        self.warning = warning
    }
}

import Crypto
import CryptoExtras
import FoundationEssentials

/// PKCS#8's `ENCRYPTED PRIVATE KEY` with PBES2 (RFC 8018): PBKDF2-HMAC-SHA-256 and AES-256-CBC, what OpenSSL writes too.
enum EncryptedPrivateKey {
    /// OWASP's advice for PBKDF2-HMAC-SHA-256 of 2023.
    static let rounds = 600_000
    /// A file that asks for more would be a trap.
    private static let roundsAllowed = 1000...10_000_000

    private static let pbes2: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d]
    private static let pbkdf2: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c]
    private static let hmacSHA256: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x09]
    private static let aes256CBC: [UInt8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a]

    /// The DER of an encrypted key.
    static func encrypt(_ key: [UInt8], passphrase: String, rounds: Int = rounds) throws -> [UInt8] {
        let salt = SymmetricKey(size: .bits128).withUnsafeBytes { [UInt8]($0) }
        let vector = SymmetricKey(size: .bits128).withUnsafeBytes { [UInt8]($0) }
        let secret = try derive(passphrase, salt: salt, rounds: rounds)
        let encrypted = try AES._CBC.encrypt(key, using: secret, iv: AES._CBC.IV(ivBytes: vector))
        let derivation = DER.sequence(
            DER.element(DER.objectTag, pbkdf2),
            DER.sequence(
                DER.element(DER.octetsTag, salt), DER.integer(rounds),
                DER.sequence(DER.element(DER.objectTag, hmacSHA256), DER.element(DER.nullTag, []))))
        let cipher = DER.sequence(DER.element(DER.objectTag, aes256CBC), DER.element(DER.octetsTag, vector))
        return DER.sequence(
            DER.sequence(DER.element(DER.objectTag, pbes2), DER.sequence(derivation, cipher)),
            DER.element(DER.octetsTag, [UInt8](encrypted)))
    }

    /// The PKCS#8 inside.
    /// - Throws: ``KeyFileError``: `unsupported`, `wrongPassphrase`.
    static func decrypt(_ der: [UInt8], passphrase: String) throws(KeyFileError) -> [UInt8] {
        var file = DER.Reader(der)
        guard var outer = file.sequence(), var algorithm = outer.sequence(), let encrypted = outer.next(DER.octetsTag),
            algorithm.next(DER.objectTag) == pbes2[...], var parameters = algorithm.sequence(),
            var derivation = parameters.sequence(), var cipher = parameters.sequence(),
            derivation.next(DER.objectTag) == pbkdf2[...], var derivationParameters = derivation.sequence(),
            let salt = derivationParameters.next(DER.octetsTag), let rounds = derivationParameters.integer(),
            roundsAllowed.contains(rounds)
        else { throw .unsupported }
        // The length of the derived key may stand here; AES-256 has but one.
        if derivationParameters.nextTag == DER.integerTag { _ = derivationParameters.integer() }
        guard var function = derivationParameters.sequence(), function.next(DER.objectTag) == hmacSHA256[...],
            cipher.next(DER.objectTag) == aes256CBC[...], let vector = cipher.next(DER.octetsTag), vector.count == 16
        else { throw .unsupported }
        do {
            let secret = try derive(passphrase, salt: Array(salt), rounds: rounds)
            return [UInt8](
                try AES._CBC.decrypt(Array(encrypted), using: secret, iv: AES._CBC.IV(ivBytes: Array(vector))))
        } catch {
            throw .wrongPassphrase
        }
    }

    private static func derive(_ passphrase: String, salt: [UInt8], rounds: Int) throws -> SymmetricKey {
        try KDF.Insecure.PBKDF2.deriveKey(
            from: Array(passphrase.utf8), salt: salt, using: .sha256, outputByteCount: 32, unsafeUncheckedRounds: rounds
        )
    }
}

/// The little of ASN.1's DER that an encrypted private key is made of.
enum DER {
    static let integerTag: UInt8 = 0x02
    static let octetsTag: UInt8 = 0x04
    static let nullTag: UInt8 = 0x05
    static let objectTag: UInt8 = 0x06
    static let sequenceTag: UInt8 = 0x30

    /// One element.
    static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        var rest = contents.count
        while rest > 0 {
            length.insert(UInt8(rest & 255), at: 0)
            rest >>= 8
        }
        if contents.count < 128 { return [tag, UInt8(contents.count)] + contents }
        return [tag, 0x80 | UInt8(length.count)] + length + contents
    }

    static func sequence(_ elements: [UInt8]...) -> [UInt8] { element(sequenceTag, Array(elements.joined())) }

    /// A number that is not negative.
    static func integer(_ number: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = number
        repeat {
            bytes.insert(UInt8(rest & 255), at: 0)
            rest >>= 8
        } while rest > 0
        return element(integerTag, (bytes.first ?? 0) < 0x80 ? bytes : [0] + bytes)
    }

    /// Elements one after the other.
    struct Reader {
        private var bytes: ArraySlice<UInt8>

        init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes)[...] }

        var isAtEnd: Bool { bytes.isEmpty }

        /// The tag of the next element.
        var nextTag: UInt8? { bytes.first }

        /// The contents of the next element; nil when it has another tag or is cut off.
        mutating func next(_ tag: UInt8) -> ArraySlice<UInt8>? {
            guard bytes.popFirst() == tag, let first = bytes.popFirst() else { return nil }
            var length = Int(first)
            if first >= 0x80 {
                let count = Int(first & 0x7f)
                guard (1...4).contains(count), bytes.count >= count else { return nil }
                length = bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
                bytes = bytes.dropFirst(count)
            }
            guard bytes.count >= length else { return nil }
            defer { bytes = bytes.dropFirst(length) }
            return bytes.prefix(length)
        }

        mutating func sequence() -> Reader? { next(sequenceTag).map { Reader($0) } }

        /// A number from 0 to 2^31.
        mutating func integer() -> Int? {
            guard let bytes = next(integerTag), (1...5).contains(bytes.count), bytes.first ?? 0xff < 0x80 else {
                return nil
            }
            return bytes.reduce(0) { $0 << 8 | Int($1) }
        }
    }
}

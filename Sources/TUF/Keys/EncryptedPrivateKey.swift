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

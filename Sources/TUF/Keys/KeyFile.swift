import FoundationEssentials
import Linux

/// A private key in a file: PKCS#8 PEM, mode 0600, encrypted when there is a passphrase. `openssl pkey` reads it.
package enum KeyFile {
    private static let maximumLength = 65_536
    private static let plainLabel = "PRIVATE KEY"
    private static let encryptedLabel = "ENCRYPTED PRIVATE KEY"

    /// Writes a new file, durable before this returns: a key that is lost cannot be made again.
    /// - Throws: ``KeyFileError/file(_:)``; a file that is there is never overwritten.
    package static func write(_ key: SigningKey, to path: String, passphrase: String? = nil) throws(KeyFileError) {
        let text: String
        if let passphrase {
            // It fails for want of random bytes or memory alone, and nothing is written then.
            guard let der = try? EncryptedPrivateKey.encrypt(key.pkcs8, passphrase: passphrase) else {
                throw .unsupported
            }
            text = pem(der, encryptedLabel)
        } else {
            text = pem(key.pkcs8, plainLabel)
        }
        do throws(SystemCallError) {
            let file = try FileHandle(path, for: .writing, [.createNew, .refuseLink], mode: 0o600)
            do throws(SystemCallError) {
                try text.withBytes { (buffer) throws(SystemCallError) in try file.write(buffer) }
                try file.sync()
            } catch {
                // Nothing names that key; what failed first is what the user hears of.
                _ = try? Paths.remove(path)
                throw error
            }
        } catch {
            throw .file(error)
        }
    }

    /// Reads a key.
    /// - Throws: ``KeyFileError``.
    package static func read(_ path: String, passphrase: String? = nil) throws(KeyFileError) -> SigningKey {
        let text: String
        let mode: FilePermissions
        do throws(SystemCallError) {
            mode = try FileHandle(path, for: .reading).status().permissions
            text = try FileContents.readText(path, limit: maximumLength)
        } catch {
            throw .file(error)
        }
        guard mode & 0o077 == 0 else { throw .readableByOthers(path: path, mode: mode & 0o777) }
        guard let encrypted = der(text, encryptedLabel) else {
            guard let key = SigningKey(pem: text) else { throw .unsupported }
            return key
        }
        guard let passphrase else { throw .needsPassphrase }
        let plain = try EncryptedPrivateKey.decrypt(encrypted, passphrase: passphrase)
        // One wrong passphrase in 256 leaves padding that looks right.
        guard let key = SigningKey(pem: pem(plain, plainLabel)) else { throw .wrongPassphrase }
        return key
    }

    private static func pem(_ der: [UInt8], _ label: String) -> String {
        var lines = ["-----BEGIN \(label)-----"]
        var rest = Data(der).base64EncodedString()[...]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(64)))
            rest = rest.dropFirst(64)
        }
        return lines.joined(separator: "\n") + "\n-----END \(label)-----\n"
    }

    private static func der(_ text: String, _ label: String) -> [UInt8]? {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        guard let start = lines.firstIndex(of: "-----BEGIN \(label)-----"),
            let end = lines.firstIndex(of: "-----END \(label)-----"), start < end
        else { return nil }
        return Data(base64Encoded: lines[(start + 1)..<end].joined()).map { [UInt8]($0) }
    }
}

/// Why there is no key in a file.
package enum KeyFileError: Error, Sendable {
    /// It cannot be read or written; EEXIST for a file that is there already.
    case file(SystemCallError)
    /// Others than the owner may read it: mode and permission bits.
    case readableByOthers(path: String, mode: UInt32)
    /// It is encrypted and no passphrase was given.
    case needsPassphrase
    case wrongPassphrase
    /// Neither a PKCS#8 private key of a known kind, nor an encrypted one of a known scheme.
    case unsupported
}

extension KeyFileError: CustomStringConvertible {
    /// A phrase about the file.
    package var description: String {
        switch self {
        case .file(let error): error.message
        case .readableByOthers(_, let mode):
            "others than its owner may read it (mode 0\(String(mode, radix: 8))): make it 0600"
        case .needsPassphrase: "it is encrypted, and no passphrase was given"
        case .wrongPassphrase: "the passphrase is wrong"
        case .unsupported: "it is not a private key of a known kind"
        }
    }
}

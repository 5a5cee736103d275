import Linux

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
        case .needsPassphrase: "it is encrypted, and nobody gave the passphrase"
        case .wrongPassphrase: "the passphrase is wrong"
        case .unsupported: "it is no private key of a known kind"
        }
    }
}

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

import Linux

/// Verifies vendors' signatures by the distribution's own programs: gpgv or sqv, minisign, signify-openbsd.
package struct SignatureVerifier: Sendable {
    /// What was signed, and by whom. Nothing else of a document may be used.
    package struct Verified: Sendable, Equatable {
        package let bytes: [UInt8]
        package let signer: Signer
    }

    package init() {}

    /// Verifies a small document: sums, an index.
    /// - Parameters:
    ///   - signature: nil where the document holds it (``SignatureKind/isEmbedded``).
    ///   - keys: one of them must have signed.
    /// - Returns: the bytes that were signed: for an embedded signature, the text inside.
    package func verify(
        _ document: [UInt8], signature: [UInt8]?, kind: SignatureKind, keys: [KeptKey]
    ) async throws(SignatureError) -> Verified {
        throw .noVerifier(package: "gpgv")
    }

    /// Verifies a detached OpenPGP signature over a large file: an image that its vendor signs itself.
    /// - Parameters:
    ///   - size: bytes of the file; the time allowed follows from it.
    ///   - next: the file's bytes in order, nil at the end. Called on a thread that may wait.
    package func verify(
        size: UInt64, signature: [UInt8], keys: [KeptKey], next: @escaping @Sendable () throws -> [UInt8]?
    ) async throws(SignatureError) -> Signer {
        throw .noVerifier(package: "gpgv")
    }
}

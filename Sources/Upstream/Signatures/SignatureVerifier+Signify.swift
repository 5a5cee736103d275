import Formats
import Linux

/// minisign's and signify's signatures: Ed25519, one key each, told apart by a number of eight bytes.
extension SignatureVerifier {
    func minisign(
        _ document: [UInt8], _ signature: [UInt8], _ keys: [KeptKey], _ folder: ScratchFolder
    ) throws(SignatureError) -> Verified {
        let minisign = try program("minisign", package: "minisign")
        let lines = Array(TextLines(signature))
        // "ED" signs the BLAKE2b of the document, "Ed" the document.
        let key = try key(of: lines, algorithms: ["ED", "Ed"], keys)
        let ended = try VerifierProcess.run(
            minisign,
            [
                "-V", "-q", "-p", try folder.write(key.material, "key.pub"), "-x",
                try folder.write(signature, "signature"),
                "-m", try folder.write(document, "data"),
            ], folder)
        guard ended.ending == .exited(0) else { throw .bad }
        // The trusted comment is signed, too; its words are a convention.
        let comment = lines.count > 2 ? lines[2] : ""
        let made = comment.firstMatch(of: /timestamp:([0-9]{1,12})/).flatMap { Int64($0.1) }
        return Verified(bytes: document, signer: Signer(fingerprint: key.key.fingerprint, made: made))
    }

    func signify(
        _ document: [UInt8], _ signature: [UInt8], _ keys: [KeptKey], _ folder: ScratchFolder
    ) throws(SignatureError) -> Verified {
        let signify = try program("signify-openbsd", package: "signify-openbsd")
        let key = try key(of: Array(TextLines(signature)), algorithms: ["Ed"], keys)
        let ended = try VerifierProcess.run(
            signify,
            [
                "-V", "-q", "-p", try folder.write(key.material, "key.pub"), "-x",
                try folder.write(signature, "signature"),
                "-m", try folder.write(document, "data"),
            ], folder)
        guard ended.ending == .exited(0) else { throw .bad }
        return Verified(bytes: document, signer: Signer(fingerprint: key.key.fingerprint))
    }

    func signifyEmbedded(
        _ document: [UInt8], _ keys: [KeptKey], _ folder: ScratchFolder
    ) throws(SignatureError) -> Verified {
        let signify = try program("signify-openbsd", package: "signify-openbsd")
        let key = try key(of: Array(TextLines(document).prefix(2)), algorithms: ["Ed"], keys)
        let text = folder.path("text")
        let ended = try VerifierProcess.run(
            signify,
            [
                "-V", "-q", "-e", "-p", try folder.write(key.material, "key.pub"),
                "-x", try folder.write(document, "signed"), "-m", text,
            ], folder)
        guard ended.ending == .exited(0) else { throw .bad }
        do throws(SystemCallError) {
            let bytes = try FileContents.read(text, limit: document.count)
            return Verified(bytes: bytes, signer: Signer(fingerprint: key.key.fingerprint))
        } catch {
            throw .verifierFailed(program: "signify-openbsd", cause: "it wrote no text (\(error))")
        }
    }

    /// The pinned key that a signature says it is by: algorithm, number of the key, signature; 74 bytes as base64 in the second line.
    private func key(of lines: [String], algorithms: [String], _ keys: [KeptKey]) throws(SignatureError) -> KeptKey {
        guard lines.count >= 2, lines[0].hasPrefix("untrusted comment:"), let bytes = Base64.bytes(lines[1]),
            bytes.count == 74, algorithms.contains(where: { bytes.starts(with: $0.utf8) })
        else { throw .malformed("the file has no signature of that kind") }
        let number = bytes[2..<10]
        let key = keys.first { key in
            Base64.bytes(key.key.fingerprint).map { $0[2..<10].elementsEqual(number) } == true
        }
        guard let key else {
            // Both programs print the number backwards, as the little-endian integer that it is.
            throw .unknownKey(
                found: Hexadecimal.string(of: number.reversed()).uppercased(), wanted: keys.map(\.key.fingerprint))
        }
        return key
    }
}

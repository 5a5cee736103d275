import Linux

/// Verifies vendors' signatures by the distribution's own programs: gpgv or sqv, minisign, signify-openbsd.
package struct SignatureVerifier: Sendable {
    /// What was signed, and by whom. Nothing else of a document may be used.
    package struct Verified: Sendable, Equatable {
        package let bytes: [UInt8]
        package let signer: Signer
    }

    private let find: @Sendable (String) -> String?
    /// For a small document; a verifier needs some 20 ms.
    private let time: Duration

    /// - Parameters:
    ///   - find: where a program is; nil when it is not installed.
    ///   - time: after which a verifier of a small document is ended.
    package init(
        find: @escaping @Sendable (String) -> String? = { ProgramPath.find($0) }, time: Duration = .seconds(30)
    ) {
        self.find = find
        self.time = time
    }

    /// Whether this machine can verify a kind of signature, and else the package that it lacks.
    /// - Parameter isLarge: whether it is of a file that is given piece by piece, which sqv does not take.
    package func missingPackage(for kind: SignatureKind, isLarge: Bool = false) -> String? {
        do throws(SignatureError) {
            switch kind {
            case .openpgp: if isLarge || find("sqv") == nil { _ = try program("gpgv", package: "gpgv") }
            case .openpgpClear: _ = try program("gpgv", package: "gpgv")
            case .minisign: _ = try program("minisign", package: "minisign")
            case .signify, .signifyEmbedded: _ = try program("signify-openbsd", package: "signify-openbsd")
            }
            return nil
        } catch {
            guard case .noVerifier(let package) = error else { return nil }
            return package
        }
    }

    /// Verifies a small document: sums, an index. Runs a program, which it waits for on a thread of its own.
    /// - Parameters:
    ///   - signature: nil where the document holds it (``SignatureKind/isEmbedded``).
    ///   - keys: one of them must have signed.
    /// - Returns: the bytes that were signed: for an embedded signature, the text inside.
    package func verify(
        _ document: [UInt8], signature: [UInt8]?, kind: SignatureKind, keys: [KeptKey]
    ) async throws(SignatureError) -> Verified {
        let keys = keys.filter { $0.key.kind == kind.keyKind }
        guard !keys.isEmpty else { throw .malformed("no key for it is pinned") }
        guard signature != nil || kind.isEmbedded else { throw .malformed("there is no signature") }
        return try await onThread { () throws(SignatureError) in
            let folder = try ScratchFolder(time: time)
            switch kind {
            case .openpgp: return try detached(document, signature ?? [], keys, folder)
            case .openpgpClear: return try clearSigned(document, keys, folder)
            case .minisign: return try minisign(document, signature ?? [], keys, folder)
            case .signify: return try signify(document, signature ?? [], keys, folder)
            case .signifyEmbedded: return try signifyEmbedded(document, keys, folder)
            }
        }
    }

    /// Verifies a detached OpenPGP signature over a large file: an image that its vendor signs itself.
    /// - Parameters:
    ///   - size: bytes of the file; the time allowed follows from it.
    ///   - next: the file's bytes in order, nil at the end. Called on a thread that may wait.
    package func verify(
        size: UInt64, signature: [UInt8], keys: [KeptKey], next: @escaping @Sendable () throws -> [UInt8]?
    ) async throws(SignatureError) -> Signer {
        try await onThread { () throws(SignatureError) in
            let folder = try ScratchFolder(time: time)
            let program = try self.program("gpgv", package: "gpgv")
            let arguments = try gpgvArguments(signature, keys, folder) + ["-"]
            let seconds = 60 + size / 4_194_304
            let output = try VerifierProcess.run(program, arguments, folder, seconds: seconds, input: next)
            return try SignatureStatus(output).signer(pinned: keys.map(\.key.fingerprint))
        }
    }

    private func detached(
        _ document: [UInt8], _ signature: [UInt8], _ keys: [KeptKey], _ folder: ScratchFolder
    ) throws(SignatureError) -> Verified {
        let pinned = keys.map(\.key.fingerprint)
        let data = try folder.write(document, "data")
        if let gpgv = find("gpgv") {
            let ended = try VerifierProcess.run(gpgv, try gpgvArguments(signature, keys, folder) + [data], folder)
            return Verified(bytes: document, signer: try SignatureStatus(ended.output).signer(pinned: pinned))
        }
        guard let sqv = find("sqv") else { throw .noVerifier(package: "gpgv") }
        let (ring, signatures) = try ringAndSignatures(signature, keys, folder)
        let ended = try VerifierProcess.run(sqv, ["--keyring", ring, signatures, data], folder)
        // It prints the fingerprint of the primary key for each signature that is good.
        let good = TextLines(ended.output).first { pinned.contains($0) }
        guard ended.ending == .exited(0), let good else {
            throw SequoiaWords.error(String(decoding: ended.errors, as: UTF8.self), pinned: pinned)
        }
        return Verified(bytes: document, signer: Signer(fingerprint: good))
    }

    private func clearSigned(
        _ document: [UInt8], _ keys: [KeptKey], _ folder: ScratchFolder
    ) throws(SignatureError) -> Verified {
        let gpgv = try program("gpgv", package: "gpgv")
        let ring = try folder.write(keys.flatMap(\.material), "keys.gpg")
        let signed = try folder.write(try ClearSigned.frame(document), "signed.asc")
        let text = folder.path("text")
        let ended = try VerifierProcess.run(
            gpgv, ["--homedir", folder.path, "--status-fd", "1", "--keyring", ring, "--output", text, signed], folder)
        let signer = try SignatureStatus(ended.output).signer(pinned: keys.map(\.key.fingerprint))
        do throws(SystemCallError) {
            return Verified(bytes: try FileContents.read(text, limit: document.count + 1), signer: signer)
        } catch {
            throw .verifierFailed(program: "gpgv", cause: "it wrote no text (\(error))")
        }
    }

    private func gpgvArguments(
        _ signature: [UInt8], _ keys: [KeptKey], _ folder: ScratchFolder
    ) throws(SignatureError) -> [String] {
        let (ring, signatures) = try ringAndSignatures(signature, keys, folder)
        // Its home is a folder without settings: the user's may name other keys.
        return ["--homedir", folder.path, "--status-fd", "1", "--keyring", ring, signatures]
    }

    /// - Returns: paths of a file with the pinned keys alone and of one with the signatures.
    private func ringAndSignatures(
        _ signature: [UInt8], _ keys: [KeptKey], _ folder: ScratchFolder
    ) throws(SignatureError) -> (ring: String, signatures: String) {
        let binary = try OpenPGPPackets.binary(signature, label: "PGP SIGNATURE")
        try OpenPGPPackets.checkSignatures(binary)
        return (try folder.write(keys.flatMap(\.material), "keys.gpg"), try folder.write(binary, "signature"))
    }

    func program(_ name: String, package: String) throws(SignatureError) -> String {
        guard let path = find(name) else { throw .noVerifier(package: package) }
        return path
    }

    private func onThread<Value: Sendable>(
        _ work: @escaping @Sendable () throws(SignatureError) -> Value
    ) async throws(SignatureError) -> Value {
        do {
            return try await WorkerThread.run(name: "signature") { try work() }
        } catch let error as SignatureError {
            throw error
        } catch {
            throw .verifierFailed(program: "the verifier", cause: "\(error)")
        }
    }
}

/// What sqv says on its standard error, which is meant for people.
private enum SequoiaWords {
    static func error(_ text: String, pinned: [String]) -> SignatureError {
        if text.contains("manipulated") { return .bad }
        if let key = text.firstMatch(of: /Missing key ([0-9A-Fa-f]+)/) {
            return .unknownKey(found: String(key.1), wanted: pinned)
        }
        let first = text.split(separator: "\n").first.map(String.init) ?? "it gives no reason"
        return .malformed("sqv does not accept it (\(first.prefix(200)))")
    }
}

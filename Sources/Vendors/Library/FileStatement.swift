import Catalog
import Curl
import ImageIndex
import Upstream

/// What a vendor says of one file, verified as far as the table knows how.
struct FileStatement: Sendable {
    /// `sha256:HEX`, `sha512:HEX`
    var digests: [String] = []
    var trust = TrustLevel.none
    var signer: Signer?
    /// A detached signature of the file itself.
    var signature: [UInt8]?
    /// The digests of the file's pieces, that the vendor signed.
    var torrent: Torrent?
    /// Bytes of the file, where a list says so.
    var size: UInt64?
}

/// Fetches it: sums, signature and key at the same time.
struct FileStatements: Sendable {
    let row: VendorRow
    let keys: [Vendor.PinnedKey]
    let requests: VendorRequests
    let keyRing: KeyRing
    let verifier: SignatureVerifier

    /// Bytes of the longest signature.
    private static let longestSignature = 65_536

    private var proof: VendorRow.Proof { row.proof }

    /// - Throws: ``VendorsError``.
    func statement(of build: VendorBuild) async throws -> FileStatement {
        // Before anything is fetched, which would be of no use.
        let isImage = proof.subject == .image
        if proof.subject != .absent, let package = verifier.missingPackage(for: proof.kind, isLarge: isImage) {
            throw VendorsError.noVerifier(system: row.id, package: package)
        }
        var statement = FileStatement()
        if let digest = build.digest { statement.digests = [digest] }
        switch proof.subject {
        case .listing:
            // Verified when the listing came.
            statement.trust = build.digest == nil ? .none : .whole
        case .image:
            async let unsigned = unsignedSums(of: build)
            let place = try row.url(
                proof.signature ?? "", beside: build.url, of: build, names(build, sums: nil))
            async let signature = bytes(place, limit: FileStatements.longestSignature)
            async let kept = keptKeys()
            try take(try await unsigned, build, into: &statement)
            statement.signature = try await signature
            // Without a key nothing could be verified in the end.
            _ = try await kept
            statement.trust = .whole
        case .sums: try await readSigned(build, into: &statement)
        case .absent: try take(try await unsignedSums(of: build), build, into: &statement)
        }
        return statement
    }

    /// Verifies a listing that its vendor signs.
    /// - Returns: what was signed.
    /// - Throws: ``VendorsError``.
    func verified(listing: [UInt8], url: String) async throws(VendorsError) -> [UInt8] {
        do {
            async let signature = signature(of: url, file: nil)
            async let kept = keptKeys()
            return try await verify(listing, signature: try await signature, keys: try await kept, url: url).bytes
        } catch { throw VendorsError.of(error, system: row.id, url: url) }
    }

    // MARK: Sums

    private func sumsURL(_ build: VendorBuild) throws(VendorsError) -> String? {
        guard let name = proof.sums else { return nil }
        return try row.url(name, beside: build.url, of: build, names(build, sums: nil))
    }

    private func names(_ build: VendorBuild, sums: String?) -> [String: String] {
        var names = ["image": URLText.encoded(build.fileName)]
        names["sums"] = sums.map { URLText.encoded(URLText.fileName(of: $0)) }
        return names
    }

    private func unsignedSums(of build: VendorBuild) async throws -> (url: String, bytes: [UInt8])? {
        guard let url = try sumsURL(build) else { return nil }
        return (url, try await bytes(url, limit: DigestList.longest))
    }

    private func readSigned(_ build: VendorBuild, into statement: inout FileStatement) async throws {
        guard let url = try sumsURL(build) else { return }
        let place = try proof.torrent.map { try row.url($0, beside: build.url, of: build, names(build, sums: url)) }
        async let sums = bytes(url, limit: DigestList.longest)
        async let signature = signature(of: url, file: build)
        async let kept = keptKeys()
        async let torrent = torrentBytes(place)
        let verified = try await verify(
            try await sums, signature: try await signature, keys: try await kept, url: url)
        statement.signer = verified.signer
        statement.trust = .whole
        try take((url, verified.bytes), build, into: &statement)
        guard let place, let bytes = try await torrent else { return }
        statement.torrent = try read(torrent: bytes, place, of: build, sums: verified.bytes, statement.digests)
        if statement.torrent != nil { statement.trust = .pieces }
    }

    private func signature(of url: String, file build: VendorBuild?) async throws -> [UInt8]? {
        guard !proof.kind.isEmbedded, let name = proof.signature else { return nil }
        let place: String
        if let build {
            place = try row.url(name, beside: url, of: build, names(build, sums: url))
        } else {
            let name = name.split(separator: "{listing}", omittingEmptySubsequences: false)
                .joined(separator: URLText.fileName(of: url))
            place = try row.checked(URLReference.resolve(name, against: url), name, beside: url)
        }
        return try await bytes(place, limit: FileStatements.longestSignature)
    }

    /// Finds the file's digest in a list.
    private func take(
        _ sums: (url: String, bytes: [UInt8])?, _ build: VendorBuild, into statement: inout FileStatement
    ) throws {
        guard let sums else { return }
        let shown = URLText.public(sums.url)
        func fault(_ reason: String) -> VendorsError { .structural(system: row.id, url: shown, reason: reason) }
        let list = DigestList(String(decoding: sums.bytes, as: UTF8.self))
        guard !list.isEmpty else { throw fault("has no digest in it") }
        let isOwn = proof.sums?.contains("{image}") == true || sums.url.hasPrefix(build.url + ".")
        let name = build.fileName
        let isSigned = statement.trust != .none
        let finding = list.finding(for: FileStatements.paths(of: build.url), isOwn: isOwn) { other in
            !isSigned || isName(other)
        }
        switch finding {
        case .nothing: throw fault("does not list \(name)")
        case .contradiction: throw fault("has two different digests of \(name)")
        case .digest(let hex):
            let digest = "\(hex.utf8.count == 64 ? "sha256" : "sha512"):\(hex)"
            let kind = digest.prefix { $0 != ":" }
            if let other = statement.digests.first(where: { $0.hasPrefix("\(kind):") }), other != digest {
                throw fault("has another digest of \(name) than the list of builds")
            }
            // What is signed stands alone: the list of builds is nobody's signed word.
            statement.digests =
                statement.trust == .none ? [digest] + statement.digests.filter { $0 != digest } : [digest]
            statement.size = list.size(of: name)
        }
    }

    /// Whether a name is of the form that the row's builds have: then it may be the build under another name.
    private func isName(_ name: String) -> Bool {
        guard let entry = row.listing.entry, let pattern = EntryPattern(entry) else { return false }
        return pattern.match(String(name.split(separator: "/").last ?? "")) != nil
    }

    private static func paths(of url: String) -> [String] {
        let plain = URLText.withoutQuery(url)
        let path = String(plain.drop { $0 != "/" }.dropFirst(2).drop { $0 != "/" })
        return [path] + (URLText.decoded(path).map { [$0] } ?? [])
    }

    // MARK: Torrents

    /// Nil where there is none: the digest of the whole is signed all the same.
    private func torrentBytes(_ url: String?) async throws -> [UInt8]? {
        guard let url else { return nil }
        do { return try await bytes(url, limit: Torrent.longest) } catch {
            if case .structural(_, _, "does not exist") = error { return nil }
            throw error
        }
    }

    /// Nil where its pieces are not of a length that can be read: the digest of the whole is signed all the same.
    private func read(
        torrent bytes: [UInt8], _ place: String, of build: VendorBuild, sums: [UInt8], _ digests: [String]
    ) throws -> Torrent? {
        func fault(_ reason: String) -> VendorsError {
            .structural(system: row.id, url: URLText.public(place), reason: reason)
        }
        let (torrent, digest): (Torrent, String)
        do {
            (torrent, digest) = try Torrent.verified(
                bytes, by: DigestList(String(decoding: sums, as: UTF8.self)),
                torrentPath: FileStatements.paths(of: place).last ?? "", fileName: build.fileName, readable: .max)
        } catch { throw fault("cannot be used: \(error.reason)") }
        guard digests.contains(where: { $0.hasSuffix(":\(digest)") }) else {
            throw fault("is of a file with another digest than \(build.fileName)")
        }
        return LBCASIndexWriter.canWrite(pieceLength: torrent.pieceLength) ? torrent : nil
    }

    // MARK: Keys

    /// - Parameter isRenewed: whether they are fetched again.
    func keptKeys(isRenewed: Bool = false) async throws -> [KeptKey] {
        var kept: [KeptKey] = []
        var failure: (any Error)?
        for key in keys {
            // One of them is enough, and the others may be of releases that are no longer signed.
            do { kept.append(try await keyRing.kept(key.key, isRenewed: isRenewed)) } catch {
                failure = failure ?? error
            }
        }
        if kept.isEmpty, let failure {
            throw error(failure as? SignatureError ?? .malformed(""), url: keys.first?.key.url ?? "")
        }
        return kept
    }

    private func verify(
        _ document: [UInt8], signature: [UInt8]?, keys: [KeptKey], url: String
    ) async throws(VendorsError) -> SignatureVerifier.Verified {
        do {
            return try await withKeys(keys) { keys throws(SignatureError) in
                try await verifier.verify(document, signature: signature, kind: proof.kind, keys: keys)
            }
        } catch { throw self.error(error, url: url) }
    }

    /// Verifies something, and once more with keys that are fetched anew where the kept ones may be too old for it.
    func withKeys<Value: Sendable>(
        _ keys: [KeptKey], _ verify: ([KeptKey]) async throws(SignatureError) -> Value
    ) async throws(SignatureError) -> Value {
        do { return try await verify(keys) } catch {
            // Where they do not come, the first answer stands.
            guard error.asksForNewerKeys, let newer = try? await keptKeys(isRenewed: true), newer != keys else {
                throw error
            }
            return try await verify(newer)
        }
    }

    func error(_ error: SignatureError, url: String) -> VendorsError {
        let shown = URLText.public(url)
        switch error {
        case .bad: return .unverified(system: row.id, url: shown, reason: "\(error)")
        case .keyUnavailable, .verifierFailed: return .transient(system: row.id, url: shown, reason: "\(error)")
        case .noVerifier(let package): return .noVerifier(system: row.id, package: package)
        case .unknownKey, .expiredKey, .revokedKey, .malformed, .otherKey:
            return .cannotVerify(system: row.id, url: shown, reason: "\(error)")
        }
    }

    private func bytes(_ url: String, limit: Int) async throws(VendorsError) -> [UInt8] {
        try await requests.get(url, limit: limit, of: row.id).bytes ?? []
    }
}

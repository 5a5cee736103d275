import Curl
import Formats
import Linux
import Upstream

/// A vendor's signature over a list of digests, and the key that it must be by.
package struct SignedDigests: Sendable, Equatable {
    package let kind: SignatureKind
    /// A URL, or a name beside the list; nil for the list's name and the usual ending, or where the list holds it.
    package let place: String?
    package let key: VendorKey

    /// Bytes of the longest signature.
    private static let longest = 1 << 20
    /// For a signature that has a file of its own.
    private static let endings: [SignatureKind: [String]] = [
        .openpgp: [".gpg", ".asc", ".sig", ".sign"], .minisign: [".minisig"], .signify: [".sig"],
    ]

    package init(kind: SignatureKind, place: String?, key: VendorKey) {
        (self.kind, self.place, self.key) = (kind, place, key)
    }

    /// - Parameters:
    ///   - place: a URL, a name beside the list, or `inside`; nil for the usual names.
    ///   - kind: a word of ``Upstream/SignatureKind``; nil for OpenPGP.
    ///   - key: the fingerprint of an OpenPGP key, or a public key of the other kinds.
    ///   - keyURL: where an OpenPGP key is fetched.
    /// - Returns: nil where nothing is given.
    /// - Throws: ``PublisherError/usage(option:reason:)``.
    package static func choice(
        place: String?, kind: String?, key: String?, keyURL: String?
    ) throws(PublisherError) -> SignedDigests? {
        guard let key else {
            guard place == nil, kind == nil, keyURL == nil else {
                throw .usage(
                    option: "--key", reason: "is missing: a signature is worth what the key is that it must be by")
            }
            return nil
        }
        let isInside = place == "inside"
        guard let found = SignatureKind(rawValue: kind ?? "openpgp") else {
            let words = SignatureKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw .usage(option: "--signature-kind", reason: "\(kind ?? "") is none of \(words)")
        }
        let kind: SignatureKind =
            switch (found, isInside) {
            case (.openpgp, true): .openpgpClear
            case (.signify, true): .signifyEmbedded
            default: found
            }
        guard let key = VendorKey(kind: kind.keyKind, fingerprint: key, url: keyURL) else {
            throw .usage(
                option: "--key",
                reason: kind.keyKind == .openpgp
                    ? "must be a fingerprint of 40 or 64 digits, and --key-url where the key is fetched"
                    : "is not a public key of \(kind.keyKind.rawValue): 56 characters of base64")
        }
        return SignedDigests(kind: kind, place: isInside ? nil : place, key: key)
    }

    /// What of a list was signed.
    /// - Parameter url: the list's.
    /// - Throws: ``PublisherError/unverified(url:reason:)``, ``PublisherError/download(_:)``.
    func verified(_ list: [UInt8], of url: String, _ downloads: Downloads) throws(PublisherError) -> [UInt8] {
        let signature = kind.isEmbedded ? nil : try signature(of: url, downloads)
        let ring = KeyRing(folder: "\(SigningKeys.usualFolder.dropLast("keys".count))vendor-keys") { place in
            try downloads.bytes(place, limit: KeyRing.longest)
        }
        do {
            return try Blocking.run { [key, kind] in
                let kept = try await ring.kept(key)
                return try await SignatureVerifier().verify(list, signature: signature, kind: kind, keys: [kept]).bytes
            }
        } catch let error as SignatureError {
            throw .unverified(url: URLText.public(url), reason: "\(error)")
        } catch {
            throw .unverified(url: URLText.public(url), reason: "the verifier could not be run: \(error)")
        }
    }

    private func signature(of list: String, _ downloads: Downloads) throws(PublisherError) -> [UInt8] {
        let plain = URLText.withoutQuery(list)
        let folder = plain[..<(plain.lastIndex(of: "/").map { plain.index(after: $0) } ?? plain.endIndex)]
        let places =
            place.map { [$0.contains("://") ? $0 : folder + $0] }
            ?? (SignedDigests.endings[kind] ?? []).map { plain + $0 }
        for place in places {
            do throws(PublisherError) {
                return try downloads.bytes(place, limit: SignedDigests.longest)
            } catch {
                guard case .download(.notFound) = error else { throw error }
            }
        }
        let names = places.map { URLText.public($0) }.joined(separator: ", ")
        throw .unverified(url: URLText.public(list), reason: "there is no signature at \(names)")
    }
}

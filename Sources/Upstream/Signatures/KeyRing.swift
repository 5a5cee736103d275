import Formats
import Linux

/// The vendors' keys that this user has: each is fetched once, kept, and fetched again now and then, since a key gets new subkeys, a later
/// end, or a revocation.
///
/// A key counts by its pinned fingerprint, never by where it came from or what it signed.
package struct KeyRing: Sendable {
    /// Bytes of the longest key file that is read: Fedora's holds all of its keys.
    package static let longest = 1_048_576

    /// How old a kept key may be, in seconds: 30 days.
    private static let longestKept = 30 * 86_400

    private let folder: String
    private let fetch: @Sendable (String) async throws -> [UInt8]

    /// - Parameters:
    ///   - folder: where keys are kept; made when the first one comes.
    ///   - fetch: gives at most ``longest`` bytes of a URL.
    package init(folder: String, fetch: @escaping @Sendable (String) async throws -> [UInt8]) {
        self.folder = folder
        self.fetch = fetch
    }

    /// The key's material, fetched if it is not here or old. One that is old is used all the same where nothing better comes.
    /// - Parameter isRenewed: whether it is fetched again, however old it is.
    /// - Throws: ``SignatureError/keyUnavailable(url:cause:)``, ``SignatureError/otherKey(url:wanted:)``.
    package func kept(_ key: VendorKey, isRenewed: Bool = false) async throws(SignatureError) -> KeptKey {
        guard key.kind == .openpgp else {
            let text = "untrusted comment: \(key.kind.rawValue) public key\n\(key.fingerprint)\n"
            return KeptKey(key: key, material: Array(text.utf8))
        }
        let path = "\(folder)/\(key.fingerprint).pgp"
        // A kept key that cannot be read, or is damaged, is fetched again.
        let old = (try? FileContents.read(path, limit: Self.longest)).flatMap { Self.material(of: key, in: $0) }
        if let old, !isRenewed, !Self.isOld(path) { return KeptKey(key: key, material: old) }
        do throws(SignatureError) { return try await fetched(key, path) } catch {
            guard let old else { throw error }
            return KeptKey(key: key, material: old)
        }
    }

    private static func isOld(_ path: String) -> Bool {
        // Of a file that has just been read; without its time, its age is not known.
        guard let status = try? Paths.status(path) else { return true }
        return WallClock.seconds - status.modifiedSeconds > longestKept
    }

    private func fetched(_ key: VendorKey, _ path: String) async throws(SignatureError) -> KeptKey {
        let url = key.url ?? ""
        let bytes: [UInt8]
        do { bytes = try await fetch(url) } catch { throw .keyUnavailable(url: url, cause: "\(error)") }
        guard bytes.count <= Self.longest, let material = Self.material(of: key, in: bytes) else {
            throw .otherKey(url: url, wanted: key.fingerprint)
        }
        do throws(SystemCallError) {
            try Folder.make(folder, mode: 0o700)
            try AtomicFile.write(material, to: path, mode: 0o600, durable: true)
        } catch {
            // It was fetched and is right: this time it is used, and the next time it is fetched again.
        }
        return KeptKey(key: key, material: material)
    }

    /// The pinned key of a file of any number of keys; nil when it is not there, or the file is no OpenPGP.
    private static func material(of key: VendorKey, in bytes: [UInt8]) -> [UInt8]? {
        // A page that says "not found" is not the key, as any other file is not.
        try? OpenPGPPackets.key(
            key.fingerprint, in: try OpenPGPPackets.binary(bytes, label: "PGP PUBLIC KEY BLOCK"))
    }
}

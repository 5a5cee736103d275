import Formats
import Linux

/// The vendors' keys that this user has: each is fetched once, and kept.
///
/// A key counts by its pinned fingerprint, never by where it came from or what it signed.
package struct KeyRing: Sendable {
    /// Bytes of the longest key file that is read: Fedora's holds all of its keys.
    package static let longest = 1_048_576

    private let folder: String
    private let fetch: @Sendable (String) async throws -> [UInt8]

    /// - Parameters:
    ///   - folder: where keys are kept; made when the first one comes.
    ///   - fetch: gives at most ``longest`` bytes of a URL.
    package init(folder: String, fetch: @escaping @Sendable (String) async throws -> [UInt8]) {
        self.folder = folder
        self.fetch = fetch
    }

    /// The key's material, fetched if it is not here.
    /// - Throws: ``SignatureError/keyUnavailable(url:cause:)``, ``SignatureError/otherKey(url:wanted:)``.
    package func kept(_ key: VendorKey) async throws(SignatureError) -> KeptKey {
        throw .keyUnavailable(url: key.url ?? "", cause: "not built yet")
    }
}

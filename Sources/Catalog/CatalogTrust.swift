/// Why the user believes a catalog's first root metadata, before anything of it is used.
package enum CatalogTrust: Sendable {
    /// The root metadata itself, which came another way.
    case root([UInt8])
    /// The SHA-256 of `metadata/1.root.json`, 64 hexadecimal digits of either case.
    case fingerprint(String)
    /// Trust on first use: the user is shown the fingerprint of what the server gave, and decides.
    case ask(@Sendable (_ fingerprint: String) async throws -> Bool)
}

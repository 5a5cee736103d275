import Curl

/// A publisher's tree, as the user named it.
package struct CatalogSource: Sendable, Hashable, Codable {
    /// The user's name for it: `[a-z0-9][a-z0-9._-]{0,63}`.
    package let name: String
    /// The tree's base, ending with a slash; http, https or file.
    package let url: String

    /// - Parameter location: a URL, or a folder's absolute path.
    /// - Throws: ``CatalogAccessError/invalidLocation(_:reason:)``.
    package init(name: String, location: String) throws(CatalogAccessError) {
        guard CatalogSource.isName(name) else {
            throw .invalidName(name)
        }
        // In a path % is a letter like any other; in a URL it begins an escape.
        var url =
            location.hasPrefix("/") ? "file://" + location.map { $0 == "%" ? "%25" : String($0) }.joined() : location
        let scheme = url.prefix { $0 != ":" }.lowercased()
        guard ["http", "https", "file"].contains(scheme), url.dropFirst(scheme.count).hasPrefix("://") else {
            throw .invalidLocation(location, reason: "it is no http, https or file URL and no absolute path")
        }
        // A scheme in capitals is the same scheme, and what looks at it later need not know.
        url = scheme + url.dropFirst(scheme.count)
        guard !url.utf8.contains(where: { $0 <= 32 || $0 == 127 || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") })
        else { throw .invalidLocation(location, reason: "it holds a space, a control character, ? or #") }
        if !url.hasSuffix("/") { url += "/" }
        self.name = name
        self.url = url
    }

    /// Whether nobody on the way can change what comes: https, a file: URL, or a server on the loopback interface.
    package var isPrivate: Bool { url.hasPrefix("https:") || URLText.isOfThisMachine(url) }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isAlphanumeric(first) && name.utf8.allSatisfy { isAlphanumeric($0) || "._-".utf8.contains($0) }
    }
}

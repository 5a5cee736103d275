import Curl

/// A publisher's tree, as the user named it.
package struct CatalogSource: Sendable, Hashable, Codable {
    /// The user's name for it: `[a-z0-9][a-z0-9._-]{0,63}`.
    package let name: String
    /// The tree's base, ending with a slash; http, https or file.
    package let url: String
    /// Whether expired metadata is trusted too, as on a stick that lies in a drawer: whoever holds it knows its age. Signatures
    /// count as ever, and nothing goes back to what is older than what was seen.
    package let allowsExpired: Bool
    /// Copies of the tree that this user added: URLs, each ending with a slash. Not part of the source's file.
    package var mirrors: [String] = []
    /// Where its server was when its catalog was last fetched; nil where that is not known. Not part of the source's file.
    package var kind: AddressKind?

    /// The name that no followed catalog may take: the systems that vendors offer on their own servers.
    package static let vendorsName = "vendors"
    /// The systems that vendors offer. It has no tree, so no address.
    package static let vendors = CatalogSource(reserved: vendorsName)

    /// Whether it is ``vendors``, and not a followed catalog that has had this name since before it was reserved.
    package var isVendors: Bool { name == CatalogSource.vendorsName && url.isEmpty }

    private init(reserved name: String) {
        (self.name, url, allowsExpired) = (name, "", false)
    }

    /// Mirrors that are asked at most, the user's own before those that the publisher names.
    package static let mostMirrors = 16

    private enum CodingKeys: String, CodingKey {
        case name, url, allowsExpired
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        url = try container.decode(String.self, forKey: .url)
        allowsExpired = try container.decodeIfPresent(Bool.self, forKey: .allowsExpired) ?? false
    }

    /// - Parameter location: a URL, or a folder's absolute path.
    /// - Throws: ``CatalogAccessError/invalidName(_:)``, ``CatalogAccessError/invalidLocation(_:reason:)``: also where what
    ///   expired is allowed of another machine's tree, which could keep updates away unseen.
    package init(name: String, location: String, allowsExpired: Bool = false) throws(CatalogAccessError) {
        guard CatalogSource.isValid(name: name) else {
            throw .invalidName(name)
        }
        guard !location.utf8.contains(0) else { throw .invalidLocation(location, reason: "it contains a NUL") }
        // What the program's arguments have in place of bytes that are not text: it would name something else.
        guard !location.unicodeScalars.contains("\u{FFFD}") else {
            throw .invalidLocation(
                location, reason: "its name is not UTF-8 text: give the folder another name, or a link to it")
        }
        // In a path every character is one like any other; in a URL some mean something.
        var url = location.hasPrefix("/") ? URLText.file(location) : location
        let scheme = url.prefix { $0 != ":" }.lowercased()
        guard ["http", "https", "file"].contains(scheme), url.dropFirst(scheme.count).hasPrefix("://") else {
            throw .invalidLocation(
                location, reason: "it is neither an http, https or file URL nor a folder that exists here")
        }
        // A scheme in capitals is the same scheme, and what looks at it later need not know.
        url = scheme + url.dropFirst(scheme.count)
        guard !url.utf8.contains(where: { $0 <= 32 || $0 == 127 || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") })
        else {
            throw .invalidLocation(
                location, reason: "a URL may not contain a space (write %20), a control character, ? or #")
        }
        url = URLText.encoded(url)
        if !url.hasSuffix("/") { url += "/" }
        guard !allowsExpired || scheme == "file" else {
            throw .invalidLocation(location, reason: "only a folder on this machine may have expired")
        }
        self.allowsExpired = allowsExpired
        self.name = name
        self.url = url
    }

    /// Where files that never change are: folders of this machine first, then the tree itself, then the user's mirrors and those
    /// that the publisher names.
    func places(_ named: [String]) -> [TransferPlace] {
        let own = (mirrors.filter { $0.hasPrefix("file:") } + [url] + mirrors).map { $0.hasSuffix("/") ? $0 : $0 + "/" }
        var seen: Set<String> = []
        let written = own.filter { seen.insert($0).inserted }.map { TransferPlace($0) }
        let others = publishersMirrors(named).filter { seen.insert($0.url).inserted }
        // The user's own are asked however many they are.
        return written + others.prefix(max(0, CatalogSource.mostMirrors + 1 - written.count))
    }

    /// The tree itself, and the mirrors that its publisher names: they may have newer metadata than the user's own.
    func publishersPlaces(_ named: [String]) -> [TransferPlace] {
        [TransferPlace(url)] + publishersMirrors(named).filter { $0.url != url }.prefix(CatalogSource.mostMirrors)
    }

    /// What of a catalog's mirrors may be asked at all. A name and password, a query or a fragment are for one server and one
    /// request: they would only let the publisher have us say to some server what he cannot say himself.
    private func publishersMirrors(_ named: [String]) -> [TransferPlace] {
        allowed(named).map { $0.url.hasSuffix("/") ? $0 : $0.appending("/") }
    }

    /// Where a vendor's file is, of the URLs that a catalog names: those that it may lead to, as for its mirrors.
    package func places(ofFile urls: [String]) -> [TransferPlace] {
        var seen: Set<String> = []
        return Array(allowed(urls).filter { seen.insert($0.url).inserted }.prefix(CatalogSource.mostMirrors))
    }

    private func allowed(_ named: [String]) -> [TransferPlace] {
        let written = Set((mirrors + [url]).compactMap(URLText.server))
        let isFolder = url.hasPrefix("file:")
        // A folder leads to folders, but no further into this machine and its networks than a server would.
        let own: AddressKind =
            isFolder ? .internet : kind ?? URLText.host(of: url).flatMap { AddressKind(host: $0) } ?? .internet
        return named.compactMap { url -> TransferPlace? in
            guard url == URLText.public(url) else { return nil }
            guard let server = URLText.server(of: url) else {
                return isFolder ? TransferPlace(url, reach: .named(by: .machine)) : nil
            }
            return TransferPlace(url, reach: written.contains(server) ? .written : .named(by: own))
        }
    }

    /// The URL as it may be shown: without user name and password.
    package var shownURL: String { URLText.withoutCredentials(url) }

    /// Whether nobody on the way can change what comes: https, a file: URL, or a server on the loopback interface.
    package var isPrivate: Bool { url.hasPrefix("https:") || URLText.isOfThisMachine(url) }

    /// Whether a text may be the name of a catalog: a letter or digit, then at most 63 letters, digits, `.`, `_` and `-`.
    package static func isValid(name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 64 else { return false }
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isAlphanumeric(first) && name.utf8.allSatisfy { isAlphanumeric($0) || "._-".utf8.contains($0) }
    }
}

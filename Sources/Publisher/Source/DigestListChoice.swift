import Curl

/// Which list has the digest of an image that is downloaded.
package enum DigestListChoice: Sendable, Equatable {
    /// SHA256SUMS, SHA512SUMS, the image's own list or another of the usual names, where the image lies.
    case beside
    /// A URL, or a name beside the image.
    case at(String)
    /// None: whatever comes is published.
    case unchecked

    /// - Parameter text: an option's: `none`, a URL or a name; nil for the usual lists.
    package init(_ text: String?) {
        switch text {
        case nil: self = .beside
        case "none": self = .unchecked
        case let text?: self = .at(text)
        }
    }

    /// Where to look for an image, the first first.
    func candidates(for url: String) -> [(url: String, isOwn: Bool)] {
        let plain = URLText.withoutQuery(url)
        let end = plain.lastIndex(of: "/").map { plain.index(after: $0) } ?? plain.endIndex
        let folder = plain[..<end]
        switch self {
        case .unchecked: return []
        case .at(let list):
            let place = list.contains("://") ? list : folder + list
            return [(place, place.hasPrefix(plain + "."))]
        case .beside:
            let lists =
                ["SHA256SUMS", "SHA512SUMS"].map { (String(folder + $0), false) }
                + ["sha256", "sha512", "sha256sum", "sha512sum"].map { ("\(plain).\($0)", true) }
                + ["CHECKSUM", "sha256sum.txt"].map { (String(folder + $0), false) }
            // A server that wants a token for the image may want it for the list as well.
            let query = url.dropFirst(plain.count).prefix { $0 != "#" }
            return lists + (query.isEmpty ? [] : lists.map { ($0.0 + query, $0.1) })
        }
    }
}

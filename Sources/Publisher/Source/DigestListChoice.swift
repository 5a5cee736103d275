/// Which list has the digest of an image that is downloaded.
package enum DigestListChoice: Sendable, Equatable {
    /// SHA256SUMS, SHA512SUMS or the image's own list, where the image lies.
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
        let end = url.lastIndex(of: "/").map { url.index(after: $0) } ?? url.endIndex
        let folder = url[..<end]
        switch self {
        case .unchecked: return []
        case .at(let list):
            let place = list.contains("://") ? list : folder + list
            return [(place, place.hasPrefix(url + "."))]
        case .beside:
            return ["SHA256SUMS", "SHA512SUMS"].map { (folder + $0, false) }
                + ["sha256", "sha512"].map { ("\(url).\($0)", true) }
        }
    }
}

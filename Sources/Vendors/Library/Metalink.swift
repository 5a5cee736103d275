import Curl
import Upstream

/// The mirrors in a metalink (version 3, or RFC 5854), the preferred first.
enum Metalink {
    /// Bytes of the longest one that is read.
    static let longest = 1_048_576
    /// Mirrors that count.
    private static let most = 8

    /// - Parameters:
    ///   - file: the vendor's own URL of the file: every mirror's must end in the same name.
    ///   - allowsPlain: whether http counts, too: every piece is verified, or the vendor's own URL is no better.
    static func mirrors(_ text: String, file: String, allowsPlain: Bool) -> [String] {
        var found: [(order: Int, url: String)] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "<url") {
            rest = rest[start.upperBound...]
            // What is not there behind this one is not there behind the next either, and is not looked for again and again.
            guard let open = rest.firstIndex(of: ">"), let end = rest.firstRange(of: "</url>") else { break }
            guard open < end.lowerBound else { continue }
            let attributes = rest[..<open]
            let url = CharacterReferences.resolved(
                String(rest[rest.index(after: open)..<end.lowerBound].filter { !$0.isWhitespace }))
            rest = rest[end.upperBound...]
            // Priorities count upwards, preferences downwards.
            let order =
                number("priority", in: attributes) ?? number("preference", in: attributes).map { 1_000_000 - $0 }
                ?? 500_000
            if isMirror(url, of: file, allowsPlain) { found.append((order, url)) }
        }
        var seen: Set<String> = [file]
        let sorted = found.enumerated().sorted { ($0.element.order, $0.offset) < ($1.element.order, $1.offset) }
        return Array(sorted.map(\.element.url).filter { seen.insert($0).inserted }.prefix(most))
    }

    private static func isMirror(_ url: String, of file: String, _ allowsPlain: Bool) -> Bool {
        guard url.hasPrefix("https://") || (allowsPlain && url.hasPrefix("http://")), url == URLText.public(url),
            url.utf8.allSatisfy({ $0 > 32 && $0 < 127 }), URLText.fileName(of: url) == URLText.fileName(of: file),
            let host = URLText.host(of: url)
        else { return false }
        // A list from the internet does not lead into this machine or its networks.
        let own = URLText.host(of: file).flatMap { AddressKind(host: $0) } ?? .internet
        return (AddressKind(host: host) ?? .internet) == .internet || own != .internet
    }

    private static func number(_ name: String, in attributes: Substring) -> Int? {
        guard let start = attributes.firstRange(of: "\(name)=") else { return nil }
        return Int(attributes[start.upperBound...].dropFirst().prefix { $0.isASCII && $0.isNumber }.prefix(6))
    }
}

import Curl
import Formats

/// A folder's page on a server of upstream's: the names in it.
package struct UpstreamPage: Sendable {
    /// A file or folder, once.
    package struct Name: Hashable, Sendable {
        /// As people read it.
        package let text: String
        /// As it is written in URLs.
        package let urlText: String
    }

    /// What a page says of a name.
    package struct Details: Hashable, Sendable {
        /// The day of its last change.
        package var modified: CivilDate?
        /// Bytes, where the page tells them exactly.
        package var size: UInt64?
    }

    /// In the order of the page.
    package let names: [Name]
    /// As far as the page has them.
    package let details: [Name: Details]
    /// Whether it is the beginning of a list that continues on another page.
    package let isCut: Bool

    /// Bytes of the longest page that is read.
    package static let longest = 16_777_216
    /// Bytes of the longest place that links may be relative to: each is resolved against it.
    private static let longestBase = 2048
    /// Links of a page that are looked at.
    private static let mostLinks = 65_536

    /// Reads a page: HTML of any server, or an object store's list of keys.
    /// - Parameters:
    ///   - url: what was asked for; its path ends with a slash.
    ///   - answer: where it came from in the end; links are relative to that.
    package init(_ html: String, url: String, answeredAs answer: String? = nil) {
        let page = HTMLLinks(html)
        let answer = answer ?? url
        let base = page.base.map { URLReference.resolve($0, against: answer) } ?? answer
        // A mirror that the server sends us to counts as the server does.
        let servers = Set([url, answer].compactMap { Place($0)?.server })
        let folders = [url, answer, base].compactMap { Place($0)?.folder }.filter { servers.contains($0.server) }
        // A prefix may end within a name.
        let prefix = page.prefix.map { text in
            text.lastIndex(of: "/").map { String(text[...$0]) } ?? ""
        }
        isCut = page.isCut || page.links.count + page.keys.count > UpstreamPage.mostLinks
        // One at a time: together they may be far longer than the page.
        let isFar = URLText.withoutQuery(base).utf8.count > UpstreamPage.longestBase
        let links = (isFar ? [] : page.links).prefix(UpstreamPage.mostLinks).lazy
            .map { (URLReference.resolve($0.reference, against: base), $0.details) }
        let keys = page.keys.prefix(UpstreamPage.mostLinks).lazy.map { key in
            // Keys start at the bucket, wherever in it the page is.
            let text = prefix.map { key.name.hasPrefix($0) ? String(key.name.dropFirst($0.count)) : key.name }
            return (URLText.withoutQuery(url) + (text ?? key.name), key.details)
        }
        var names: [Name] = []
        var details: [Name: Details] = [:]
        func add(_ link: String, _ said: Details) {
            let name: Name? = {
                guard let place = Place(link),
                    let folder = folders.first(where: { $0.server == place.server && place.path.hasPrefix($0.path) })
                else { return nil }
                var rest = place.path.dropFirst(folder.path.count)
                if rest.hasPrefix("./") { rest = rest.dropFirst(2) }
                // A key leads into a folder that is in the list by it alone.
                if page.isKeyList { rest = rest.prefix { $0 != "/" } }
                if rest.hasSuffix("/") { rest = rest.dropLast() }
                return UpstreamPage.name(rest)
            }()
            guard let name else { return }
            // A picture may link to it as well as its name does; the last link has the date beside it.
            let before = details[name]
            if before == nil { names.append(name) }
            details[name] = Details(
                modified: said.modified ?? before?.modified, size: said.size ?? before?.size)
        }
        for (link, said) in links { add(link, said) }
        for (link, said) in keys { add(link, said) }
        self.names = names
        self.details = details
    }

    /// nil for what is not a name in a folder.
    private static func name(_ part: Substring) -> Name? {
        guard !part.isEmpty, !part.contains("/"), let text = URLText.decoded(String(part)), text != ".", text != "..",
            !text.contains("/"), !text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 })
        else { return nil }
        return Name(text: text, urlText: URLReference.encoded(part))
    }

    /// Server and path of a URL; a file's server is empty.
    private struct Place {
        let server: String
        let path: Substring

        init(server: String, path: Substring) { (self.server, self.path) = (server, path) }

        init?(_ url: String) {
            let plain = URLText.withoutQuery(url)
            guard let scheme = plain.firstRange(of: "://") else { return nil }
            let isFile = plain[..<scheme.lowerBound].lowercased() == "file"
            guard let server = isFile ? "" : URLText.server(of: url) else { return nil }
            self.server = server
            path = plain[scheme.upperBound...].drop { $0 != "/" }
        }

        /// The path up to its last slash.
        var folder: Place {
            let end = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
            return Place(server: server, path: end == path.startIndex ? "/" : path[..<end])
        }
    }
}

/// Links as pages write them (RFC 3986, section 5, and what browsers make of spaces).
package enum URLReference {
    /// The whole URL that a link leads to, without query and fragment.
    package static func resolve(_ link: String, against base: String) -> String {
        let link = URLText.withoutQuery(String(link.filter { !"\t\n\r".contains($0) }.drop { $0 == " " }))
        let trimmed = link.reversed().drop { $0 == " " }.reversed()
        let text = String(trimmed)
        let base = URLText.withoutQuery(base)
        guard let scheme = base.firstRange(of: "://") else { return text }
        if isAbsolute(text) { return text }
        let root = base[..<(base[scheme.upperBound...].firstIndex(of: "/") ?? base.endIndex)]
        if text.hasPrefix("//") { return base[..<scheme.lowerBound] + ":" + text }
        let path = base[root.endIndex...]
        if text.hasPrefix("/") { return root + normal(text[...]) }
        let end = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.endIndex
        let folder = path[..<end].isEmpty ? "/" : path[..<end]
        return root + (text.isEmpty ? String(path) : normal(folder + text[...]))
    }

    private static func isAbsolute(_ link: String) -> Bool {
        guard let colon = link.firstIndex(of: ":"), let first = link.first, first.isASCII, first.isLetter else {
            return false
        }
        return link[..<colon].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
    }

    /// A path without `.` and `..`.
    private static func normal(_ path: Substring) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            switch part {
            case ".", "%2e", "%2E": break
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        if path.hasSuffix("/.") || path.hasSuffix("/..") { parts.append("") }
        return "/" + parts.joined(separator: "/")
    }

    /// A key of an object store as a path of URLs: a key is not a URL, so a `%` in it is a character like any other.
    static func encodedKey(_ key: String) -> String {
        key.split(separator: "/", omittingEmptySubsequences: false)
            .map {
                encoded(
                    $0.map { "%?#".contains($0) ? $0 == "%" ? "%25" : $0 == "?" ? "%3F" : "%23" : String($0) }.joined()[
                        ...])
            }
            .joined(separator: "/")
    }

    /// A part of a path as it is written in URLs: what is encoded stays so.
    static func encoded(_ part: Substring) -> String {
        part.utf8.map { byte in
            let character = Character(UnicodeScalar(byte))
            // + is a space to some servers.
            let isKept = byte > 32 && byte < 127 && !"\"<>\\^`{|}+".contains(character)
            let digits = String(byte, radix: 16, uppercase: true)
            return isKept ? String(character) : digits.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
        .joined()
    }
}

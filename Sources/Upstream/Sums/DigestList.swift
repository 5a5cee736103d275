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
    package func candidates(for url: String) -> [(url: String, isOwn: Bool)] {
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

/// A list of files' digests as distributions publish it: SHA256SUMS, SHA512SUMS, CHECKSUM, `NAME.sha512`.
package struct DigestList {
    /// What a list says of a file.
    package enum Finding: Equatable {
        /// Lower-case hexadecimal, 64 or 128 digits.
        case digest(String)
        /// Two different ones of the same kind.
        case contradiction
        case nothing
    }

    private struct Entry {
        /// As the list has it; empty where it has a digest and no name.
        let name: String
        let digest: String
    }

    private var entries: [Entry] = []
    /// Bytes of files, from comments; nil for a name with two.
    private var sizes: [String: UInt64?] = [:]

    /// Bytes of the longest list that is read.
    package static let longest = 4_194_304
    /// Bytes of the longest line: a path of the greatest length, and more than a digest.
    private static let longestLine = 8192

    /// Whether no line of it is a digest: a page that a server sends for what is not there, for one.
    package var isEmpty: Bool { entries.isEmpty }

    /// Reads `HEX  NAME`, `HEX *NAME`, `SHA256 (NAME) = HEX` and what openssl writes, `SHA2-256(NAME)= HEX`, with or without GNU's
    /// mark of an escaped name; others, such as comments, are passed over. Of a clear-signed list only what is signed counts, which is
    /// no proof that it is signed. JSON is read as ``JSONDigests`` says.
    package init(_ text: String) {
        let first = text.first { !$0.isWhitespace && $0 != "\u{FEFF}" }
        if first == "{" || first == "[" {
            entries = JSONDigests.entries(of: text).map { Entry(name: $0.name, digest: $0.digest) }
            return
        }
        var isOther = false
        for line in DigestList.signedLines(text) where line.utf8.count <= DigestList.longestLine {
            if line.hasPrefix("#") {
                // Gentoo's lists: "# BLAKE2B HASH" before digests of the same length.
                let words = line.dropFirst().split(whereSeparator: \.isWhitespace)
                if words.count == 2, words[1].lowercased() == "hash" {
                    isOther = DigestList.digits(of: words[0]) == nil
                } else if let (name, size) = DigestList.size(in: line) {
                    sizes[name] = .some(sizes[name, default: size] == size ? size : nil)
                }
            } else if !isOther {
                read(line)
            }
        }
    }

    /// Fedora's and its kin's comment of a file's bytes: `# NAME: N bytes`.
    private static func size(in line: Substring) -> (name: String, bytes: UInt64)? {
        guard let colon = line.lastIndex(of: ":") else { return nil }
        let words = line[line.index(after: colon)...].split(maxSplits: 3, whereSeparator: \.isWhitespace)
        let name = line[..<colon].dropFirst().drop(while: \.isWhitespace)
        guard words.count == 2, words[1] == "bytes", words[0].utf8.count <= 18, !name.isEmpty,
            let bytes = UInt64(words[0])
        else { return nil }
        return (String(name), bytes)
    }

    /// The lines without what frames them: a byte order mark, carriage returns, a signature.
    private static func signedLines(_ text: String) -> [Substring] {
        // A carriage return and a line feed are one character here.
        var lines = text.drop { $0 == "\u{FEFF}" }.split(whereSeparator: \.isNewline)
        guard let start = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN PGP SIGNED MESSAGE-----") }) else {
            return lines
        }
        lines = Array(lines[(start + 1)...].prefix { !$0.hasPrefix("-----BEGIN PGP SIGNATURE-----") })
        return lines.map { $0.hasPrefix("- ") ? $0.dropFirst(2) : $0 }
    }

    private mutating func read(_ line: Substring) {
        var line = line.drop(while: \.isWhitespace)
        let isEscaped = line.first == "\\"
        if isEscaped { line = line.dropFirst() }
        let first = line.prefix { !$0.isWhitespace }
        let digest =
            first.lowercased().hasPrefix("sha256:") || first.lowercased().hasPrefix("sha512:")
            ? first.dropFirst(7) : first
        if DigestList.isDigest(digest) {
            var name = line[first.endIndex...]
            // A space, then a space or the mark of a binary file; some write one space, some a tab or more spaces.
            if name.first?.isWhitespace == true { name = name.dropFirst() }
            if name.first == " " || name.first == "*" { name = name.dropFirst() }
            add(name, digest, isEscaped)
            let trimmed = name.drop { $0.isWhitespace || $0 == "*" }
            if trimmed.startIndex != name.startIndex { add(trimmed, digest, isEscaped) }
        } else if let open = line.firstIndex(of: "("),
            let digits = DigestList.digits(of: line[..<open]), let equals = line.lastIndex(of: "="),
            let close = line[..<equals].lastIndex(of: ")"), open < close
        {
            let digest = line[line.index(after: equals)...].drop(while: \.isWhitespace).prefix { !$0.isWhitespace }
            guard digest.utf8.count == digits, DigestList.isDigest(digest) else { return }
            add(line[line.index(after: open)..<close], digest, isEscaped)
        }
    }

    private mutating func add(_ name: Substring, _ digest: Substring, _ isEscaped: Bool) {
        var plain = isEscaped ? DigestList.unescaped(name) : String(name)
        while plain.last?.isWhitespace == true { plain.removeLast() }
        while plain.hasPrefix("./") { plain.removeFirst(2) }
        // What was read from standard input has no name.
        if ["-", "stdin", "(stdin)"].contains(plain) { plain = "" }
        entries.append(Entry(name: plain, digest: digest.lowercased()))
    }

    private static func unescaped(_ name: Substring) -> String {
        var plain = ""
        var isEscape = false
        for character in name {
            if isEscape {
                plain.append(character == "n" ? "\n" : character == "r" ? "\r" : character)
                isEscape = false
            } else if character == "\\" {
                isEscape = true
            } else {
                plain.append(character)
            }
        }
        return plain
    }

    /// What the list says of a file.
    ///
    /// A list may lie in a folder above, or may have been made elsewhere: the name that shares most with the path counts.
    /// - Parameters:
    ///   - paths: the ways to write the file's path: as in its URL, and decoded.
    ///   - isOwn: the list is for that file alone: then a digest without a name is the file's, and so is the only one, whatever its name.
    ///   - isOther: whether a name that is not the file's may be another of its names; "" stands for a digest without a name. A signed list
    ///     is a right one of some file, and whoever serves it can put it into the place of this file's.
    package func finding(
        for paths: [String], isOwn: Bool, isOther: (_ name: String) -> Bool = { _ in true }
    ) -> Finding {
        let wanted = paths.map { $0.split(separator: "/") }.filter { !$0.isEmpty }
        var best = (length: 0, entries: [Entry]())
        for entry in entries {
            let parts = entry.name.split(separator: "/")
            let common =
                wanted.map { path in zip(path.reversed(), parts.reversed()).prefix { $0 == $1 }.count }.max() ?? 0
            // A name that the path ends in is better than one that ends as the path does.
            let length = common == 0 ? 0 : 2 * common + (common == parts.count ? 1 : 0)
            if length > best.length { best = (length, []) }
            if length == best.length, length > 0 { best.entries.append(entry) }
        }
        if best.entries.isEmpty, isOwn {
            let nameless = entries.filter(\.name.isEmpty)
            // A list for a file under another of its names: only where there is no choice.
            if nameless.isEmpty, Set(longest(of: entries).map(\.digest)).count > 1 { return .nothing }
            best.entries = (nameless.isEmpty ? entries : nameless).filter { isOther($0.name) }
        }
        let digests = Set(longest(of: best.entries).map(\.digest))
        guard let digest = digests.first else { return .nothing }
        return digests.count == 1 ? .digest(digest) : .contradiction
    }

    /// Of a list of both kinds, the longer digests count.
    private func longest(of entries: [Entry]) -> [Entry] {
        let most = entries.map(\.digest.utf8.count).max() ?? 0
        return entries.filter { $0.digest.utf8.count == most }
    }

    /// Bytes of a file, as a comment says it: `# NAME: N bytes`.
    /// - Returns: nil where none does, or two differ.
    package func size(of name: String) -> UInt64? { sizes[name] ?? nil }

    /// The names that it has digests of, in its order; without those of files that have none.
    package var names: [String] {
        var seen: Set<String> = []
        return entries.map(\.name).filter { !$0.isEmpty && seen.insert($0).inserted }
    }

    /// The hexadecimal digits of a kind of digest that is known here.
    private static func digits(of name: Substring) -> Int? {
        switch name.lowercased().filter({ !$0.isWhitespace }) {
        case "sha256", "sha-256", "sha2-256": 64
        case "sha512", "sha-512", "sha2-512": 128
        default: nil
        }
    }

    private static func isDigest(_ text: Substring) -> Bool {
        (text.utf8.count == 64 || text.utf8.count == 128)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
            }
    }
}

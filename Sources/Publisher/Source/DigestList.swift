/// A list of files' digests as distributions publish it: SHA256SUMS, SHA512SUMS, CHECKSUM, `NAME.sha512`.
struct DigestList {
    /// Digests by file name, lower-case hexadecimal, 64 or 128 digits.
    private var digests: [String: String] = [:]
    /// The digest of a list that has nothing but one.
    private var only: String?

    /// Bytes of the longest list that is read.
    static let longest = 4_194_304

    /// Reads the lines `HEX  NAME`, `HEX *NAME` and `SHA256 (NAME) = HEX`; others, such as a signature's, are passed over.
    init(_ text: String) {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            if words.count == 1, DigestList.isDigest(words[0]) {
                only = words[0].lowercased()
            } else if words.count >= 2, DigestList.isDigest(words[0]) {
                var name = line.drop { $0 == " " }.dropFirst(words[0].count).drop { $0 == " " || $0 == "\t" }
                if name.first == "*" { name = name.dropFirst() }
                add(name, words[0])
            } else if let open = line.firstRange(of: " ("), let close = line.firstRange(of: ") = "),
                open.upperBound <= close.lowerBound, DigestList.isDigest(line[close.upperBound...])
            {
                add(line[open.upperBound..<close.lowerBound], line[close.upperBound...])
            }
        }
    }

    private mutating func add(_ name: Substring, _ digest: Substring) {
        let plain = name.hasPrefix("./") ? name.dropFirst(2) : name
        // A list of both kinds: the longer digest counts.
        let key = String(plain)
        if digests[key]?.count ?? 0 < digest.count { digests[key] = digest.lowercased() }
    }

    /// The digest of a file.
    /// - Parameter isOwn: the list is that file's alone, so a digest without a name is its.
    func digest(of name: String, isOwn: Bool) -> String? { digests[name] ?? (isOwn ? only : nil) }

    private static func isDigest(_ text: Substring) -> Bool {
        (text.utf8.count == 64 || text.utf8.count == 128)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
            }
    }
}

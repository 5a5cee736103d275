import Curl
import TOML

/// Typed look-ups in one table of a vendor's file, and in a second one for what is not in the first.
struct TableReader {
    let table: TOMLTable
    var defaults: TOMLTable?
    let file: String
    /// Before the key in errors.
    var place = ""

    /// Bytes of the longest text.
    private static let longest = 4096
    /// Elements of the longest list.
    private static let most = 64

    func error(_ key: String, _ reason: String) -> VendorsError {
        .table(file: file, place: place + key, reason: reason)
    }

    /// A misspelt key is an error, not a silent default.
    func check(known: Set<String>) throws(VendorsError) {
        for key in table.keys where !known.contains(key) { throw error(key, "is not a key that means anything here") }
    }

    private func value(_ key: String) -> TOMLValue? { table[key] ?? defaults?[key] }

    func has(_ key: String) -> Bool { value(key) != nil }

    func text(_ key: String) throws(VendorsError) -> String? {
        guard let value = value(key) else { return nil }
        guard let text = value.string else { throw error(key, "must be a string") }
        return try plain(text, key)
    }

    func needed(_ key: String) throws(VendorsError) -> String {
        guard let text = try text(key) else { throw error(key, "is missing") }
        return text
    }

    private func plain(_ text: String, _ key: String) throws(VendorsError) -> String {
        guard !text.isEmpty, text.utf8.count <= TableReader.longest else {
            throw error(key, "must have 1 to \(TableReader.longest) bytes")
        }
        // Also those that turn the direction of text, or its lines.
        let isPlain = text.unicodeScalars.allSatisfy {
            $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && !(0x2028...0x202E).contains($0.value)
                && !(0x2066...0x2069).contains($0.value) && $0.value != 0xFFFD
        }
        guard isPlain else { throw error(key, "may not contain control characters") }
        return text
    }

    func choice<Word: RawRepresentable & CaseIterable>(_ key: String, _ type: Word.Type) throws(VendorsError) -> Word?
    where Word.RawValue == String {
        guard let text = try text(key) else { return nil }
        guard let word = Word(rawValue: text) else {
            throw error(key, "must be one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    /// A string, or a list of strings; empty for none.
    func texts(_ key: String) throws(VendorsError) -> [String] {
        guard let value = value(key) else { return [] }
        if value.string != nil { return [try needed(key)] }
        guard let array = value.array, array.count <= TableReader.most else {
            throw error(key, "must be a list of at most \(TableReader.most) strings")
        }
        var texts: [String] = []
        for element in array {
            guard let text = element.string else { throw error(key, "must be a list of strings") }
            texts.append(try plain(text, key))
        }
        return texts
    }

    func flag(_ key: String) throws(VendorsError) -> Bool {
        guard let value = value(key) else { return false }
        guard let flag = value.bool else { throw error(key, "must be true or false") }
        return flag
    }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(VendorsError) -> Int? {
        guard let value = value(key) else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw error(key, "must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// - Parameter isFolder: whether it must end with a slash.
    func url(_ key: String, isFolder: Bool = false) throws(VendorsError) -> String? {
        try text(key).map { text throws(VendorsError) in try checked(text, key, isFolder: isFolder) }
    }

    func urls(_ key: String, isFolder: Bool = false) throws(VendorsError) -> [String] {
        var urls: [String] = []
        for text in try texts(key) { urls.append(try checked(text, key, isFolder: isFolder)) }
        return urls
    }

    /// A file's name, path or URL, with placeholders. Only a full URL has a server, and that is written out: it decides where files come
    /// from, and what is asked when it changes.
    func reference(_ key: String) throws(VendorsError) -> String? {
        guard let text = try text(key) else { return nil }
        if TableReader.hasScheme(text) {
            let url = try checked(text, key, isFolder: false)
            guard let server = URLText.server(of: url), !server.contains(where: { $0 == "{" || $0 == "}" }) else {
                throw error(key, "may not have a placeholder in its server's name")
            }
            return url
        }
        guard !TableReader.beginsWithServer(text), !text.hasPrefix(" ") else {
            throw error(key, "must be a name, a path or a full URL")
        }
        return text
    }

    /// Whether a text begins as a URL with a scheme: a letter, then letters, digits, `+`, `-` or `.`, then a colon.
    ///
    /// By hand, as all that is asked of each row: a regular expression is compiled at each use, and a list reads hundreds of rows.
    private static func hasScheme(_ text: String) -> Bool {
        let scheme = text.utf8.prefix { $0 != UInt8(ascii: ":") }
        guard scheme.endIndex != text.utf8.endIndex, let first = scheme.first, isLetter(first) else { return false }
        return scheme.allSatisfy { isLetter($0) || (48...57).contains($0) || "+-.".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte | 32) && byte < 128 }

    /// Whether the first two characters are slashes of either kind, or blanks.
    private static func beginsWithServer(_ text: String) -> Bool {
        let start = text.prefix(2)
        return start.count == 2 && start.allSatisfy { $0 == "/" || $0 == "\\" || $0.isWhitespace }
    }

    private func checked(_ url: String, _ key: String, isFolder: Bool) throws(VendorsError) -> String {
        let isWeb = url.hasPrefix("https://") || url.hasPrefix("http://")
        guard isWeb, URLText.isURL(url), URLText.server(of: url) != nil, !url.contains(" ") else {
            throw error(key, "must be an http or https URL")
        }
        guard url == URLText.withoutCredentials(url) else {
            throw error(key, "may not contain a user name or password")
        }
        guard !isFolder || url.hasSuffix("/") else { throw error(key, "must end with a slash") }
        return url
    }
}

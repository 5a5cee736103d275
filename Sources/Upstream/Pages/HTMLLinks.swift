import Formats

/// The links of an HTML page, or the keys of an object store's list, found as a browser finds them: by the states of the WHATWG's
/// tokenizer (HTML, section 13.2.5), so that comments, scripts and the like give none. docs/decisions/0017 says why it is ours.
struct HTMLLinks {
    /// `href` of `a` and `area`, character references resolved, and what the page says behind each.
    private(set) var links: [(reference: String, details: UpstreamPage.Details)] = []
    /// `href` of the first `base`.
    private(set) var base: String?
    /// Keys and common prefixes of a list of S3.
    private(set) var keys: [(name: String, details: UpstreamPage.Details)] = []
    /// What the keys of such a list begin with.
    private(set) var prefix: String?
    /// Whether such a list continues on another page.
    private(set) var isCut = false
    /// Whether the page is such a list.
    private(set) var isKeyList = false

    private let bytes: [UInt8]
    private var position = 0
    /// The elements of a list that are open.
    private var open: [String] = []
    private var text: [UInt8] = []
    /// What a list says of the key that is being read.
    private var said = UpstreamPage.Details()
    /// Whether what is read stands behind a link, and before the next.
    private var isBehindLink = false
    /// Bytes behind a link that are looked at.
    private static let longestRemark = 256

    init(_ html: String) {
        bytes = Array(html.utf8)
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "<") else {
                if isKeyList || (isBehindLink && text.count < HTMLLinks.longestRemark) { text.append(bytes[position]) }
                position += 1
                continue
            }
            position += 1
            // Cells of a table are apart.
            if isBehindLink { text.append(UInt8(ascii: " ")) }
            readMarkup()
        }
        endRemark()
    }

    /// Reads what stood behind the last link.
    private mutating func endRemark() {
        guard isBehindLink, !links.isEmpty else { return }
        isBehindLink = false
        links[links.count - 1].details = FolderColumns.read(String(decoding: text, as: UTF8.self))
        text = []
    }

    // MARK: Tokens

    /// What follows a `<`.
    private mutating func readMarkup() {
        switch byte(0) {
        case UInt8(ascii: "!")?:
            if has("!--") {
                position += 3
                skipComment()
            } else {
                skip(past: ">")
            }
        case UInt8(ascii: "?")?: skip(past: ">")
        case UInt8(ascii: "/")?:
            position += 1
            guard isLetter(byte(0)) else { return skip(past: ">") }
            if let tag = readTag() { end(tag.name) }
        case let first where isLetter(first): if let tag = readTag() { start(tag) }
        default: break
        }
    }

    /// `<!-->` and `<!--->` are whole comments; others end with `-->` or `--!>`, or never.
    private mutating func skipComment() {
        if has(">") || has("->") { return skip(past: ">") }
        while position < bytes.count, !has("-->"), !has("--!>") { position += 1 }
        skip(past: ">")
    }

    /// nil for a tag that the page's end cuts off.
    private mutating func readTag() -> (name: String, attributes: [String: String], closesItself: Bool)? {
        let name = take { !isSpace($0) && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ">") }.lowercased()
        var attributes: [String: String] = [:]
        var closesItself = false
        while let next = byte(0) {
            if next == UInt8(ascii: ">") {
                position += 1
                return (name, attributes, closesItself)
            }
            if isSpace(next) || next == UInt8(ascii: "/") {
                closesItself = next == UInt8(ascii: "/")
                position += 1
                continue
            }
            closesItself = false
            let (key, value) = readAttribute()
            // The first of a name counts.
            if attributes[key] == nil { attributes[key] = value }
        }
        return nil
    }

    private mutating func readAttribute() -> (String, String) {
        // An equals sign at the start is part of the name.
        let start = position
        if byte(0) == UInt8(ascii: "=") { position += 1 }
        _ = take { !isSpace($0) && !"/>=".utf8.contains($0) }
        let name = String(decoding: bytes[start..<position], as: UTF8.self).lowercased()
        _ = take(while: isSpace)
        guard byte(0) == UInt8(ascii: "=") else { return (name, "") }
        position += 1
        _ = take(while: isSpace)
        guard let quote = byte(0), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            return (name, CharacterReferences.resolved(take { !isSpace($0) && $0 != UInt8(ascii: ">") }))
        }
        position += 1
        let value = take { $0 != quote }
        position = min(position + 1, bytes.count)
        return (name, CharacterReferences.resolved(value))
    }

    // MARK: Elements

    /// Elements whose content is text, up to their own end.
    private static let rawTexts: Set<String> = [
        "script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes",
    ]

    private mutating func start(_ tag: (name: String, attributes: [String: String], closesItself: Bool)) {
        if tag.name == "listbucketresult" { isKeyList = true }
        if isKeyList {
            if !tag.closesItself { open.append(tag.name) }
            text = []
            return
        }
        switch tag.name {
        case "a", "area":
            endRemark()
            if let link = tag.attributes["href"] { links.append((link, UpstreamPage.Details())) }
        case "base": if base == nil { base = tag.attributes["href"] }
        case "plaintext": position = bytes.count
        case let name where HTMLLinks.rawTexts.contains(name): skipText(of: name)
        default: break
        }
    }

    private mutating func skipText(of name: String) {
        let end = Array("</\(name)".utf8)
        while position < bytes.count {
            if matches(end), let next = byte(end.count), isSpace(next) || "/>".utf8.contains(next) { return }
            position += 1
        }
    }

    private mutating func end(_ name: String) {
        if name == "a", !isKeyList, !links.isEmpty { (isBehindLink, text) = (true, []) }
        guard isKeyList, open.last == name else { return }
        open.removeLast()
        let value = CharacterReferences.resolved(String(decoding: text, as: UTF8.self))
        switch (open.last, name) {
        case ("contents", "key"), ("commonprefixes", "prefix"):
            keys.append((URLReference.encodedKey(value), UpstreamPage.Details()))
        case ("contents", "lastmodified"): said.modified = CivilDate(String(value.prefix(10)))
        case ("contents", "size"): said.size = UInt64(value)
        case (_, "contents"):
            if !keys.isEmpty { keys[keys.count - 1].details = said }
            said = UpstreamPage.Details()
        case ("listbucketresult", "prefix"): prefix = URLReference.encodedKey(value)
        case ("listbucketresult", "istruncated"): isCut = value == "true"
        default: break
        }
        text = []
    }

    // MARK: Bytes

    private func byte(_ offset: Int) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    private func has(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { $0.enumerated().allSatisfy { byte($0.offset) == $0.element } }
    }

    /// Whether these bytes follow, in small or capital letters.
    private func matches(_ name: [UInt8]) -> Bool {
        guard bytes.count - position >= name.count else { return false }
        return name.indices.allSatisfy { index in
            let found = bytes[position + index]
            return found == name[index] || (isLetter(found) && found | 0x20 == name[index])
        }
    }

    private mutating func skip(past last: Character) {
        while position < bytes.count, bytes[position] != last.asciiValue { position += 1 }
        position = min(position + 1, bytes.count)
    }

    private mutating func take(while isMeant: (UInt8) -> Bool) -> String {
        let start = position
        while position < bytes.count, isMeant(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }
}

private func isSpace(_ byte: UInt8) -> Bool { [9, 10, 12, 13, 32].contains(byte) }

private func isLetter(_ byte: UInt8?) -> Bool {
    byte.map { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) } ?? false
}

/// `&amp;`, `&#43;` and `&#x2B;`.
package enum CharacterReferences {
    /// Those that stand for what file names and URLs are made of; the others of HTML's 2,231 stay as they are.
    private static let named: [String: Character] = [
        "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "sol": "/", "bsol": "\\",
        "period": ".", "comma": ",", "colon": ":", "semi": ";", "num": "#", "percnt": "%", "plus": "+", "equals": "=",
        "lowbar": "_", "hyphen": "\u{2010}", "dash": "\u{2010}", "commat": "@", "quest": "?", "excl": "!",
        "dollar": "$",
        "ast": "*", "lpar": "(", "rpar": ")", "lsqb": "[", "rsqb": "]", "lcub": "{", "rcub": "}", "Tab": "\t",
        "NewLine": "\n", "Hat": "^", "grave": "`", "vert": "|",
    ]
    /// Those that need no semicolon, as long as neither a letter, a digit nor an equals sign follows.
    private static let old: Set<String> = ["amp", "lt", "gt", "quot", "nbsp", "AMP", "LT", "GT", "QUOT"]

    /// An attribute's value with its references replaced.
    package static func resolved(_ text: String) -> String {
        guard text.contains("&") else { return text }
        var plain = ""
        var rest = text[...]
        while let character = rest.first {
            if character == "&", let (found, end) = reference(rest.dropFirst()) {
                plain.append(found)
                rest = end
            } else {
                plain.append(character)
                rest = rest.dropFirst()
            }
        }
        return plain
    }

    private static func reference(_ text: Substring) -> (Character, Substring)? {
        if text.first == "#" {
            let isHexadecimal = text.dropFirst().first?.lowercased() == "x"
            let digits = text.dropFirst(isHexadecimal ? 2 : 1).prefix { $0.isASCII && $0.isHexDigit }
                .prefix { isHexadecimal || $0.isNumber }
            guard let value = UInt32(digits.prefix(10), radix: isHexadecimal ? 16 : 10), value > 0,
                let scalar = UnicodeScalar(value)
            else { return nil }
            let rest = text[digits.endIndex...]
            return (Character(scalar), rest.first == ";" ? rest.dropFirst() : rest)
        }
        let name = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
        let rest = text[name.endIndex...]
        if rest.first == ";" {
            let found = named[String(name)] ?? (old.contains(String(name)) ? named[name.lowercased()] : nil)
            return found.map { ($0, rest.dropFirst()) }
        }
        guard rest.first != "=", old.contains(String(name)) else { return nil }
        return named[name.lowercased()].map { ($0, rest) }
    }
}

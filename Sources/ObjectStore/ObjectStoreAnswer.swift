/// The little XML that an object store answers with, read by the names of its elements.
///
/// No general parser: no entity but XML's own five is expanded, nothing nests deeper than the caller asks, and the text has
/// bounds before it comes here.
struct ObjectStoreAnswer {
    private let text: Substring

    init(_ bytes: [UInt8]) { text = Substring(String(decoding: bytes, as: UTF8.self)) }

    private init(_ text: Substring) { self.text = text }

    /// The name of the outermost element, and whether it is there to its end; nil for what is not XML, such as an empty answer.
    var root: (name: String, isWhole: Bool)? {
        var rest = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        // Declarations and comments before it.
        while rest.hasPrefix("<?") || rest.hasPrefix("<!") {
            guard let end = rest.firstIndex(of: ">") else { return nil }
            rest = rest[rest.index(after: end)...].drop(while: \.isWhitespace)
        }
        guard rest.hasPrefix("<") else { return nil }
        let name = rest.dropFirst().prefix { !$0.isWhitespace && $0 != ">" && $0 != "/" }
        if name.isEmpty { return nil }
        let end = rest.reversed().drop { $0.isWhitespace }
        // An element without content closes itself; one that does so at the end of a part may be any within.
        let tag = rest.prefix { $0 != ">" }
        let isEmpty = tag.hasSuffix("/") && rest[tag.endIndex...].dropFirst().allSatisfy(\.isWhitespace)
        return (String(name), isEmpty || end.starts(with: "</\(name)>".reversed()))
    }

    /// Whether it is nothing at all, or says that it is XML.
    var isBlankOrXML: Bool {
        let rest = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        return rest.isEmpty || rest.hasPrefix("<?xml")
    }

    /// What every element of this name holds, in order.
    func elements(_ name: String) -> [ObjectStoreAnswer] {
        var found: [ObjectStoreAnswer] = []
        var rest = text
        let (opening, closing) = ("<\(name)>", "</\(name)>")
        while let start = rest.firstRange(of: opening) {
            rest = rest[start.upperBound...]
            guard let end = rest.firstRange(of: closing) else { break }
            found.append(ObjectStoreAnswer(rest[..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return found
    }

    /// The text of the first element of this name; nil when there is none.
    func text(_ name: String) -> String? { elements(name).first?.content }

    /// The text with XML's entities replaced.
    private var content: String {
        guard text.contains("&") else { return String(text) }
        var (result, rest) = ("", text)
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            rest = rest[rest.index(after: start)...]
            let name = rest.prefix { $0 != ";" }
            guard name.count <= 8, name.endIndex < rest.endIndex, let character = ObjectStoreAnswer.entity(name) else {
                result += "&"
                continue
            }
            result.unicodeScalars.append(character)
            rest = rest[rest.index(after: name.endIndex)...]
        }
        return result + rest
    }

    private static func entity(_ name: Substring) -> UnicodeScalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.hasPrefix("#") else { return nil }
            let isHexadecimal = name.dropFirst().hasPrefix("x")
            return UInt32(name.dropFirst(isHexadecimal ? 2 : 1), radix: isHexadecimal ? 16 : 10)
                .flatMap(UnicodeScalar.init)
        }
    }
}

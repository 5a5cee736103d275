/// The name that a user gives to what stays when guests end: a home, a machine, a machine's
/// snapshot. It becomes a part of files' names.
package struct KeptName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Bytes.
    package static let longest = 64
    package let text: String

    /// Nil for anything but a letter (a to z, A to Z) or digit, then letters, digits, `.`, `_` and `-`: so a name is never a hidden file, nor
    /// leads elsewhere, and needs no quotes in a shell.
    package init?(_ text: String) {
        guard KeptName.fault(of: text) == nil else { return nil }
        self.text = text
    }

    /// Why a text is not such a name, as a phrase; nil for one that is.
    static func fault(of text: String) -> String? {
        guard let first = text.utf8.first else { return "it is empty" }
        guard text.utf8.count <= longest else { return "it has more than \(longest) characters" }
        guard isAlphanumeric(first) else { return "it must begin with a letter or a digit" }
        guard text.utf8.allSatisfy({ isAlphanumeric($0) || "._-".utf8.contains($0) }) else {
            return "use letters (a to z, A to Z), digits, '.', '_' and '-', and no spaces"
        }
        return nil
    }

    /// - Throws: ``BootError/invalidKeptName(_:)``.
    package init(argument text: String) throws(BootError) {
        guard let name = KeptName(text) else { throw .invalidKeptName(text) }
        self = name
    }

    package var description: String { text }

    package static func < (left: KeptName, right: KeptName) -> Bool { left.text < right.text }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

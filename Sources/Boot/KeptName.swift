/// The name that a user gives to what stays when guests end: a home, a machine. It becomes a part of files' names.
package struct KeptName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Bytes.
    package static let longest = 64
    package let text: String

    /// Nil for anything but a letter (a to z, A to Z) or digit, then letters, digits, `.`, `_` and `-`: so a name is never a hidden file, nor
    /// leads elsewhere, and needs no quotes in a shell.
    package init?(_ text: String) {
        guard let first = text.utf8.first, KeptName.isAlphanumeric(first), text.utf8.count <= KeptName.longest,
            text.utf8.allSatisfy({ KeptName.isAlphanumeric($0) || "._-".utf8.contains($0) })
        else { return nil }
        self.text = text
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

/// The name that a user gives to what stays when guests end: a home, a machine. It becomes a part of files' names.
package struct KeptName: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Bytes.
    package static let longest = 40
    package let text: String

    /// Nil for anything but 1 to ``longest`` lower-case letters, digits, `.`, `_` and `-`, of which the first is a letter or a digit and the last
    /// no dot, without two dots in a row.
    package init?(_ text: String) {
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        guard let first = text.utf8.first, letters.contains(first) || digits.contains(first),
            text.utf8.count <= KeptName.longest, !text.hasSuffix("."), !text.contains(".."),
            text.utf8.allSatisfy({ letters.contains($0) || digits.contains($0) || "._-".utf8.contains($0) })
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
}

import Catalog
import Linux

/// The names of machines, and of their snapshots: a letter or digit, then letters, digits, `.`, `_` and `-`, 64 in all. So a name is one part of
/// a path, is never a hidden file, and needs no quotes in a shell.
package enum MachineName {
    package static let longest = 64

    /// - Throws: ``MachineError/invalidName(_:reason:)``.
    package static func check(_ name: String) throws(MachineError) {
        func refuse(_ reason: String) -> MachineError { .invalidName(name, reason: reason) }
        guard let first = name.utf8.first else { throw refuse("it is empty") }
        guard name.utf8.count <= longest else { throw refuse("it has more than \(longest) characters") }
        guard isAlphanumeric(first) else { throw refuse("it must begin with a letter or a digit") }
        guard name.utf8.allSatisfy({ isAlphanumeric($0) || "._-".utf8.contains($0) }) else {
            throw refuse("use letters (a to z, A to Z), digits, '.', '_' and '-', and no spaces")
        }
    }

    package static func isValid(_ name: String) -> Bool {
        do throws(MachineError) {
            try check(name)
            return true
        } catch {
            return false
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

import Linux

/// The files of one warm state: `CACHE/warm/KEY/`, which nobody else may pass. It appears whole, by the rename of its folder, and is not
/// changed afterwards, but for the notes of its use.
package struct WarmFolder: Sendable {
    /// 32 hexadecimal digits, see ``WarmNeeds/key``.
    package let key: String
    package let path: String

    /// - Parameter folder: `CACHE/warm`.
    package init(_ key: String, in folder: String) {
        self.key = key
        path = "\(folder)/\(key)"
    }

    package var record: String { "\(path)/record.json" }
    /// As a ``MemoryFile``.
    package var memory: String { "\(path)/memory" }
    /// What the template wrote; absent for a guest without a disk of its own.
    package var overlay: String { "\(path)/overlay.qcow2" }
    /// UEFI's variables; absent for a BIOS.
    package var variables: String { "\(path)/variables.fd" }
    /// Held with flock: shared by who starts a guest from it until that has what it needs, exclusively by who removes it. Its time is that
    /// of the last use.
    package var lock: String { "\(path)/lock" }
    /// How many starts in a row it has failed; absent for none.
    var failures: String { "\(path)/failures" }

    /// Whether a name is a state's.
    static func isKey(_ name: String) -> Bool {
        name.utf8.count == 32
            && name.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}

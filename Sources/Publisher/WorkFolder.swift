import Linux

/// A folder for one piece of work; it is removed with the object.
final class WorkFolder: Sendable {
    let path: String

    /// - Throws: ``SystemCallError`` of `mkdir`.
    init() throws(SystemCallError) {
        path = try WorkFolder.make(in: Environment.temporaryFolder, name: "oscircular-publish")
    }

    /// Makes a folder that nobody else can look into; the caller removes it.
    /// - Returns: its path.
    /// - Throws: ``SystemCallError`` of `mkdir`; EEXIST for a name that somebody else took.
    static func make(in base: String, name: String) throws(SystemCallError) -> String {
        let path = "\(base)/\(name)-\(String(UInt64.random(in: 0 ... .max), radix: 36))"
        try Folder.makeNew(path, mode: 0o700)
        return path
    }

    // A temporary folder that stays is the system's to clear.
    deinit { try? Folder.removeTree(path) }
}

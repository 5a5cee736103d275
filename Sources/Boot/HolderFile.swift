import Linux

/// A file that is held with flock by whoever has something, and says who that is.
struct HolderFile: Sendable {
    /// Bytes that are read of it.
    private static let longest = 256

    let path: String

    /// Whether somebody holds it now. What cannot be found out counts as no.
    var isHeld: Bool {
        // As said above.
        guard let handle = try? FileHandle(path, for: .reading, .refuseLink) else { return false }
        // As said above.
        return (try? handle.lock(exclusive: false, wait: false)) == false
    }

    /// What stands in it. What cannot be read says nothing.
    var text: String {
        // As said above.
        (try? FileContents.readText(path, limit: HolderFile.longest)) ?? ""
    }

    /// Writes who holds it.
    /// - Throws: ``SystemCallError``.
    static func note(_ holder: String, in lock: FileHandle) throws(SystemCallError) {
        try lock.truncate(to: 0)
        try "\(holder)\n".withBytes { (bytes) throws(SystemCallError) in try lock.write(bytes, at: 0) }
    }
}

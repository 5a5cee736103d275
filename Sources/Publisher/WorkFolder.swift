import Glibc
import Linux

/// A folder for the time of one piece of work; it goes with the object.
final class WorkFolder: Sendable {
    let path: String

    /// - Throws: ``SystemCallError`` of `mkdtemp`.
    init() throws(SystemCallError) {
        let base = Environment.temporaryFolder
        path = try WorkFolder.make(in: base, name: "oscircular-publish")
    }

    /// Makes a folder that nobody else can look into; whoever asked removes it.
    /// - Returns: its path.
    /// - Throws: ``SystemCallError`` of `mkdtemp`.
    static func make(in base: String, name: String) throws(SystemCallError) -> String {
        var template = Array("\(base)/\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .last("mkdtemp", base) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // A temporary folder that stays is the system's to clear.
    deinit { try? Folder.removeTree(path) }
}

import Glibc
import Linux

/// A folder for the time of one piece of work; it goes with the object.
final class WorkFolder: Sendable {
    let path: String

    /// - Throws: ``SystemCallError`` of `mkdtemp`.
    init() throws(SystemCallError) {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/oscircular-publish-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw .last("mkdtemp", base) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? Folder.removeTree(path) }
}

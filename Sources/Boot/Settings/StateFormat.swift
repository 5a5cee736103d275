import Linux

/// The version of the state folder's layout, in its file `format`: a program that is older than the folder does not touch it.
///
/// The number is only raised when an older program would misread or damage what is there; files and keys that it does not know
/// are no reason.
package enum StateFormat {
    /// What this program writes.
    package static let current = 1
    private static let mark = "oscircular-state"

    /// Marks a folder that has no mark yet, and refuses one that a newer program marked. A folder that does not exist is not created.
    /// - Throws: ``BootError/newerState(folder:format:)``, with "?" for an invalid mark.
    package static func check(_ folder: String) throws(BootError) {
        let path = "\(folder)/format"
        let text: String
        do {
            text = try FileContents.readText(path, limit: 256)
        } catch {
            switch error.number {
            case .noSuchFile: text = ""
            case .fileTooLarge: throw .newerState(folder: folder, format: "?")
            // Whoever needs the folder reports whatever else keeps us from reading it.
            default: return
            }
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        if words.isEmpty {
            // Nothing, or what a power cut left of it. A folder that cannot be written to is no reason to refuse it.
            if Folder.isFolder(folder) { try? AtomicFile.write("\(mark) \(current)\n", to: path) }
            return
        }
        guard words.count == 2, words[0] == mark, let format = Int(words[1]), format <= current else {
            throw .newerState(folder: folder, format: words.count == 2 ? String(words[1].prefix(20)) : "?")
        }
    }
}

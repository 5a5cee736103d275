import Glibc
import Linux

/// The version of the state folder's layout, in its file `format`: a program that is older than the folder keeps its hands off.
///
/// The number rises when an older program would misread or damage what is there; files and keys that it merely does not know
/// are no reason.
package enum StateFormat {
    /// What this program writes.
    package static let current = 1
    private static let word = "oscircular-state"

    /// Marks a folder that has no mark yet, and refuses one that a newer program marked. A folder that is not there is not made.
    /// - Throws: ``BootError/newerState(folder:format:)``, with "?" for a mark that is none.
    package static func check(_ folder: String) throws(BootError) {
        let path = "\(folder)/format"
        let text: String
        do {
            text = try FileContents.readText(path, limit: 256)
        } catch {
            switch error.code {
            case ENOENT: text = ""
            case EFBIG: throw .newerState(folder: folder, format: "?")
            // Whatever else keeps us from reading it will be said by who needs the folder.
            default: return
            }
        }
        let words = text.split(whereSeparator: \.isWhitespace)
        if words.isEmpty {
            // Nothing, or what a power cut left of it. A folder that cannot be written is no reason to refuse it.
            if Folder.isFolder(folder) { try? AtomicFile.write("\(word) \(current)\n", to: path) }
            return
        }
        guard words.count == 2, words[0] == word, let format = Int(words[1]), format <= current else {
            throw .newerState(folder: folder, format: words.count == 2 ? String(words[1].prefix(20)) : "?")
        }
    }
}

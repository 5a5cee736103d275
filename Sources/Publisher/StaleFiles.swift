import Glibc
import Linux

/// Temporary files that a killed publisher left beside an output.
enum StaleFiles {
    /// Removes `.NAME.<pid>.<random>.tmp` of processes that are gone (the names of ``AtomicFile``).
    static func remove(beside path: String) {
        guard let folder = Folder.parent(of: path) else { return }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        for candidate in Folder.names(in: folder) where candidate.hasPrefix(".\(name).") && candidate.hasSuffix(".tmp")
        {
            let middle = candidate.dropFirst(name.count + 2).dropLast(4).split(separator: ".")
            guard middle.count == 2, let process = pid_t(middle[0]), process > 0 else { continue }
            if kill(process, 0) != 0 && errno == ESRCH { unlink("\(folder)/\(candidate)") }
        }
    }
}

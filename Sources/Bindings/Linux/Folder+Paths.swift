import CLinux
import Glibc

/// Folders by their paths, which may lead through links: they are the user's own.
extension Folder {
    /// Makes a folder where it is missing.
    /// - Parameters:
    ///   - mode: of the folders that are made, before the umask.
    ///   - above: makes those above it too.
    /// - Throws: ``SystemCallError`` of `mkdir`; ENOTDIR when something else has the name.
    package static func make(_ path: String, mode: mode_t = 0o755, above: Bool = true) throws(SystemCallError) {
        do {
            try FileCalls.mkdir(path, mode)
            return
        } catch  where error.code == EEXIST {
            return try checkIsFolder(path)
        } catch {
            guard error.code == ENOENT, above, let parent = parent(of: path), parent != path else { throw error }
            try make(parent, mode: mode)
        }
        do {
            try FileCalls.mkdir(path, mode)
        } catch  where error.code == EEXIST {
            try checkIsFolder(path)
        }
    }

    private static func checkIsFolder(_ path: String) throws(SystemCallError) {
        guard try FileCalls.status(path).st_mode & S_IFMT == S_IFDIR else {
            throw SystemCallError(code: ENOTDIR, call: "mkdir", subject: path)
        }
    }

    /// Makes a folder that nothing has the name of yet.
    /// - Throws: ``SystemCallError`` of `mkdir`; EEXIST.
    package static func makeNew(_ path: String, mode: mode_t) throws(SystemCallError) {
        try FileCalls.mkdir(path, mode)
    }

    /// Makes a folder of this user's alone under a name that nobody has.
    /// - Parameter prefix: a path; six letters and digits are put behind it.
    /// - Returns: its path.
    /// - Throws: ``SystemCallError`` of `mkdir`.
    package static func makeTemporary(prefix: String) throws(SystemCallError) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        while true {
            let ending = String((0..<6).compactMap { _ in letters.randomElement() })
            do {
                try FileCalls.mkdir(prefix + ending, 0o700)
                return prefix + ending
            } catch  where error.code == EEXIST {}
        }
    }

    /// The names in a folder but `.` and `..`, in no order; none when there is no such folder.
    /// - Throws: ``SystemCallError`` when it cannot be read: nobody knows then what is in it.
    package static func names(in path: String) throws(SystemCallError) -> [String] {
        do {
            return try Folder(path: path).names()
        } catch  where error.code == ENOENT {
            return []
        }
    }

    /// The names in a folder but `.` and `..`, in no order; none when it is absent or cannot be read. For what is shown, and for cleaning
    /// up as far as possible, never for a decision about what may go.
    package static func namesIfAny(in path: String) -> [String] {
        // The doc comment's reason: callers have said that a part will do.
        (try? Folder(path: path).names()) ?? []
    }

    /// Removes a folder and what is in it, or a file. Follows no symbolic link, not even one that is put there meanwhile, and crosses into no other
    /// file system. Neither folders that their owner may not enter nor very deep ones stop it.
    /// - Throws: ``SystemCallError``; an absent folder is not an error.
    package static func removeTree(_ path: String) throws(SystemCallError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let name = path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
        guard let parent = parent(of: path), ![".", "..", ""].contains(name) else {
            throw SystemCallError(code: EBUSY, call: "rmdir", subject: path)
        }
        do {
            let above = try Folder(passingThrough: parent)
            try above.removeTree(name, path: path)
        } catch  where error.code == ENOENT || error.code == ENOTDIR {
            // The folder above is not there, or somebody else removed the same meanwhile.
            if try Paths.isThere(path) { throw error }
        }
    }

    /// - Parameter path: for errors.
    private func removeTree(_ name: String, path: String) throws(SystemCallError) {
        guard let entry = try entry(name) else { return }
        guard entry.isFolder else {
            try remove(name)
            return
        }
        let top = try openToEmpty(name)
        var removal = Removal(top: top, device: try top.status().st_dev)
        repeat {
            removal.hasMoved = false
            try removal.empty(top, depth: 0, path: path)
        } while removal.hasMoved
        do {
            try removeFolder(name)
        } catch {
            throw SystemCallError(code: error.code, call: error.call, subject: path)
        }
    }

    /// Opens a folder in this one, after giving its owner the right to enter and change it.
    private func openToEmpty(_ name: String) throws(SystemCallError) -> Folder {
        // By the descriptor, which means this folder and not what may have its name by now; O_PATH needs no right to it.
        let handle = FileHandle(
            owning: try FileCalls.open(name, in: descriptor, osc_O_PATH | O_DIRECTORY | O_NOFOLLOW))
        if try handle.status().permissions & 0o700 != 0o700 {
            // Where it is another's, opening it says so.
            try? FileCalls.chmod("/proc/self/fd/\(handle.descriptor)", 0o700)
        }
        return try folder(name)
    }

    private struct Removal {
        /// Deeper folders are moved here, so that neither descriptors nor this program's stack run out.
        let top: Folder
        /// The file system that is not left.
        let device: dev_t
        var hasMoved = false
        private var moved = 0

        init(top: Folder, device: dev_t) {
            self.top = top
            self.device = device
        }

        mutating func empty(_ folder: Folder, depth: Int, path: String) throws(SystemCallError) {
            for name in try folder.names() {
                guard let entry = try folder.entry(name) else { continue }
                guard entry.isFolder else {
                    try folder.remove(name)
                    continue
                }
                let below = try folder.openToEmpty(name)
                guard try below.status().st_dev == device else {
                    throw SystemCallError(code: EXDEV, call: "rmdir", subject: "\(path)/\(name)")
                }
                if depth >= 32 {
                    try move(name, from: folder)
                    continue
                }
                try empty(below, depth: depth + 1, path: "\(path)/\(name)")
                do {
                    try folder.removeFolder(name)
                } catch {
                    throw SystemCallError(code: error.code, call: error.call, subject: "\(path)/\(name)")
                }
            }
        }

        private mutating func move(_ name: String, from folder: Folder) throws(SystemCallError) {
            hasMoved = true
            while true {
                moved += 1
                do throws(SystemCallError) {
                    return try folder.move(name, to: top, as: "removed-\(moved)")
                } catch  where [EEXIST, ENOTEMPTY, ENOTDIR].contains(error.code) {}
            }
        }
    }

    /// Whether a path leads to a folder. False, too, where that cannot be seen.
    package static func isFolder(_ path: String) -> Bool {
        // Who asks goes on to open or make it, and hears then why it cannot be used.
        guard let status = try? FileCalls.status(path) else { return false }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// The folder that a path lies in; `.` for a bare name, nil for the root.
    package static func parent(of path: String) -> String? {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        if slash == path.startIndex { return path == "/" ? nil : "/" }
        return String(path[..<slash])
    }
}

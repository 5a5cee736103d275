import Glibc

/// Where a path leads, also where a part of it is not there yet.
package enum ResolvedPath {
    /// The same path from the root; a relative one starts in the current folder. Links, `.` and `..` stay as they are.
    package static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        let current = getcwd(nil, 0)
        defer { free(current) }
        let folder = current.map { String(cString: $0) } ?? "/"
        return path.isEmpty ? folder : folder == "/" ? "/\(path)" : "\(folder)/\(path)"
    }

    /// The place that a file or folder of this path has, or would have once it is made: every link is followed, one that leads
    /// nowhere as well, and `..` is taken away. Without a slash at its end.
    package static func resolve(_ path: String) -> String {
        var rest = Array(absolute(path).split(separator: "/").map(String.init).reversed())
        var done: [String] = []
        // As many as the kernel follows; what is left of a circle of links is taken as it is written.
        var links = 40
        while let part = rest.popLast() {
            if part == "." { continue }
            if part == ".." {
                _ = done.popLast()
                continue
            }
            if links > 0, let target = link("/" + (done + [part]).joined(separator: "/")) {
                links -= 1
                if target.hasPrefix("/") { done = [] }
                rest += target.split(separator: "/").map(String.init).reversed()
            } else {
                done.append(part)
            }
        }
        return "/" + done.joined(separator: "/")
    }

    /// The path of what is there, without links; nil when nothing is there, or a folder on the way may not be passed.
    package static func existing(_ path: String) -> String? {
        // The doc comment says what nil means.
        try? real(path)
    }

    /// As ``existing(_:)``, and why there is none.
    /// - Throws: ``SystemCallError`` of `realpath`.
    package static func real(_ path: String) throws(SystemCallError) -> String {
        guard let found = realpath(path, nil) else { throw .last("realpath", path) }
        defer { free(found) }
        return String(cString: found)
    }

    /// Whether a path leads to a folder or to something in it, be it there yet or not: also by links, and by another mount of the
    /// same folder.
    package static func isInside(_ path: String, _ folder: String) -> Bool {
        let (inner, outer) = (resolve(path), resolve(folder))
        if inner == outer || outer == "/" || inner.hasPrefix(outer + "/") { return true }
        guard let wanted = identity(outer) else { return false }
        var above = inner
        while true {
            if identity(above).map({ $0 == wanted }) ?? false { return true }
            guard let parent = Folder.parent(of: above) else { return false }
            above = parent
        }
    }

    /// Where a link leads; nil for what is not a link.
    private static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return nil }
        return String(decoding: buffer.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The file itself, whatever it is called; nil when it is not there.
    private static func identity(_ path: String) -> [UInt64]? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return [UInt64(status.st_dev), UInt64(status.st_ino)]
    }
}

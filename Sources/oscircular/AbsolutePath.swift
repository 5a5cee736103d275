import Glibc

/// Paths as other processes can use them.
enum AbsolutePath {
    /// The path with the working directory before it when it is relative, and without slashes at its end. Links are not resolved.
    static func of(_ path: String) -> String {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        if path.hasPrefix("/") { return path }
        guard let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return "\(String(cString: directory))/\(path)"
    }
}

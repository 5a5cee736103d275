import Linux

/// A wrong argument that the parser cannot see.
struct UsageError: Error {
    let message: String

    init(_ message: String) { self.message = message }
}

/// Paths as other processes can use them.
enum AbsolutePath {
    /// The path with the working directory before it when it is relative, and without slashes at its end. Links are not resolved.
    /// - Throws: ``UsageError`` where the working directory's name is not UTF-8, so that no path below it can be given.
    static func of(_ path: String) throws(UsageError) -> String {
        var path = path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        if path.hasPrefix("/") { return path }
        guard let directory = CurrentProcess.workingFolder else { return path }
        guard let text = String(validating: directory, as: UTF8.self) else {
            throw UsageError(
                "the name of the working directory is not UTF-8: go to another folder and give '\(path)' from there")
        }
        return "\(text)/\(path)"
    }
}

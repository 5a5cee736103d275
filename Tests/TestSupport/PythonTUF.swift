import Glibc
import Linux

/// python-tuf, the reference implementation of The Update Framework, in a virtual environment of its own.
package enum PythonTUF {
    /// The interpreter that `share/python-tuf` prints; nil when PyPI cannot be reached and it was never made.
    package static let interpreter: String? = {
        defer { unlink(output) }
        var root = Substring(#filePath)
        for _ in 0..<3 { root = root.prefix(upTo: root.lastIndex(of: "/") ?? root.startIndex) }
        guard
            let process = try? ChildProcess(
                "/bin/sh", ["-c", "'\(root)/share/python-tuf' > '\(output)'"], environment: nil,
                standardError: STDERR_FILENO),
            process.wait() == .exited(0)
        else { return nil }
        let text = (try? FileContents.readText(output, limit: 4096)) ?? ""
        return text.isEmpty ? nil : String(text.dropLast())
    }()

    private static let output = "/tmp/oscircular-python-tuf.\(getpid())"

    /// Runs a script to its end.
    /// - Returns: exit status, standard output, and standard error, as ``BuiltProgram/run(_:_:environment:)``.
    package static func run(
        _ script: String, _ arguments: [String]
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.runAny(interpreter ?? "python3", ["-c", script] + arguments)
    }
}

import Glibc

/// Lines to standard output and standard error.
enum Console {
    static func print(_ line: String) { write(line + "\n", to: 1) }

    static func error(_ line: String) { write(line + "\n", to: 2) }

    /// Text as it is, to standard error: for a terminal's progress line.
    static func progress(_ text: String) { write(text, to: 2) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // Nobody is left to be told that standard output cannot be written.
            if count < 0 && errno != EINTR { return }
            bytes = bytes.dropFirst(max(0, count))
        }
    }
}

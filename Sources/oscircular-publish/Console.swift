import Linux

/// Lines to standard output and standard error.
enum Console {
    static func print(_ line: String) { StandardOutput.program.print(line) }

    static func error(_ line: String) { StandardError.write(line + "\n") }

    /// Text as it is, to standard error: for a terminal's progress line.
    static func progress(_ text: String) { StandardError.write(text) }
}

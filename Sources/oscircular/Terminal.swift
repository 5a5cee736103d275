import FoundationEssentials
import Linux

/// Standard output and error, line by line.
enum Terminal {
    /// Whether standard error is a terminal, so that a line may be redrawn there.
    static var isInteractive: Bool { TerminalDevice.isTerminal(StandardDescriptor.error) }

    /// Prints a line on standard output.
    static func print(_ text: String) { StandardOutput.program.print(text) }

    /// Prints a line on standard error: progress and errors, so that standard output holds results only.
    static func note(_ text: String) { StandardError.write((isInteractive ? "\r\u{1b}[K" : "") + text + "\n") }

    /// Writes a question on standard error; the answer comes on the same line.
    static func prompt(_ text: String) { StandardError.write(text) }

    /// Redraws the one line of progress; does nothing if standard error is not a terminal.
    static func progress(_ text: String) {
        guard isInteractive else { return }
        let columns = TerminalDevice.size(of: StandardDescriptor.error)?.columns ?? 80
        StandardError.write("\r\u{1b}[K" + text.prefix(columns - 1))
    }

    /// Removes the line of progress.
    static func endProgress() {
        if isInteractive { StandardError.write("\r\u{1b}[K") }
    }

    /// Text from elsewhere with its control characters shown as `·`, so that it cannot control the terminal.
    static func clean(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: "·"
                    default: scalar
                    }
                }))
    }
}

/// A documented JSON object on standard output.
enum JSONOutput {
    static func print(_ value: some Encodable) throws { Terminal.print(try text(of: value)) }

    /// Without a newline at its end. Characters that control a terminal are escaped.
    static func text(of value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        var text = ""
        for scalar in String(decoding: try encoder.encode(value), as: UTF8.self).unicodeScalars {
            // JSON itself escapes only what is below 32; these control terminals, too.
            switch scalar.properties.generalCategory {
            case .control where scalar != "\n", .format, .lineSeparator, .paragraphSeparator:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}

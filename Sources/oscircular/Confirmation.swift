import Linux

/// A yes-or-no question on the terminal.
enum Confirmation {
    /// Whether there is anybody to ask.
    static var isPossible: Bool {
        TerminalDevice.isTerminal(StandardDescriptor.input) && TerminalDevice.isTerminal(StandardDescriptor.error)
    }

    /// False for anything but a yes. Waits for the user.
    static func ask(_ question: String) -> Bool {
        Terminal.prompt("\(question) [y/N] ")
        // Another program may have left the terminal so that a read does not wait.
        var input = [PollSource(StandardDescriptor.input)]
        // If it cannot be waited for, the read finds out.
        _ = try? PollSource.wait(for: &input)
        guard let line = readLine() else { return false }
        return ["y", "yes"].contains(line.trimmed.lowercased())
    }
}

extension String {
    fileprivate var trimmed: Substring {
        drop { $0 == " " }.prefix { $0 != " " && $0 != "\r" }
    }
}

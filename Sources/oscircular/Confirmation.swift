import Linux

/// A yes-or-no question on the terminal.
enum Confirmation {
    /// Whether there is anybody to ask.
    static var isPossible: Bool {
        TerminalDevice.isTerminal(StandardDescriptor.input) && TerminalDevice.isTerminal(StandardDescriptor.error)
    }

    /// False for anything but a yes. Waits for the user.
    static func ask(_ question: String) -> Bool { ["y", "yes"].contains(answer("\(question) [y/N]") ?? "") }

    /// What the user answers, in lower-case letters; nil where there is no answer. Waits for the user.
    static func answer(_ question: String) -> String? {
        Terminal.prompt("\(question) ")
        // Another program may have left the terminal so that a read does not wait.
        var input = [PollSource(StandardDescriptor.input)]
        // If it cannot be waited for, the read finds out.
        _ = try? PollSource.wait(for: &input)
        return readLine().map { $0.trimmed.lowercased() }
    }
}

extension String {
    fileprivate var trimmed: Substring {
        drop { $0 == " " }.prefix { $0 != " " && $0 != "\r" }
    }
}

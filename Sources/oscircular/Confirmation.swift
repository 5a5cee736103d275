import Glibc

/// A question on the terminal, answered by yes or no.
enum Confirmation {
    /// Whether there is somebody to ask.
    static var isPossible: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 }

    /// False for anything but a yes. Blocks.
    static func ask(_ question: String) -> Bool {
        Terminal.prompt("\(question) [y/N] ")
        // Another program may have left the terminal so that a read does not wait.
        var item = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
        while poll(&item, 1, -1) < 0 && errno == EINTR {}
        guard let line = readLine() else { return false }
        return ["y", "yes"].contains(line.trimmed.lowercased())
    }
}

extension String {
    fileprivate var trimmed: Substring {
        drop { $0 == " " }.prefix { $0 != " " && $0 != "\r" }
    }
}

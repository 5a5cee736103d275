import CLinux
import Glibc

/// The descriptors that every program has from its start.
package enum StandardDescriptor {
    package static let input = STDIN_FILENO
    package static let output = STDOUT_FILENO
    package static let error = STDERR_FILENO
}

/// Terminals.
package enum TerminalDevice {
    /// Whether a descriptor is a terminal.
    package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Asks on the terminal, and shows nothing of what is typed; nil without a terminal.
    package static func askSecretly(_ question: String) -> String? { getpass(question).map { String(cString: $0) } }

    /// Columns and rows; nil for what is not a terminal, or does not know its size.
    package static func size(of descriptor: Int32) -> (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}

/// A terminal that passes every key on, until it is restored.
package struct RawTerminal {
    private let descriptor: Int32
    private var saved = termios()

    /// Nil when the descriptor is not a terminal.
    package init?(_ descriptor: Int32) {
        self.descriptor = descriptor
        guard tcgetattr(descriptor, &saved) == 0 else { return nil }
        var raw = saved
        cfmakeraw(&raw)
        tcsetattr(descriptor, TCSANOW, &raw)
    }

    package func restore() {
        var saved = saved
        tcsetattr(descriptor, TCSANOW, &saved)
    }
}

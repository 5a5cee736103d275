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

    /// Whether a terminal says that it reads UTF-8, as those of desktops, sshd and tmux do.
    package static func isUTF8(_ descriptor: Int32) -> Bool {
        var state = termios()
        return tcgetattr(descriptor, &state) == 0 && state.c_iflag & tcflag_t(IUTF8) != 0
    }

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

    /// Gives the terminal back as it was, and discards what was typed before.
    ///
    /// Movements of the mouse and answers may still be on their way, and the shell would take them for typing: what comes until the
    /// terminal has been quiet for a moment is discarded as well, for five moments at most.
    /// - Parameter moment: milliseconds.
    package func restore(moment: Int32 = 100) {
        var discarded = [UInt8](repeating: 0, count: 1024)
        var waiting = [PollSource(descriptor)]
        let end = MonotonicClock.nanoseconds + UInt64(moment) * 5_000_000
        // A terminal that cannot be waited for or read is gone, and is restored as far as that goes.
        while MonotonicClock.nanoseconds < end, (try? PollSource.wait(for: &waiting, milliseconds: moment)) == true,
            read(descriptor, &discarded, discarded.count) > 0
        {}
        var saved = saved
        // Not TCSAFLUSH, which waits for output that a stopped terminal never takes.
        tcflush(descriptor, TCIFLUSH)
        tcsetattr(descriptor, TCSANOW, &saved)
    }
}

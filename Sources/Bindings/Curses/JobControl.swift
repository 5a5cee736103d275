import Glibc
import Linux

/// The signals of a terminal that a screen must hear of: its size changed (SIGWINCH), or the process was continued (SIGCONT).
/// Both must be blocked in every thread.
package final class TerminalSignals: Sendable {
    private let signals: SignalDescriptor

    /// - Throws: ``SystemCallError`` of `signalfd`.
    package init() throws(SystemCallError) { signals = try SignalDescriptor([SIGWINCH, SIGCONT]) }

    /// For poll; readable when a signal is pending.
    package var descriptor: Int32 { signals.descriptor }

    /// Takes the pending signals. Never waits.
    /// - Returns: whether the process was continued after a stop.
    package func take() -> Bool { signals.take().contains(SIGCONT) }
}

/// The terminal's keys that stop or end a process, and the shell's job control behind them.
package enum JobControl {
    /// What ends a program whose terminal went away (SIGHUP).
    package static let hangup: Int32 = SIGHUP

    /// From now on neither Ctrl-Z nor Ctrl-\ does anything by itself: the screen reads them as keys, and ncurses would handle
    /// a stop on any thread.
    package static func ignoreKeys() {
        signal(SIGTSTP, SIG_IGN)
        signal(SIGQUIT, SIG_IGN)
    }

    /// Stops this process as the shell expects, and returns when it is continued.
    package static func stop() {
        // The whole job, as the terminal itself would do; we still ignore it.
        kill(0, SIGTSTP)
        // To this thread, where it arrives before the call returns: sent to the process it could come when it is ignored
        // again. Threads that are started from a dispatch queue inherit a mask that blocks it.
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTSTP)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        signal(SIGTSTP, SIG_DFL)
        pthread_kill(pthread_self(), SIGTSTP)
        signal(SIGTSTP, SIG_IGN)
    }
}

/// How this process was started: decides whether a way to a shell may be offered.
package struct LoginFacts: Sendable, Hashable {
    /// The parent's name, as the kernel has it.
    package var parent: String
    package var parentID: Int32
    package var isSessionLeader: Bool

    package init(parent: String, parentID: Int32, isSessionLeader: Bool) {
        self.parent = parent
        self.parentID = parentID
        self.isSessionLeader = isSessionLeader
    }

    /// Of this process.
    package static func current() -> LoginFacts {
        let parent = getppid()
        // A parent that cannot be read is none of those that start logins.
        let name = (try? FileContents.readText("/proc/\(parent)/comm", limit: 64)) ?? ""
        return LoginFacts(
            parent: String(name.prefix { $0 != "\n" }), parentID: parent, isSessionLeader: getsid(0) == getpid())
    }

    /// Whether the menu is its login's first process: there is no shell to go back to, and nobody asked for one.
    package var isLoginsFirst: Bool {
        let starters: Set<String> = [
            "login", "init", "systemd", "getty", "agetty", "mingetty", "sshd", "runit", "openrc",
        ]
        return isSessionLeader || parentID <= 1 || starters.contains(parent)
    }
}

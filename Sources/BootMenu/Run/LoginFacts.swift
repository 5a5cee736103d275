import Glibc
import Linux

/// What decides whether a way to a shell may be offered.
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
        let name = (try? FileContents.readText("/proc/\(parent)/comm", limit: 64)) ?? ""
        return LoginFacts(
            parent: String(name.prefix { $0 != "\n" }), parentID: parent, isSessionLeader: getsid(0) == getpid())
    }

    /// Whether the menu is its login's first process: there is no shell that could take it back, only one that nobody asked for.
    package var isLoginsFirst: Bool {
        let starters: Set<String> = [
            "login", "init", "systemd", "getty", "agetty", "mingetty", "sshd", "runit", "openrc",
        ]
        return isSessionLeader || parentID <= 1 || starters.contains(parent)
    }
}

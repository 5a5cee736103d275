import Glibc

/// What the environment says of this user's folders. An empty variable counts as unset, as the XDG specification wants it, and
/// so does a relative path: it would mean another folder in each working directory.
package enum Environment {
    /// The variables that name folders.
    static let folders = [
        "HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME",
        "OSCIRCULAR_KEYS",
    ]

    /// A variable; nil when it is unset or empty.
    package static func value(_ name: String) -> String? {
        text(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A variable as it is, also an empty one; nil when it is unset.
    package static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Whether the user's locale writes characters in UTF-8.
    package static var isUTF8: Bool {
        let name = (value("LC_ALL") ?? value("LC_CTYPE") ?? value("LANG") ?? "").lowercased()
        return name.contains("utf-8") || name.contains("utf8")
    }

    /// A variable that names a folder by an absolute path; nil for all else.
    package static func folder(_ name: String) -> String? { absolute(value(name)) }

    /// The user's home: HOME, else what the user database says, else Debian's name for none.
    package static var home: String {
        absolute(value("HOME"))
            ?? absolute(getpwuid(geteuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) }) ?? noHome
    }

    /// The user's name; the number where nobody gave it one.
    package static var user: String {
        getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? "\(geteuid())"
    }

    /// The home of users who have none, such as nobody.
    package static let noHome = "/nonexistent"

    /// Where files for a short time go: TMPDIR where it is a folder that can be written, else /tmp.
    package static var temporaryFolder: String {
        guard let folder = folder("TMPDIR"), access("\(folder)/.", W_OK | X_OK) == 0 else { return "/tmp" }
        return folder
    }

    /// Takes out of the environment what this type takes for unset, so that libraries and programs that we start see the same.
    /// Only while there is one thread.
    static func settle() {
        setenv("HOME", home, 1)
        if temporaryFolder != folder("TMPDIR") { unsetenv("TMPDIR") }
        for name in folders where name.hasPrefix("XDG_") && folder(name) == nil { unsetenv(name) }
        setColumns()
        // An empty search path would be the working directory.
        if value("PATH") == nil { unsetenv("PATH") }
    }

    /// argument-parser wraps its help to COLUMNS, else to the terminal: it stops, or shows nothing, where that is fewer columns
    /// than it indents by.
    private static func setColumns() {
        var size = winsize()
        let isTerminal = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        let columns = value("COLUMNS").flatMap { Int($0) } ?? (isTerminal ? Int(size.ws_col) : 80)
        if !(40...1000).contains(columns) { setenv("COLUMNS", "\(min(max(columns, 40), 1000))", 1) }
    }

    private static func absolute(_ path: String?) -> String? { path.flatMap { $0.hasPrefix("/") ? $0 : nil } }
}

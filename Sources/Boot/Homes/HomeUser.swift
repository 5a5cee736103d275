import Linux

/// The user whose home it is in every guest.
enum HomeUser {
    /// Named as the user of this machine who makes the home; `user` for root, and for a name that guests have for something else.
    static func name() -> String {
        // Root by sudo works for somebody.
        let login =
            CurrentUser.isRoot ? Environment.value("SUDO_USER") : UserDatabase.user(id: CurrentUser.id)?.name
        return name(from: login ?? "")
    }

    /// Of the form `[a-z][a-z0-9_-]{0,31}`, as every system takes it.
    static func name(from login: String) -> String {
        let mapped = login.lowercased().map { character -> Character in
            character.isASCII && (character.isLetter || character.isNumber || character == "_") ? character : "-"
        }
        let text = String(mapped.drop { !$0.isLetter }.prefix(32))
        let trimmed = String(text.reversed().drop { $0 == "-" }.reversed())
        return trimmed.isEmpty || taken.contains(trimmed) ? "user" : trimmed
    }

    /// Users and groups of systems' own.
    private static let taken: Set<String> = [
        "root", "daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data",
        "backup", "list", "irc", "nobody", "nogroup", "adm", "tty", "disk", "sudo", "wheel", "users", "staff", "sshd",
        "messagebus", "dbus", "polkitd", "operator", "halt", "shutdown", "ftp", "core",
    ]
}

import Linux

/// Where a user's sessions have their sockets and mounts: what XDG_RUNTIME_DIR says, or a place that nobody else can take first.
package struct RuntimeFolder: Sendable, Equatable {
    /// The folder; absolute.
    package let path: String
    /// Other folders that may have sessions of the user's: of versions before this one, and of times when there was no folder of the
    /// user's logins. Anybody may have made them.
    package let former: [String]

    package init(path: String, former: [String] = []) {
        self.path = path
        self.former = former
    }

    /// The folder of this user's logins, where the machine makes one. Else one in /tmp with a random name, which is made here and whose
    /// name is kept in the user's state; what somebody else has made under that name meanwhile is left, and another one made.
    ///
    /// - Parameters:
    ///   - state: the user's state folder.
    ///   - given: what XDG_RUNTIME_DIR says.
    ///   - logins: has a folder for each user, by number.
    ///   - temporary: where everybody may make folders.
    package static func find(
        user: UserID, state: String, given: String? = nil, logins: String = "/run/user", temporary: String = "/tmp"
    ) -> RuntimeFolder {
        let former = "\(temporary)/oscircular-\(user)"
        let prefix = "\(former)-"
        // Logins come and go, and sessions of a time without one go on.
        let kept = name(in: state, prefix: prefix).map { [$0] } ?? []
        // There earlier versions had theirs as well.
        if let given { return RuntimeFolder(path: given, former: kept) }
        let login = "\(logins)/\(user)"
        if Places.isOurs(login, hidden: true) {
            return RuntimeFolder(path: "\(login)/oscircular", former: [former] + kept)
        }
        do throws(SystemCallError) {
            return RuntimeFolder(path: try makeKept(in: state, prefix: prefix), former: [former])
        } catch {
            // There are no sessions without a state folder. What else needs a folder gets the old one, if it is the user's.
            return RuntimeFolder(path: former)
        }
    }

    /// The name that is kept, if its folder is the user's.
    private static func name(in state: String, prefix: String) -> String? {
        // A name that cannot be read is none.
        let name = (try? FileContents.readText("\(state)/runtime", limit: 256)) ?? ""
        guard name.hasPrefix(prefix), !name.dropFirst(prefix.count).contains("/"), Places.isOurs(name) else {
            return nil
        }
        return name
    }

    private static func makeKept(in state: String, prefix: String) throws(SystemCallError) -> String {
        try Folder.make(state, mode: 0o711)
        let file = try FileHandle("\(state)/runtime", for: .both, [.create, .refuseLink], mode: 0o600)
        // Of two programs that start at once the second takes what the first made.
        _ = try file.lock(exclusive: true, wait: true)
        if let name = name(in: state, prefix: prefix) { return name }
        let path = try Folder.makeTemporary(prefix: prefix)
        try file.truncate(to: 0)
        try path.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        return path
    }
}

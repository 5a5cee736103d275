import Linux

/// Where a user's sessions have their sockets and mounts when XDG_RUNTIME_DIR does not say: a place that nobody else can take first.
package struct RuntimeFolder: Sendable, Equatable {
    /// The folder; absolute.
    package let path: String
    /// Where versions before this one had their sessions, if that is another folder. Anybody may have made it.
    package let former: String?

    package init(path: String, former: String?) {
        self.path = path
        self.former = former
    }

    /// The folder of this user's logins, where the machine makes one. Else one in /tmp with a random name, which is made here and whose
    /// name is kept in the user's state; what somebody else has made under that name meanwhile is left, and another one made.
    ///
    /// - Parameters:
    ///   - state: the user's state folder.
    ///   - logins: has a folder for each user, by number.
    ///   - temporary: where everybody may make folders.
    package static func find(
        user: UserID, state: String, logins: String = "/run/user", temporary: String = "/tmp"
    ) -> RuntimeFolder {
        let former = "\(temporary)/oscircular-\(user)"
        let login = "\(logins)/\(user)"
        if Places.isOurs(login, hidden: true) { return RuntimeFolder(path: "\(login)/oscircular", former: former) }
        do throws(SystemCallError) {
            return RuntimeFolder(path: try kept(in: state, prefix: "\(former)-"), former: former)
        } catch {
            // There are no sessions without a state folder. What else needs a folder gets the old one, if it is the user's.
            return RuntimeFolder(path: former, former: nil)
        }
    }

    private static func kept(in state: String, prefix: String) throws(SystemCallError) -> String {
        try Folder.make(state, mode: 0o711)
        let file = try FileHandle("\(state)/runtime", for: .both, [.create, .refuseLink], mode: 0o600)
        // Of two programs that start at once the second takes what the first made.
        _ = try file.lock(exclusive: true, wait: true)
        // A name that cannot be read is none.
        let name = (try? FileContents.readText("\(state)/runtime", limit: 256)) ?? ""
        if name.hasPrefix(prefix), !name.dropFirst(prefix.count).contains("/"), Places.isOurs(name) { return name }
        let path = try Folder.makeTemporary(prefix: prefix)
        try file.truncate(to: 0)
        try path.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        return path
    }
}

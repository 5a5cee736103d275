import Glibc

/// Whom the guest's logins on the host are: a user's session is the user; root's session is never root.
package struct SandboxUser: Sendable, Equatable {
    package let uid: uid_t
    package let gid: gid_t
    /// The login that works besides `root`: the name of the user who runs the session.
    package let loginName: String

    /// For the user of this process.
    /// - Throws: ``GuestNetworkError/noUnprivilegedUser``.
    package static func current() throws(GuestNetworkError) -> SandboxUser {
        let uid = geteuid()
        let name = lookup(uid: uid)?.name ?? "user"
        if uid != 0 { return SandboxUser(uid: uid, gid: getegid(), loginName: name) }
        for candidate in ["oscircular", "nobody"] {
            if let found = lookup(name: candidate), found.uid != 0, found.gid != 0 {
                return SandboxUser(uid: found.uid, gid: found.gid, loginName: name)
            }
        }
        throw .noUnprivilegedUser
    }

    private struct Entry {
        let uid: uid_t
        let gid: gid_t
        let name: String
    }

    private static func lookup(uid: uid_t) -> Entry? {
        entry { getpwuid_r(uid, $0, $1, $2, $3) }
    }

    private static func lookup(name: String) -> Entry? {
        entry { getpwnam_r(name, $0, $1, $2, $3) }
    }

    private static func entry(
        _ call: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> Int32
    ) -> Entry? {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard call(&record, &buffer, buffer.count, &found) == 0, found != nil, let name = record.pw_name else {
            return nil
        }
        return Entry(uid: record.pw_uid, gid: record.pw_gid, name: String(cString: name))
    }
}

import Glibc

/// Users and groups as this machine knows them, from whatever source it takes them.
package enum UserDatabase {
    package struct User: Sendable, Equatable {
        package let id: UserID
        package let group: GroupID
        package let name: String
    }

    /// Nil when nobody has the number, or the database cannot be asked.
    package static func user(id: UserID) -> User? { user { getpwuid_r(id, $0, $1, $2, $3) } }

    /// Nil when nobody has the name, or the database cannot be asked.
    package static func user(named name: String) -> User? { user { getpwnam_r(name, $0, $1, $2, $3) } }

    /// Whether a group has the number; false when the database cannot be asked.
    package static func isGroup(_ id: GroupID) -> Bool {
        group({ getgrgid_r(id, $0, $1, $2, $3) }) { _ in true } ?? false
    }

    /// A group's number; nil when there is no such group, or the database cannot be asked.
    package static func group(named name: String) -> GroupID? { group(named: name) { $0.gr_gid } }

    /// Whether the database counts a user to a group. A login that began before that does not know it.
    package static func isMember(_ user: String, of group: String) -> Bool {
        self.group(named: group) { record in
            guard var member = record.gr_mem else { return false }
            while let name = member.pointee {
                if String(cString: name) == user { return true }
                member += 1
            }
            return false
        } ?? false
    }

    private static func user(
        _ call: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> Int32
    ) -> User? {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard call(&record, &buffer, buffer.count, &found) == 0, found != nil, let name = record.pw_name else {
            return nil
        }
        return User(id: record.pw_uid, group: record.pw_gid, name: String(cString: name))
    }

    private static func group<Result>(named name: String, _ body: (Glibc.group) -> Result) -> Result? {
        group({ getgrnam_r(name, $0, $1, $2, $3) }, body)
    }

    private static func group<Result>(
        _ call: (
            UnsafeMutablePointer<Glibc.group>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<Glibc.group>?>
        ) -> Int32, _ body: (Glibc.group) -> Result
    ) -> Result? {
        var record = Glibc.group()
        var found: UnsafeMutablePointer<Glibc.group>?
        // Large directories have groups of thousands.
        var buffer = [CChar](repeating: 0, count: 1 << 20)
        guard call(&record, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        // The record points into the buffer.
        return buffer.withUnsafeBufferPointer { _ in body(record) }
    }
}

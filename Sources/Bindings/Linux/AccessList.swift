import CLinux
import Glibc

/// What programs note beside a file's bytes (xattr(7)).
package enum FileNotes {
    /// Removes some, as far as they are there and this process may.
    package static func remove(_ names: [String], of path: String) {
        for name in names { lremovexattr(path, name) }
    }
}

/// Users whom a file lets in besides its owner and its group: POSIX access control lists, as `setfacl` changes them.
package enum AccessList {
    /// An entry as the kernel stores it (linux/posix_acl_xattr.h), in the order that it wants: by tag, then by id.
    private struct Entry: Equatable {
        static let owner: UInt16 = 0x01
        static let user: UInt16 = 0x02
        static let group: UInt16 = 0x04
        static let namedGroup: UInt16 = 0x08
        static let mask: UInt16 = 0x10
        static let other: UInt16 = 0x20
        static let noID = UInt32.max
        /// Bytes.
        static let size = 8

        let tag: UInt16
        let permissions: UInt16
        let id: UInt32

        init(_ tag: UInt16, _ permissions: some BinaryInteger, id: UInt32 = Entry.noID) {
            self.tag = tag
            self.permissions = UInt16(permissions & 7)
            self.id = id
        }
    }

    private static let attribute = "system.posix_acl_access"
    private static let version: UInt32 = 2

    /// Lets a user read and write a file.
    /// - Parameter lock: a file that all who change the list hold meanwhile; made 0600 when absent. Not the file itself: whoever may read
    ///   that could hold it for ever.
    /// - Throws: ``SystemCallError``; EOPNOTSUPP where the file system has no such lists.
    package static func add(_ user: UserID, to path: String, lock: String) throws(SystemCallError) {
        try change(path, lock) { entries in
            entries.removeAll { $0.tag == Entry.user && $0.id == user }
            entries.append(Entry(Entry.user, 6, id: user))
        }
    }

    /// Takes back what ``add(_:to:lock:)`` gave. The file's permission bits are as before when nobody else is on its list.
    /// - Throws: ``SystemCallError``.
    package static func remove(_ user: UserID, from path: String, lock: String) throws(SystemCallError) {
        try change(path, lock) { entries in entries.removeAll { $0.tag == Entry.user && $0.id == user } }
    }

    private static func change(
        _ path: String, _ lock: String, _ body: (inout [Entry]) -> Void
    ) throws(SystemCallError) {
        // Two programs that change it at once would lose one change.
        let turn = try FileHandle(lock, for: .both, [.create, .refuseLink], mode: 0o600)
        _ = try turn.lock(exclusive: true, wait: true)
        defer { withExtendedLifetime(turn) {} }
        let file = try FileHandle(path, for: .reading, [.refuseLink, .nonblocking])
        let before = try read(file, path)
        var entries = before
        body(&entries)
        if entries == before { return }
        // What the list may give at most. The kernel takes a list of three entries as permission bits, and stores none.
        entries.removeAll { $0.tag == Entry.mask }
        let limited = entries.filter { [Entry.user, Entry.group, Entry.namedGroup].contains($0.tag) }
        if limited.count > 1 {
            entries.append(Entry(Entry.mask, limited.reduce(0) { $0 | $1.permissions }))
        }
        entries.sort { ($0.tag, $0.id) < ($1.tag, $1.id) }
        var bytes = withUnsafeBytes(of: version.littleEndian, Array.init)
        for entry in entries {
            bytes += withUnsafeBytes(of: entry.tag.littleEndian, Array.init)
            bytes += withUnsafeBytes(of: entry.permissions.littleEndian, Array.init)
            bytes += withUnsafeBytes(of: entry.id.littleEndian, Array.init)
        }
        try systemCall("fsetxattr", path) { fsetxattr(file.descriptor, attribute, bytes, bytes.count, 0) }
    }

    /// The list of a file; one that has none has its permission bits.
    private static func read(_ file: FileHandle, _ path: String) throws(SystemCallError) -> [Entry] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count: Int
        do throws(SystemCallError) {
            count = try systemCall("fgetxattr", path) {
                fgetxattr(file.descriptor, attribute, &bytes, bytes.count)
            }
        } catch  where error.code == ENODATA {
            let mode = try file.status().permissions
            return [Entry(Entry.owner, mode >> 6), Entry(Entry.group, mode >> 3), Entry(Entry.other, mode)]
        }
        return bytes.withUnsafeBytes { bytes in
            stride(from: 4, through: count - Entry.size, by: Entry.size).map { place in
                func number<Number: FixedWidthInteger>(_ offset: Int, _: Number.Type) -> Number {
                    Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place + offset, as: Number.self))
                }
                return Entry(number(0, UInt16.self), number(2, UInt16.self), id: number(4, UInt32.self))
            }
        }
    }
}

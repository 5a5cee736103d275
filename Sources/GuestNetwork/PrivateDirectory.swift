import Linux

/// Folders that belong to the session's user alone.
enum PrivateDirectory {
    /// Makes the folder (0700) or checks that it is one, no link, and this user's; then gives it to `owner`.
    /// - Parameter owner: when root works for another user; nil keeps this one.
    /// - Throws: ``GuestNetworkError/unsafeDirectory(_:)`` or ``GuestNetworkError/system(_:)``.
    static func make(_ path: String, owner: SandboxUser? = nil) throws(GuestNetworkError) {
        do throws(SystemCallError) {
            do throws(SystemCallError) { try Folder.makeNew(path, mode: 0o700) } catch
                where error.number == .fileExists
            {}
            let folder: FileHandle
            do {
                folder = try FileHandle(path, for: .reading, [.folder, .refuseLink])
            } catch  where error.number == .notAFolder || error.number == .isALink {
                throw SystemCallError(.notPermitted, call: "open", subject: path)
            }
            let status = try folder.status()
            guard status.owner == CurrentUser.id || status.owner == owner?.uid else {
                throw SystemCallError(.notPermitted, call: "open", subject: path)
            }
            if let owner { try folder.setOwner(owner.uid, owner.gid) }
            if status.permissions & 0o077 != 0 { try folder.setPermissions(0o700) }
        } catch {
            if error.number == .notPermitted { throw .unsafeDirectory(path) }
            throw GuestNetworkError(error)
        }
    }
}

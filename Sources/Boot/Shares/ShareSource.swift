import GuestNetwork
import Linux

/// The folder that a name turned out to mean, and whose rights count in it. Whoever serves it looks its path up again, so what that leads
/// to is compared before and after: others may write to a folder above it, among them guests that share that.
struct ShareSource: Sendable, Equatable {
    /// Without links.
    let path: String
    /// Of the folder itself, whatever is called so later.
    let identity: FileIdentity
    /// Who has the guest's rights in it; nil for this process's own user.
    let user: FolderServer.User?

    /// Waits for the disk.
    /// - Parameters:
    ///   - own: the program's own folders: no guest gets one of them, something in one, or a folder with one in it that is neither the
    ///     home nor above that.
    ///   - home: the user's.
    ///   - isRoot: whether this process is root's.
    ///   - variable: a variable of the environment.
    /// - Throws: ``ShareError``.
    init(
        _ folder: SharedFolder, own: [String], isRoot: Bool = CurrentUser.isRoot,
        home: String = Environment.home, variable: (String) -> String? = { Environment.value($0) }
    ) throws(ShareError) {
        let status: FileStatus
        do throws(SystemCallError) {
            path = try ResolvedPath.real(folder.path)
            guard let found = try Paths.status(path) else { throw SystemCallError(.noSuchFile, call: "stat") }
            status = found
        } catch {
            switch error.number {
            case .noSuchFile: throw .noSuchFolder(folder.path)
            case .notAFolder: throw .notAFolder(folder.path)
            case .accessDenied: throw .noPermission(folder.path, user: Environment.user, toWrite: false)
            default: throw .file(SystemCallError(code: error.code, call: error.call, subject: folder.path))
            }
        }
        guard status.kind == .folder else { throw .notAFolder(folder.path) }
        identity = status.identity
        if let reason = ShareSource.refusal(path, own: own, home: home) { throw .refused(path, reason: reason) }
        user = try isRoot ? ShareSource.user(owner: status.owner, variable) : nil
        try check(toWrite: !folder.isReadOnly)
    }

    /// What a suspended guest's folder is known by.
    var given: SharedFolder.Given { SharedFolder.Given(path: path, inode: identity.inode) }

    /// Waits for the disk.
    /// - Throws: ``ShareError/refused(_:reason:)`` where the path leads elsewhere by now.
    func checkIsSame() throws(ShareError) {
        do throws(SystemCallError) {
            if try ResolvedPath.real(path) == path, try Paths.status(path)?.identity == identity { return }
        } catch {
            guard [.noSuchFile, .notAFolder].contains(error.number) else { throw .file(error) }
        }
        throw .refused(path, reason: "it was removed or replaced after it was looked up")
    }

    /// Why no guest gets a folder, as a clause; nil for nothing.
    private static func refusal(_ path: String, own: [String], home: String) -> String? {
        if SharedFolder.hasUnprintable(path) { return "its name has control characters" }
        if path == "/" { return "it is all of this machine: share a folder in it" }
        if ["/proc", "/sys", "/dev"].contains(where: { path == $0 || path.hasPrefix("\($0)/") }) {
            return "what is there is the kernel's, and no files"
        }
        if own.contains(where: { ResolvedPath.isInside(path, $0) }) { return "it holds what other guests are made of" }
        // A home is known to hold everything.
        if !ResolvedPath.isInside(home, path), let inner = own.first(where: { ResolvedPath.isInside($0, path) }) {
            return "what other guests are made of lies in it (\(inner)): share a folder beside that"
        }
        return nil
    }

    /// Who asked, where root's process serves: whoever became root by sudo, doas or pkexec. Where that is not known, whose the folder is; and
    /// where that is root, somebody who may do what everybody may. Never root.
    private static func user(
        owner: UserID, _ variable: (String) -> String?
    ) throws(ShareError) -> FolderServer.User {
        for name in ["SUDO_UID", "PKEXEC_UID"] {
            guard let id = variable(name).flatMap({ UserID($0) }), id != 0, let user = UserDatabase.user(id: id) else {
                continue
            }
            return FolderServer.User(user)
        }
        if let user = variable("DOAS_USER").flatMap({ UserDatabase.user(named: $0) }), user.id != 0 {
            return FolderServer.User(user)
        }
        if owner != 0 {
            // Somebody whom the user database does not know has files, too.
            return UserDatabase.user(id: owner).map { FolderServer.User($0) }
                ?? FolderServer.User(SandboxUser(number: owner), name: "\(owner)")
        }
        do throws(GuestNetworkError) {
            return FolderServer.User(try SandboxUser.current(), name: "nobody in particular")
        } catch {
            throw .server(error)
        }
    }

    /// Whether the user may do what the guest is to do.
    private func check(toWrite: Bool) throws(ShareError) {
        let wanted: [(Character, Paths.Access)] =
            [("x", .executing), ("r", .reading)] + (toWrite ? [("w", .writing)] : [])
        for (letter, access) in wanted {
            let isAllowed: Bool
            do throws(GuestNetworkError) {
                isAllowed = try user?.may(letter, path) ?? Paths.allows(access, path)
            } catch {
                throw .server(error)
            }
            if !isAllowed {
                throw .noPermission(path, user: user?.name ?? Environment.user, toWrite: letter == "w")
            }
        }
    }
}

import Linux

/// A user's number that nobody else has, for the QEMU of one guest of root's: it can neither read what another guest's QEMU owns
/// nor touch that process. The number is free again when this goes, or its process ends.
package final class EmulatorUser: Sendable {
    package let id: UserID
    private let path: String
    private let lock: FileHandle

    /// What systemd gives to services with DynamicUser= (systemd's "Users, Groups, UIDs and GIDs"), and what nobody else uses.
    package static let range: ClosedRange<UserID> = 61184...65519
    /// Where systemd marks those that are in use, each by a locked file (flock) whose name is the number: it gives away none that is
    /// locked, and neither do we. Where there is no systemd, the folder is made.
    package static let folder = "/run/systemd/dynamic-uid"

    private init(id: UserID, path: String, lock: FileHandle) {
        self.id = id
        self.path = path
        self.lock = lock
    }

    // While the lock is still held: a name that is removed later could be somebody else's.
    deinit { Paths.removeIfPossible(path) }

    /// Takes a number that no user, no process and no file in some folders has. Reads /proc, and asks the user database.
    /// - Parameters:
    ///   - name: written into the locked file, for whoever looks; begins with `oscircular-`.
    ///   - files: folders that may still have files of a guest whose session was killed.
    ///   - folder: where the locked files are.
    /// - Throws: ``SystemCallError``; EAGAIN when none was found.
    package static func claim(
        name: String, avoidingOwnersIn files: [String], folder: String = EmulatorUser.folder,
        range: ClosedRange<UserID> = EmulatorUser.range
    ) throws(SystemCallError) -> EmulatorUser {
        try Folder.make(folder, mode: 0o755)
        clearStale(in: folder)
        var taken: Set<UserID> = []
        for place in ["/proc"] + files {
            for entry in Folder.namesIfAny(in: place) {
                // What is gone meanwhile has no owner.
                if let status = try? Paths.statusOfName("\(place)/\(entry)") { taken.insert(status.owner) }
            }
        }
        // Each at most once, from anywhere in the range: what the last guest had is not the next one's.
        for id in range.shuffled() where !taken.contains(id) {
            if let user = try claim(id, name: name, folder: folder) { return user }
        }
        throw SystemCallError(.wouldBlock, call: "flock", subject: folder)
    }

    /// Removes what killed sessions left: nobody holds their locks. Best effort, and only what is ours.
    private static func clearStale(in folder: String) {
        for entry in Folder.namesIfAny(in: folder) {
            // What cannot be read is left.
            let text = (try? FileContents.readText("\(folder)/\(entry)", limit: 64)) ?? ""
            guard let id = UserID(entry), text.hasPrefix("oscircular-") else { continue }
            // What can be taken is given back at once, and its file goes.
            _ = try? claim(id, name: text, folder: folder)
        }
    }

    /// - Returns: nil when the number is somebody's.
    private static func claim(_ id: UserID, name: String, folder: String) throws(SystemCallError) -> EmulatorUser? {
        guard UserDatabase.user(id: id) == nil else { return nil }
        let path = "\(folder)/\(id)"
        let lock = try FileHandle(path, for: .both, [.create, .refuseLink], mode: 0o600)
        // One that was removed between opening and locking protects nothing.
        guard try lock.lock(exclusive: true, wait: false), try lock.hasName() else { return nil }
        let user = EmulatorUser(id: id, path: path, lock: lock)
        try lock.truncate(to: 0)
        try "\(name)\n".withBytes { (bytes) throws(SystemCallError) in try lock.write(bytes) }
        return user
    }
}

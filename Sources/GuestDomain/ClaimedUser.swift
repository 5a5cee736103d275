import Linux

/// A user's number that nobody else has, for what one session of root's runs: that can neither read what another session's owns nor
/// touch its processes. The number is free again when this goes, or its process ends.
package final class ClaimedUser: Sendable {
    /// Of the user, and of a group that nobody else is in.
    package let id: UserID
    private let path: String
    private let lock: FileHandle

    /// What systemd gives to services with DynamicUser= (systemd's "Users, Groups, UIDs and GIDs"), and what nobody else uses.
    package static let range: ClosedRange<UserID> = 61184...65519
    /// Where systemd marks those that are in use, each by a locked file (flock) whose name is the number: it gives away none that is
    /// locked, and neither do we. Where there is no systemd, the folder is made.
    package static let folder = "/run/systemd/dynamic-uid"

    /// Why there is no number.
    package enum Failure: Error, Sendable, CustomStringConvertible {
        /// The folder of the locked files cannot be used.
        case folder(SystemCallError)
        /// This machine is a container that has none of the range.
        case unmapped
        /// Somebody has each of the range.
        case taken

        /// What failed, and what to do.
        package var description: String {
            let range = "\(ClaimedUser.range.lowerBound) to \(ClaimedUser.range.upperBound)"
            return switch self {
            case .folder(let error):
                "user ids are claimed by files in \(ClaimedUser.folder), and \(error): make it a folder that root can write to"
            case .unmapped:
                "the user ids \(range) do not exist in this container: map 65536 ids into it, as podman run "
                    + "--userns=auto:size=65536 does"
            case .taken: "all user ids from \(range) are in use: end other guests or services"
            }
        }
    }

    private init(id: UserID, path: String, lock: FileHandle) {
        self.id = id
        self.path = path
        self.lock = lock
    }

    // While the lock is still held: a name that is removed later could be somebody else's.
    deinit { Paths.removeIfPossible(path) }

    /// Takes numbers that no user, no process and no file in some folders has. Reads /proc, and asks the user database.
    /// - Parameters:
    ///   - count: how many; none is taken when there are not so many.
    ///   - name: written into the locked files, for whoever looks; begins with `oscircular-`.
    ///   - files: folders that may still have files of a session that was killed, or of one whose files are kept.
    ///   - folder: where the locked files are.
    ///   - maps: say which numbers there are, as user_namespaces(7) describes them.
    ///   - device: see ``ProcessorAccess``.
    package static func claim(
        _ count: Int = 1, name: String, avoidingOwnersIn files: [String], folder: String = ClaimedUser.folder,
        range: ClosedRange<UserID> = ClaimedUser.range, maps: [String] = ["/proc/self/uid_map", "/proc/self/gid_map"],
        device: ProcessorAccess = ProcessorAccess()
    ) throws(Failure) -> [ClaimedUser] {
        let maps = maps.map(NumberMap.init)
        let mapped = range.filter { id in maps.allSatisfy { $0.has(id) } }
        guard mapped.count >= count else { throw .unmapped }
        do throws(SystemCallError) {
            try Folder.make(folder, mode: 0o755)
            var taken: Set<UserID> = []
            for place in ["/proc"] + files {
                for entry in Folder.namesIfAny(in: place) {
                    // What is gone meanwhile has no owner.
                    if let status = try? Paths.statusOfName("\(place)/\(entry)") { taken.insert(status.owner) }
                }
            }
            clearStale(in: folder, except: taken, device)
            var users: [ClaimedUser] = []
            // Each at most once, from anywhere in the range: what the last guest had is not the next one's.
            for id in mapped.shuffled() where !taken.contains(id) {
                if let user = try claim(id, name: name, folder: folder) { users.append(user) }
                if users.count == count { return users }
            }
        } catch {
            throw .folder(error)
        }
        throw .taken
    }

    /// Removes what killed sessions left: nobody holds their locks. Best effort, and only what is ours. A number that a process still
    /// has, or a file, stays marked: systemd would give it to a service.
    private static func clearStale(in folder: String, except taken: Set<UserID>, _ device: ProcessorAccess) {
        for entry in Folder.namesIfAny(in: folder) {
            // What cannot be read is left.
            let text = (try? FileContents.readText("\(folder)/\(entry)", limit: 64)) ?? ""
            guard let id = UserID(entry), text.hasPrefix("oscircular-"), !taken.contains(id) else { continue }
            // What can be taken is given back at once, and its file goes.
            guard let stale = try? claim(id, name: text, folder: folder) else { continue }
            // It was killed while its QEMU started.
            device.close(to: id)
            withExtendedLifetime(stale) {}
        }
    }

    /// - Returns: nil when the number is somebody's.
    private static func claim(_ id: UserID, name: String, folder: String) throws(SystemCallError) -> ClaimedUser? {
        guard UserDatabase.user(id: id) == nil, !UserDatabase.isGroup(id) else { return nil }
        let path = "\(folder)/\(id)"
        let lock = try FileHandle(path, for: .both, [.create, .refuseLink], mode: 0o600)
        // One that was removed between opening and locking protects nothing.
        guard try lock.lock(exclusive: true, wait: false), try lock.hasName() else { return nil }
        let user = ClaimedUser(id: id, path: path, lock: lock)
        try lock.truncate(to: 0)
        try "\(name)\n".withBytes { (bytes) throws(SystemCallError) in try lock.write(bytes) }
        return user
    }

    /// The numbers that this machine has: in a container there may be only some.
    private struct NumberMap {
        private var ranges: [Range<UInt64>]?

        init(_ path: String) {
            // A kernel without user namespaces has no map, and all numbers.
            guard let text = try? FileContents.readText(path, limit: 65_536) else { return }
            ranges = text.split(separator: "\n").compactMap { line in
                let fields = line.split(separator: " ").compactMap { UInt64($0) }
                return fields.count == 3 ? fields[0]..<(fields[0] + fields[2]) : nil
            }
        }

        func has(_ number: UserID) -> Bool { ranges?.contains { $0.contains(UInt64(number)) } ?? true }
    }
}

/// The processor's device, which QEMU opens when it starts. Only the group kvm may, and a user whom the user database does not know is in
/// no group but the one that libvirt is told; so a guest's own user is on the device's access list meanwhile.
package struct ProcessorAccess: Sendable {
    private let device: String
    private let lock: String

    /// - Parameter lock: a file that only root opens. It is made, and stays.
    package init(device: String = "/dev/kvm", lock: String = "\(ClaimedUser.folder)/oscircular.lock") {
        self.device = device
        self.lock = lock
    }

    func open(to user: UserID) {
        // Where this fails, QEMU may open it all the same, or says that it cannot.
        try? AccessList.add(user, to: device, lock: lock)
    }

    func close(to user: UserID) {
        // What stays lets in nobody: the user is none when the guest is gone.
        try? AccessList.remove(user, from: device, lock: lock)
    }
}

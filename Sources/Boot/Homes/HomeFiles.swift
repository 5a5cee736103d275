import GuestDomain
import Linux

/// The files of one home. Whoever changes one of them holds the home's ``HomeLock``.
struct HomeFiles: Sendable {
    let name: KeptName
    /// Of all homes.
    let folder: String

    init(_ name: KeptName, in folder: String) {
        self.name = name
        self.folder = folder
    }

    /// A sparse raw image, 0600: the file system itself, without a partition table.
    var disk: String { "\(folder)/\(name)\(HomeFiles.ending)" }
    /// See ``HomeRecord``.
    var record: String { "\(folder)/\(name).json" }
    var lock: String { "\(folder)/\(name).lock" }
    var backups: String { "\(folder)/\(name).backups" }

    /// Names the session whose suspended guest has it, see ``SuspendMark``.
    var suspension: String { "\(folder)/\(name).suspended" }
    var suspendedSession: String? {
        SuspendMark.session(in: suspension, suspended: Folder.parent(of: folder))
    }

    func backup(_ moment: String) -> String { "\(backups)/\(moment)\(HomeFiles.ending)" }

    static let ending = ".raw"
    /// In the names of backups that were made before a start.
    static let automaticMark = "-auto"

    static func isAutomatic(_ moment: String) -> Bool { moment.contains(automaticMark) }

    /// The names of the backups, the latest first.
    var backupNames: [String] {
        Folder.namesIfAny(in: backups).filter { $0.hasSuffix(HomeFiles.ending) && !$0.hasPrefix(".") }
            .map { String($0.dropLast(HomeFiles.ending.count)) }.sorted(by: >)
    }

    /// Removes what an operation left that was killed: files that have not got their names, and a backup that has the home's own file.
    func sweep() {
        for (place, stem) in [(folder, name.text), (backups, nil as String?)] {
            for entry in Folder.namesIfAny(in: place) where HomeFiles.isUnfinished(entry, of: stem) {
                Paths.removeIfPossible("\(place)/\(entry)")
            }
        }
        // A restore gives the home's file a second name, among the backups, just before another file takes its first one.
        guard let own = try? Paths.statusOfName(disk), own.names > 1 else { return }
        for moment in backupNames {
            // What cannot be looked at is found by whoever opens the home.
            guard let other = try? Paths.statusOfName(backup(moment)), other.identity == own.identity else { continue }
            Paths.removeIfPossible(backup(moment))
        }
    }

    /// Removes homes that whoever made them was killed before they had their names: nobody else would.
    static func sweepUnfinished(in folder: String) {
        for entry in Folder.namesIfAny(in: folder) where entry.hasPrefix(".") && entry.hasSuffix(".tmp") {
            // `.NAME.raw.PROCESS.RANDOM.tmp`
            let parts = entry.split(separator: ".")
            guard parts.count >= 5, let process = ProcessID(parts[parts.count - 3]), !CurrentProcess.isRunning(process)
            else { continue }
            Paths.removeIfPossible("\(folder)/\(entry)")
        }
    }

    /// Whether a name is one of ``AtomicFile/temporaryName(for:)``.
    /// - Parameter stem: the home's name; nil for whatever stands there.
    private static func isUnfinished(_ entry: String, of stem: String?) -> Bool {
        guard entry.hasPrefix("."), entry.hasSuffix(".tmp") else { return false }
        guard let stem else { return true }
        let beginning = ".\(stem)\(ending)."
        // A process's number and some random letters; more dots are in the name of another home.
        return entry.hasPrefix(beginning)
            && entry.dropFirst(beginning.count).dropLast(4).split(separator: ".", omittingEmptySubsequences: false)
                .count == 2
    }

    // MARK: The disk

    /// Opens a file as a home's disk or backup must be: a plain file of this user's alone.
    ///
    /// In root's case one that a killed session or program left to its own user is taken back.
    /// - Parameter waits: for the end of a guest whose session is gone.
    /// - Throws: ``HomeError/noSuchHome(_:near:)`` where there is none, ``HomeError/notOurs(_:reason:)``, ``HomeError/inUse(_:by:)``.
    func open(_ path: String, waits: Bool = true) throws(HomeError) -> FileHandle {
        guard Places.isOurs(folder) else {
            throw .notOurs(folder, reason: "it is not a folder of yours that nobody else can write to")
        }
        let handle: FileHandle
        do throws(SystemCallError) {
            handle = try FileHandle(path, for: .both, [.refuseLink, .nonblocking])
        } catch  where error.number == .noSuchFile {
            throw .noSuchHome(name, near: [])
        } catch  where error.number == .isALink {
            throw .notOurs(path, reason: "it is a link")
        } catch  where error.number == .isAFolder {
            throw .notOurs(path, reason: "it is a folder")
        } catch {
            throw .file(error)
        }
        let status = try HomeError.wrap { () throws(SystemCallError) in try handle.status() }
        guard status.kind == .regular else { throw .notOurs(path, reason: "it is not a plain file") }
        guard status.permissions & 0o077 == 0 else {
            throw .notOurs(path, reason: "other users may read or write it: 'chmod 600' takes that back")
        }
        guard status.names == 1 else {
            throw .notOurs(path, reason: "it has another name, under which it may be changed")
        }
        try waitUntilFree(handle, seconds: waits ? 10 : 0)
        // What libvirt noted of a guest that was killed: it would not let another user have the file.
        if waits, CurrentUser.isRoot { FileNotes.remove(MachineDiskLinks.libvirtsNotes, of: path) }
        guard status.owner != CurrentUser.id else { return handle }
        guard CurrentUser.isRoot, HomeFiles.isGuests(status.owner) else {
            throw .notOurs(path, reason: "it belongs to another user (\(status.owner))")
        }
        try HomeError.wrap { () throws(SystemCallError) in try handle.setOwner(0, 0) }
        return handle
    }

    /// A QEMU lives for a moment longer than a session that is killed, and locks its disks.
    private func waitUntilFree(_ handle: FileHandle, seconds: UInt64) throws(HomeError) {
        let end = MonotonicClock.nanoseconds + seconds * 1_000_000_000
        while try HomeError.wrap({ () throws(SystemCallError) in try handle.isLockedInPart() }) {
            guard MonotonicClock.nanoseconds < end else { throw .inUse(name, by: nil) }
            MonotonicClock.pause(milliseconds: 100)
        }
    }

    /// Whether a user is one that a guest of root's, or a program of e2fsprogs, has or had.
    private static func isGuests(_ user: UserID) -> Bool {
        ClaimedUser.range.contains(user)
            || ["libvirt-qemu", "qemu", "oscircular", "nobody"].contains { UserDatabase.user(named: $0)?.id == user }
    }
}

/// A home for oneself: for as long as this is there, nobody else uses or changes it.
package final class HomeLock: Sendable {
    private let handle: FileHandle

    private init(_ handle: FileHandle) { self.handle = handle }

    /// - Parameter holder: a session's id, or what is done with the home; others are told.
    /// - Throws: ``HomeError/inUse(_:by:)``, ``HomeError/suspended(_:session:)``.
    static func take(_ files: HomeFiles, for holder: String) throws(HomeError) -> HomeLock {
        if let suspended = files.suspendedSession, suspended != holder {
            throw .suspended(files.name, session: suspended)
        }
        do throws(SystemCallError) {
            for _ in 0..<10 {
                let handle = try FileHandle(files.lock, for: .both, [.create, .refuseLink], mode: 0o600)
                // Who only looks holds it for a moment, too.
                guard try handle.lock(exclusive: true, within: 500) else { break }
                // One that was removed meanwhile protects nothing.
                guard try handle.hasName() else { continue }
                try HolderFile.note(holder, in: handle)
                return HomeLock(handle)
            }
        } catch  where error.number == .isALink {
            throw .notOurs(files.lock, reason: "it is a link")
        } catch {
            throw .file(error)
        }
        throw .inUse(files.name, by: HomeLock.holder(of: files))
    }

    /// Gives it back, before this goes.
    func end() { handle.unlock() }

    /// Who has a home; nil for nobody, and where that cannot be seen.
    static func holder(of files: HomeFiles) -> String? {
        let lock = HolderFile(path: files.lock)
        return lock.isHeld ? String(lock.text.prefix { $0 != "\n" }) : nil
    }
}

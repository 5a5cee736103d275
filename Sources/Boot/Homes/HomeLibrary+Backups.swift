import Catalog
import Linux

/// Homes as they were.
extension HomeLibrary {
    /// Keeps a home as it is now: with shared blocks where the file system can do that (Btrfs, XFS), else as a copy.
    /// - Throws: ``HomeError``: ``HomeError/noRoom(_:folder:needed:free:)``; nothing is left then.
    @discardableResult
    package func backup(_ name: KeptName) throws(HomeError) -> HomeBackup {
        let files = files(name)
        guard exists(name) else { throw .noSuchHome(name, near: names) }
        let lock = try HomeLock.take(files, for: "homes backup")
        defer { withExtendedLifetime(lock) {} }
        files.sweep()
        return try backup(files, try files.open(files.disk))
    }

    /// The home's lock is held.
    /// - Parameters:
    ///   - isAutomatic: nobody has asked for it, so it goes when newer ones come.
    ///   - mostToCopy: bytes; a home with more of them is kept only where blocks can be shared.
    @discardableResult
    func backup(
        _ files: HomeFiles, _ disk: FileHandle, isAutomatic: Bool = false, mostToCopy: Int = .max
    ) throws(HomeError) -> HomeBackup {
        let moment = try newMoment(files, isAutomatic: isAutomatic)
        try appear(files.backup(moment)) { (temporary) throws(HomeError) in
            let copy = try copy(disk, to: temporary, files, mostToCopy: mostToCopy)
            try HomeError.wrap { () throws(SystemCallError) in try copy.sync() }
        }
        guard let backup = backups(files).first(where: { $0.name == moment }) else {
            throw .noSuchBackup(files.name, moment, near: [])
        }
        return backup
    }

    /// Makes a home again what it was. What it is now is kept as a backup.
    /// - Parameters:
    ///   - moment: a backup's name, or its beginning; nil for the latest.
    ///   - isForced: where there is no room for a copy, the backup itself becomes the home.
    /// - Returns: the backup that was taken.
    /// - Throws: ``HomeError``; the home is as it was then.
    @discardableResult
    package func restore(_ name: KeptName, to moment: String? = nil, isForced: Bool = false) throws(HomeError) -> String
    {
        let files = files(name)
        guard exists(name) || !files.backupNames.isEmpty else { throw .noSuchHome(name, near: names) }
        let lock = try HomeLock.take(files, for: "homes restore")
        defer { withExtendedLifetime(lock) {} }
        files.sweep()
        let chosen = try choose(moment, of: files)
        let backup = try files.open(files.backup(chosen))
        guard try header(of: backup) != nil else {
            throw .unusable(name, reason: "there is no ext4 file system on its backup \(chosen)")
        }
        // Whoever uses it still must be seen; a file that is not as it should be is kept like any other.
        do throws(HomeError) { _ = try files.open(files.disk) } catch {
            if case .inUse = error { throw error }
        }
        var kept: String?
        do throws(HomeError) {
            try appear(files.disk) { (temporary) throws(HomeError) in
                let copy = try copy(backup, to: temporary, files)
                try HomeError.wrap { () throws(SystemCallError) in try copy.sync() }
                kept = try keepPresent(files)
            }
        } catch {
            putBack(kept, files)
            guard case .noRoom = error, isForced else { throw error }
            kept = try keepPresent(files)
            do throws(SystemCallError) {
                try Paths.rename(files.backup(chosen), to: files.disk)
            } catch {
                putBack(kept, files)
                throw .file(error)
            }
        }
        return chosen
    }

    /// Gives what the home was its name back where it lost that to a backup's, and nothing else took it.
    /// - Parameter moment: of ``keepPresent(_:)``.
    func putBack(_ moment: String?, _ files: HomeFiles) {
        guard let moment, !exists(files.name) else { return }
        // What fails here as well is there still, as a backup.
        try? Paths.rename(files.backup(moment), to: files.disk)
    }

    /// Removes a backup.
    /// - Throws: ``HomeError/noSuchBackup(_:_:near:)``.
    package func forget(_ name: KeptName, backup moment: String) throws(HomeError) {
        let files = files(name)
        guard exists(name) || !files.backupNames.isEmpty else { throw .noSuchHome(name, near: names) }
        let lock = try HomeLock.take(files, for: "homes forget")
        defer { withExtendedLifetime(lock) {} }
        let chosen = try choose(moment, of: files)
        try HomeError.wrap { () throws(SystemCallError) in _ = try Paths.remove(files.backup(chosen)) }
    }

    /// Gives what the home is now a name among the backups as well. It needs no room.
    /// - Returns: that name; nil where the home is not there.
    private func keepPresent(_ files: HomeFiles) throws(HomeError) -> String? {
        let moment = try newMoment(files)
        return try HomeError.wrap { () throws(SystemCallError) in
            guard try Paths.statusOfName(files.disk) != nil else { return nil }
            do throws(SystemCallError) {
                try Paths.addName(files.backup(moment), of: files.disk)
            } catch  where [.notSupported, .notPermitted, .noSuchCall].contains(error.number) {
                // A file system whose files have one name each; for a moment the home has none.
                try Paths.rename(files.disk, to: files.backup(moment))
            }
            return moment
        }
    }

    private func choose(_ moment: String?, of files: HomeFiles) throws(HomeError) -> String {
        let all = files.backupNames
        guard let moment else {
            guard let latest = all.first else { throw .noSuchBackup(files.name, "", near: []) }
            return latest
        }
        let matches = all.contains(moment) ? [moment] : all.filter { !moment.isEmpty && $0.hasPrefix(moment) }
        guard matches.count == 1 else { throw .noSuchBackup(files.name, moment, near: matches.isEmpty ? all : matches) }
        return matches[0]
    }

    /// A name that no backup has, and their folder.
    private func newMoment(_ files: HomeFiles, isAutomatic: Bool = false) throws(HomeError) -> String {
        try HomeError.wrap { () throws(SystemCallError) in try Folder.make(files.backups, mode: 0o700) }
        guard Places.isOurs(files.backups) else {
            throw .notOurs(files.backups, reason: "it is not a folder of yours that nobody else can write to")
        }
        let now = Timestamp.now.description + (isAutomatic ? HomeFiles.automaticMark : "")
        let taken = Set(files.backupNames)
        if !taken.contains(now) { return now }
        return (2...).lazy.map { "\(now)-\($0)" }.first { !taken.contains($0) } ?? now
    }

    /// Writes a copy of a disk into a new file.
    /// - Throws: where blocks cannot be shared ``HomeError/noRoom(_:folder:needed:free:)``, ``HomeError/tooMuchToCopy(_:size:)``.
    func copy(
        _ disk: FileHandle, to path: String, _ files: HomeFiles, mostToCopy: Int = .max
    ) throws(HomeError) -> FileHandle {
        let target = try HomeError.wrap { () throws(SystemCallError) in
            try FileHandle(path, for: .both, [.createNew, .refuseLink], mode: 0o600)
        }
        let isShared = try HomeError.wrap { () throws(SystemCallError) in try target.shareBlocks(of: disk) }
        if isShared { return target }
        let (allocated, space) = try HomeError.wrap { () throws(SystemCallError) in
            (try disk.status().allocated, try FileSystemSpace(ofPath: files.folder))
        }
        guard allocated <= mostToCopy else { throw .tooMuchToCopy(files.name, size: UInt64(clamping: allocated)) }
        let free = reserve.margin(space)
        guard allocated <= free else {
            throw .noRoom(
                files.name, folder: files.folder, needed: UInt64(clamping: allocated), free: UInt64(clamping: free))
        }
        try HomeError.wrap { () throws(SystemCallError) in try target.copyData(of: disk) }
        return target
    }
}

import Linux

/// A state that is being made: `CACHE/warm/.KEY.new`. Only its maker may pass, and nobody else makes the same meanwhile.
package struct UnfinishedState: Sendable {
    /// Its files are written here.
    package let folder: WarmFolder
    private let library: WarmLibrary
    private let hold: FileHandle

    init(folder: WarmFolder, library: WarmLibrary, hold: FileHandle) {
        (self.folder, self.library, self.hold) = (folder, library, hold)
    }

    /// Writes the record, and gives the state its name when all of it is on the disk. One that was there before goes, and so does the one that
    /// was used longest ago where its version has two already.
    /// - Throws: ``SystemCallError``; ``discard()`` removes what is there then.
    package func finish(_ record: WarmRecord) throws(SystemCallError) {
        defer { withExtendedLifetime(hold) {} }
        if record.overlayDigest != nil { try Paths.setPermissions(folder.overlay, WarmLibrary.frozen) }
        for path in [folder.memory, folder.overlay, folder.variables, folder.seed] where try Paths.isThere(path) {
            try FileHandle(path, for: .reading, .refuseLink).sync()
        }
        try AtomicFile.write(record.bytes, to: folder.record, mode: 0o600, durable: true)
        try Folder(path: folder.path).sync()
        let state = library.folder(folder.key)
        try library.takeAway(state)
        try Paths.rename(folder.path, to: state.path)
        try Folder(path: library.path).sync()
        library.trim(record.key, besides: folder.key)
    }

    /// Removes what is there; nothing where it is finished. Best effort: what stays is removed before the next one is made.
    package func discard() {
        // The doc comment's reason; and what has its name by now may be another maker's.
        guard let there = try? Paths.statusOfName(folder.lock)?.identity, let own = try? hold.status().identity,
            there == own
        else { return }
        // As above.
        try? Folder.removeTree(folder.path)
    }
}

extension WarmLibrary {
    /// States of one version, for different settings.
    static let mostOfAVersion = 2

    /// Begins a state, and removes what earlier makers left that ended before they were done.
    /// - Parameter key: ``WarmNeeds/key``.
    /// - Returns: nil where somebody else makes the same.
    /// - Throws: ``SystemCallError``.
    package func begin(_ key: String) throws(SystemCallError) -> UnfinishedState? {
        try Folder.make(path, mode: 0o700)
        try checkIsOwn()
        clearStale()
        let folder = WarmFolder(key: key, path: "\(path)/.\(key).new")
        do throws(SystemCallError) {
            try Folder.makeNew(folder.path, mode: 0o700)
        } catch  where error.number == .fileExists {
            return nil
        }
        do throws(SystemCallError) {
            let hold = try FileHandle(folder.lock, for: .both, [.create, .refuseLink], mode: 0o600)
            // Between both somebody may have taken it for one that was left.
            guard try hold.lock(exclusive: true, wait: false), try hold.hasName() else { return nil }
            return UnfinishedState(folder: folder, library: self, hold: hold)
        } catch {
            // Without a lock it would be taken for one that is about to be made.
            removeTree(folder.path)
            throw error
        }
    }

    /// Takes the right to boot a template: one at a time.
    /// - Returns: nil where somebody has it.
    /// - Throws: ``SystemCallError``.
    func takeTurn() throws(SystemCallError) -> FileHandle? {
        try Folder.make(path, mode: 0o700)
        try checkIsOwn()
        let lock = try FileHandle("\(path)/lock", for: .both, [.create, .refuseLink], mode: 0o600)
        return try lock.lock(exclusive: true, wait: false) ? lock : nil
    }

    /// Removes what makers left that ended before they were done, and states that were not removed to the end.
    package func clearStale() {
        // Best effort, as all of this: what is not seen now is removed the next time.
        for name in Folder.namesIfAny(in: path) where name.hasPrefix(".") {
            let parts = name.dropFirst().split(separator: ".")
            guard parts.count == 2, WarmFolder.isKey(parts[0]) else { continue }
            if parts[1] == "gone" { removeTree("\(path)/\(name)") }
            if parts[1] == "new" { clearUnfinished("\(path)/\(name)") }
        }
    }

    private func clearUnfinished(_ path: String) {
        do throws(SystemCallError) {
            let hold = try FileHandle("\(path)/lock", for: .both, .refuseLink)
            // What cannot be locked has a maker.
            guard try hold.lock(exclusive: true, wait: false) else { return }
            removeTree(path)
            withExtendedLifetime(hold) {}
        } catch {
            // A maker that was ended before it had a lock, unless it is about to take it; without a time it counts as such.
            guard error.isAbsent, let status = try? Paths.statusOfName(path) else { return }
            if WallClock.seconds - status.modifiedSeconds > 60 { removeTree(path) }
        }
    }

    /// Takes a state away in one step; who has opened it goes on with it.
    /// - Throws: ``SystemCallError``.
    func takeAway(_ folder: WarmFolder) throws(SystemCallError) {
        guard try Paths.statusOfName(folder.path) != nil else { return }
        let gone = "\(path)/.\(folder.key).gone"
        try Folder.removeTree(gone)
        try Paths.rename(folder.path, to: gone)
        removeTree(gone)
    }

    /// Removes a state. Best effort: one that stays is used, or tried again.
    func remove(_ folder: WarmFolder) {
        // The doc comment's reason.
        try? takeAway(folder)
    }

    private func removeTree(_ path: String) {
        // What stays counts in the limit, and is tried again before the next state is made.
        try? Folder.removeTree(path)
    }

    /// Removes the states of a version that are too many, those first that were used longest ago.
    func trim(_ version: VersionKey, besides kept: String) {
        let others = rows().filter { $0.key == version && $0.state != kept }.sorted { $0.lastUse < $1.lastUse }
        for row in others.dropLast(WarmLibrary.mostOfAVersion - 1) { remove(folder(row.state)) }
    }
}

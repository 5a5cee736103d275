import BlockStore
import Catalog
import ContentAddress
import GuestDomain
import ImageIndex
import Linux

/// The machines that this user keeps: `STATE/machines`. All calls wait for the disk.
///
/// Each change is made beside what is there, and comes into force by one rename: of a machine's record, or of its folder. Whatever ends a
/// change before that, it has not happened; what it left is removed at the next one.
package struct MachineLibrary: Sendable {
    let places: Places

    package init(places: Places) { self.places = places }

    // MARK: What there is

    /// Names of all machines, also of those that cannot be used; sorted.
    /// - Throws: ``MachineError/file(_:)``.
    package func names() throws(MachineError) -> [String] {
        do throws(SystemCallError) {
            return try Folder.names(in: places.machines).filter {
                KeptName($0) != nil && Folder.isFolder("\(places.machines)/\($0)")
            }.sorted()
        } catch {
            throw .file(error)
        }
    }

    /// The folder of a machine, which need not exist.
    /// - Throws: ``MachineError/invalidName(_:reason:)``.
    func folder(_ name: String) throws(MachineError) -> MachineFolder {
        try MachineError.check(name: name)
        return MachineFolder(name: name, path: "\(places.machines)/\(name)")
    }

    /// The folder of a machine that exists.
    /// - Throws: ``MachineError/noSuchMachine(_:near:)``.
    func existing(_ name: String) throws(MachineError) -> MachineFolder {
        let folder = try folder(name)
        guard Folder.isFolder(folder.path) else {
            throw .noSuchMachine(name, near: NearNames.suggest(name, among: try names()))
        }
        return folder
    }

    /// Takes a stopped machine for oneself, to run or to change it.
    /// - Parameter session: the one that will run it; nil for a command.
    /// - Throws: ``MachineError``: ``MachineError/running(_:session:)`` also where its session was killed and its QEMU is not gone yet.
    func hold(
        _ name: String, session: String? = nil
    ) throws(MachineError) -> (hold: MachineHold, record: MachineRecord) {
        let hold = try take(name, session: session)
        if let suspended = hold.folder.suspendedSession, suspended != session {
            throw .suspended(name, session: suspended)
        }
        let record = try hold.folder.read()
        try checkIsUnused(record, hold.folder)
        return (hold, record)
    }

    /// As ``hold(_:session:)``, also of one that cannot be read.
    private func take(_ name: String, session: String? = nil) throws(MachineError) -> MachineHold {
        try MachineHold.take(try existing(name), session: session) { last in
            // Its folder stays for as long as anything runs in its name. For what cannot be looked at there is the disk's own lock.
            (try? Paths.isThere(SessionDirectory(id: last, places: places).path)) == true
        }
    }

    /// Nobody but a QEMU locks parts of a disk: one that outlived its session still writes to it.
    private func checkIsUnused(_ record: MachineRecord, _ folder: MachineFolder) throws(MachineError) {
        var isUsed = false
        do throws(SystemCallError) {
            let disk = try FileHandle(folder.layer(record.disk.top), for: .reading, [.refuseLink, .nonblocking])
            // It ends a moment after its session.
            for _ in 0..<30 {
                isUsed = try disk.isLockedInPart()
                if !isUsed { return }
                MonotonicClock.pause(milliseconds: 100)
            }
        } catch {
            // One that is not there is locked by nobody, and is missed by who needs it.
            guard error.isAbsent || error.number == .isALink else { throw .file(error) }
            return
        }
        if isUsed { throw .running(folder.name, session: nil) }
    }

    /// - Throws: ``MachineError/noSuchMachine(_:near:)``.
    package func checkIsThere(_ name: String) throws(MachineError) { _ = try existing(name) }

    /// What is written down of a machine.
    /// - Throws: ``MachineError``.
    package func record(_ name: String) throws(MachineError) -> MachineRecord { try existing(name).read() }

    /// Whether a name is free, and one that a machine can have.
    /// - Throws: ``MachineError/invalidName(_:reason:)``, ``MachineError/exists(_:)``.
    package func checkIsFree(_ name: String) throws(MachineError) {
        let folder = try folder(name)
        let status: FileStatus?
        do throws(SystemCallError) {
            status = try Paths.statusOfName(folder.path)
        } catch {
            throw .file(error)
        }
        if status != nil { throw .exists(name) }
    }

    // MARK: Changes

    /// Gives a stopped machine another name.
    /// - Throws: ``MachineError``.
    package func rename(_ name: String, to new: String, cache: BlockCache) throws(MachineError) {
        let (hold, record) = try self.hold(name)
        defer { withExtendedLifetime(hold) {} }
        try checkIsFree(new)
        let target = try folder(new)
        // First: between the two names it would be unprotected.
        let blocks = baseBlocks(record, hold.folder)
        pin(blocks, as: new, cache)
        do throws(SystemCallError) {
            try Paths.rename(hold.folder.path, to: target.path)
            try syncNames()
        } catch {
            unpin(new, cache)
            if error.number == .folderNotEmpty || error.number == .fileExists { throw .exists(new) }
            throw .file(error)
        }
        // Who listed the machines meanwhile removed the pin of what was no machine yet.
        pin(blocks, as: new, cache)
        unpin(name, cache)
    }

    /// Removes a stopped machine with all its snapshots.
    /// - Throws: ``MachineError``.
    package func forget(_ name: String, cache: BlockCache) throws(MachineError) {
        // One that cannot be read can be forgotten, too.
        let hold = try take(name)
        defer { withExtendedLifetime(hold) {} }
        do throws(MachineError) {
            try checkIsUnused(try hold.folder.read(), hold.folder)
        } catch {
            // As said above.
            switch error {
            case .damaged, .newer: break
            default: throw error
            }
        }
        do throws(SystemCallError) {
            let gone = "\(places.machines)/\(MachineFolder.forgotten)\(SessionID.random())"
            try Paths.rename(hold.folder.path, to: gone)
            try syncNames()
            unpin(name, cache)
            // Its memory is of no use any more.
            if let suspended = MachineFolder(name: name, path: gone).suspendedSession {
                // What stays of it is removed when somebody names it.
                try? SuspendedLibrary(places: places).forget(suspended, cache: cache)
            }
            try Folder.removeTree(gone)
        } catch {
            throw .file(error)
        }
    }

    /// Names the disk of a stopped machine as it is now, so that it can be gone back to.
    /// - Throws: ``MachineError``.
    package func snapshot(_ name: String, as snapshot: String) throws(MachineError) {
        try change(name) { (folder, record) throws(MachineError) in
            try MachineLibrary.name(snapshot, in: &record, folder)
        }
    }

    /// Goes back to a snapshot of a stopped machine. What was written since is lost.
    /// - Parameter kept: a name under which the disk as it is now stays; nil for none.
    /// - Throws: ``MachineError``.
    package func revert(_ name: String, to snapshot: String, keeping kept: String? = nil) throws(MachineError) {
        try change(name) { (folder, record) throws(MachineError) in
            guard let old = record.disk.snapshot(snapshot) else {
                throw MachineLibrary.noSuchSnapshot(snapshot, record, folder)
            }
            if let kept { try MachineLibrary.name(kept, in: &record, folder) }
            let size = record.disk.layer(old.layer)?.size ?? record.disk.size
            try MachineLibrary.cover(old.layer, size: size, &record, folder)
        }
    }

    /// Forgets a snapshot. Its bytes are free when neither the disk nor another snapshot needs them.
    /// - Throws: ``MachineError``.
    package func removeSnapshot(_ snapshot: String, of name: String) throws(MachineError) {
        try change(name) { (folder, record) throws(MachineError) in
            guard record.disk.snapshot(snapshot) != nil else {
                throw MachineLibrary.noSuchSnapshot(snapshot, record, folder)
            }
            record.disk.snapshots.removeAll { $0.name == snapshot }
        }
    }

    /// Makes the disk of a stopped machine larger.
    /// - Throws: ``MachineError``: ``MachineError/tooSmall(bytes:least:isImage:)`` unless it is larger than now.
    package func grow(_ name: String, to size: UInt64) throws(MachineError) {
        try change(name) { (folder, record) throws(MachineError) in
            let wanted = try DiskSize.rounded(size, sectorSize: record.sectorSize)
            guard wanted > record.disk.size else {
                throw .tooSmall(bytes: size, least: record.disk.size, isImage: false)
            }
            // An empty layer is replaced, and what was written is kept below the larger one.
            let layer = record.disk.isTopEmpty ? record.disk.below : record.disk.top
            try MachineLibrary.cover(layer, size: wanted, &record, folder)
        }
    }

    /// Makes another machine with the disk of a stopped one as it is now, in a moment and without a copy.
    /// - Throws: ``MachineError``.
    package func clone(_ name: String, as new: String, cache: BlockCache) throws(MachineError) {
        let (hold, record) = try self.hold(name)
        defer { withExtendedLifetime(hold) {} }
        var source = record
        try checkIsFree(new)
        if !source.disk.isTopEmpty || source.disk.below == nil {
            try MachineLibrary.cover(source.disk.top, size: source.disk.size, &source, hold.folder)
            try commit(&source, hold.folder)
        }
        let target = try folder(new)
        let unfinished = MachineFolder(
            name: new, path: "\(places.machines)/\(MachineFolder.unfinished)\(SessionID.random())")
        do {
            let made = try MachineCopy(from: hold.folder, source).make(in: unfinished)
            defer { withExtendedLifetime(made.hold) {} }
            let blocks = baseBlocks(made.record, unfinished)
            pin(blocks, as: new, cache)
            try MachineLibrary.finish(unfinished, as: target)
            // As in `rename`.
            pin(blocks, as: new, cache)
        } catch {
            // What stays is removed by the next start of anything.
            try? Folder.removeTree(unfinished.path)
            throw error
        }
    }
}

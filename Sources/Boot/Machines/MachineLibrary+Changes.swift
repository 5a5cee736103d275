import BlockStore
import Catalog
import GuestDomain
import Linux

/// How changes of machines are made.
extension MachineLibrary {
    /// - Parameter body: makes what is new beside what is there, and changes the record.
    func change(
        _ name: String, _ body: (MachineFolder, inout MachineRecord) throws(MachineError) -> Void
    ) throws(MachineError) {
        let (hold, old) = try hold(name)
        defer { withExtendedLifetime(hold) {} }
        var record = old
        // What an earlier one left; it takes room that this one may need.
        MachineLibrary.sweep(hold.folder, record)
        do throws(MachineError) {
            try body(hold.folder, &record)
            try commit(&record, hold.folder)
        } catch {
            // By the record as it is: this change may have come into force all the same. Without it nothing is removed.
            if let valid = try? hold.folder.read() { MachineLibrary.sweep(hold.folder, valid) }
            throw error
        }
    }

    func commit(_ record: inout MachineRecord, _ folder: MachineFolder) throws(MachineError) {
        record.disk.prune()
        try folder.write(record)
        MachineLibrary.sweep(folder, record)
    }

    /// Names what the disk is now.
    static func name(
        _ snapshot: String, in record: inout MachineRecord, _ folder: MachineFolder
    ) throws(MachineError) {
        try MachineError.check(name: snapshot)
        guard record.disk.snapshot(snapshot) == nil else {
            throw .snapshotExists(machine: folder.name, snapshot)
        }
        if !record.disk.isTopEmpty || record.disk.below == nil {
            try cover(record.disk.top, size: record.disk.size, &record, folder)
        }
        guard let layer = record.disk.below else { return }
        record.disk.snapshots.append(.init(name: snapshot, layer: layer, created: .now))
    }

    /// Makes an empty layer over another one, which is not changed from now on.
    static func cover(
        _ layer: String?, size: UInt64, _ record: inout MachineRecord, _ folder: MachineFolder
    ) throws(MachineError) {
        guard record.disk.chain(of: layer).count < MachineRecord.Disk.mostLayers,
            record.disk.layers.count < MachineRecord.Disk.mostInAll
        else { throw .tooManyLayers(machine: folder.name, most: MachineRecord.Disk.mostLayers) }
        let id = MachineRecord.Disk.newID()
        try makeLayer(id, over: layer, size: size, folder)
        record.disk.put(id, on: layer, size: size)
    }

    /// Makes an empty layer's files.
    static func makeLayer(
        _ id: String, over layer: String?, size: UInt64, _ folder: MachineFolder
    ) throws(MachineError) {
        do {
            try Overlay.create(at: folder.layer(id), backing: nil, size: size)
            try FileHandle(folder.layer(id), for: .reading, .refuseLink).sync()
            if let layer {
                try freeze(folder.layer(layer))
                if try Paths.statusOfName(folder.variables(layer)) != nil {
                    try UEFIFirmware.copyVariables(
                        try FileHandle(folder.variables(layer), for: .reading, [.refuseLink, .nonblocking]),
                        to: folder.variables(id))
                }
            }
            try Folder(path: folder.layers).sync()
        } catch let error as SystemCallError {
            throw .file(error)
        } catch let error as GuestDomainError {
            throw MachineError(error)
        } catch {
            // Nothing else is thrown above.
            throw .toolFailed(reason: "a layer could not be made")
        }
    }

    /// Sees to it that nobody writes to a layer any more, whoever QEMU ran as: whose file it is could undo that.
    static func freeze(_ layer: String) throws(SystemCallError) {
        if CurrentUser.isRoot, let status = try Paths.statusOfName(layer), status.owner != 0 {
            try Paths.setOwner(layer, 0, 0)
        }
        try Paths.setPermissions(layer, MachineFolder.frozen)
    }

    /// Gives a finished folder its name.
    static func finish(_ unfinished: MachineFolder, as target: MachineFolder) throws(MachineError) {
        do throws(SystemCallError) {
            try Folder(path: unfinished.path).sync()
            try Paths.rename(unfinished.path, to: target.path)
            if let parent = Folder.parent(of: target.path) { try Folder(path: parent).sync() }
        } catch {
            if error.number == .folderNotEmpty || error.number == .fileExists { throw .exists(target.name) }
            throw .file(error)
        }
    }

    /// Removes files of layers that the record does not have. Best effort: they only take room.
    static func sweep(_ folder: MachineFolder, _ record: MachineRecord) {
        let known = Set(record.disk.layers.flatMap { ["\($0.id).qcow2", "\($0.id).fd"] })
        for name in Folder.namesIfAny(in: folder.layers) where !known.contains(name) {
            Paths.removeIfPossible("\(folder.layers)/\(name)")
        }
    }

    /// Removes what changes left that were ended before they came into force.
    package func clearStale() {
        // Best effort: what is not seen now is removed the next time.
        for name in Folder.namesIfAny(in: places.machines) {
            let path = "\(places.machines)/\(name)"
            if name.hasPrefix(MachineFolder.forgotten) {
                // As above.
                try? Folder.removeTree(path)
            } else if name.hasPrefix(MachineFolder.unfinished) {
                // Who makes it holds it; before the lock is there, it is as young as that.
                guard let status = try? Paths.statusOfName(path), WallClock.seconds - status.modifiedSeconds > 60,
                    // As above.
                    let hold = try? MachineHold.take(MachineFolder(name: name, path: path), patience: 0)
                else { continue }
                // As above.
                try? Folder.removeTree(path)
                withExtendedLifetime(hold) {}
            }
        }
    }

    /// Throws the memory of a suspended machine away: its disk is as after a power cut. Nothing happens to one that is not suspended.
    /// - Throws: ``MachineError``, ``SuspendError``.
    package func forgetMemory(of name: String, cache: BlockCache) throws {
        guard let session = try existing(name).suspendedSession else { return }
        try SuspendedLibrary(places: places).forget(session, cache: cache)
    }

    func syncNames() throws(SystemCallError) { try Folder(path: places.machines).sync() }

    static func noSuchSnapshot(_ name: String, _ record: MachineRecord, _ folder: MachineFolder) -> MachineError {
        .noSuchSnapshot(
            machine: folder.name, name, near: NearNames.suggest(name, among: record.disk.snapshots.map(\.name)))
    }
}

extension MachineFolder {
    /// The bits of a layer that does not change any more: its folder lets in nobody but its user.
    static let frozen: FilePermissions = 0o444
}

extension MachineRecord.Disk {
    /// The layer below the topmost one; nil for the base.
    var below: String? { layer(top)?.parent }
}

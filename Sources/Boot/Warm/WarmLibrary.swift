import Linux

/// The warm states of this user: `CACHE/warm`. All calls wait for the disk.
///
/// A state is there when its folder has its name, and is never changed; whoever has opened it can use it even if it is removed. One that is
/// being made lies beside it, in `.KEY.new`, and is its maker's for as long as that holds its lock.
package struct WarmLibrary: Sendable {
    /// `CACHE/warm`.
    package let path: String

    /// Permissions of a disk that nobody writes to any more.
    static let frozen: FilePermissions = 0o444
    /// Starts in a row that a state may fail before it is removed.
    static let mostFailures = 3

    /// - Parameter cache: the folder of the block cache.
    package init(cache: String) { path = "\(cache)/warm" }

    func folder(_ key: String) -> WarmFolder { WarmFolder(key, in: path) }

    /// What there is for a start.
    package enum Finding: Sendable {
        case state(WarmState)
        /// None was made, or it is being made.
        case none
        /// There is one, which does not fit: why not, in words that go on after "the warm state is not used: ".
        case misfit(String)
    }

    /// Looks for the state that a start asks for, and compares its record. Its bytes are compared when they are used. What is damaged is
    /// removed; one that does not fit is not counted as usable from then on, so that another is made in its place.
    package func find(_ needs: WarmNeeds) -> Finding {
        do {
            guard let state = try open(folder(needs.key)) else { return .none }
            if let reason = state.record.misfit(with: needs) {
                // Without the note it is looked at again, as now.
                try? AtomicFile.write("\(reason)\n", to: state.folder.misfit, mode: 0o600)
                return .misfit(reason)
            }
            // It did not before this machine was changed.
            Paths.removeIfPossible(state.folder.misfit)
            // Only the order in which states go depends on it.
            try? Paths.setTimes(state.folder.lock)
            var found = state
            (found.failures, found.emulator) = (failures(state.folder), needs.emulator)
            return .state(found)
        } catch WarmRecord.Unusable.newer {
            return .misfit("a newer release of this program made it")
        } catch WarmRecord.Unusable.damaged(let reason) {
            remove(folder(needs.key))
            return .misfit("its record cannot be used: \(reason)")
        } catch let error as SystemCallError where error.number == .notPermitted && error.subject == path {
            return .misfit(
                "\(path) is another user's, or open to others: remove that folder, or choose another one for the cache")
        } catch let error as SystemCallError {
            return .misfit("\(error)")
        } catch {
            return .misfit("it cannot be read")
        }
    }

    /// Whether there is a state that is likely to be used.
    func isUsable(_ key: String) -> Bool {
        // One that cannot be read is of no use.
        (try? open(folder(key))).map { isUsable($0) } ?? false
    }

    func isUsable(_ state: WarmState) -> Bool {
        state.record.isOfThisRelease && !Paths.allows([], state.folder.misfit)
    }

    /// States hold what nobody else may read or replace, and the cache may lie where others can make folders.
    /// - Throws: ``SystemCallError``; EPERM where the folder of all states is not this user's alone. One that is not there is.
    func checkIsOwn() throws(SystemCallError) {
        guard let name = try Paths.statusOfName(path) else { return }
        // A link may be this user's own; what it leads to counts as well.
        guard let status = try Paths.status(path), name.owner == CurrentUser.id, status.owner == CurrentUser.id,
            status.kind == .folder, status.permissions & 0o077 == 0
        else { throw SystemCallError(.notPermitted, call: "use", subject: path) }
    }

    /// Opens a state's files, all of one and the same.
    /// - Returns: nil where there is none.
    /// - Throws: ``WarmRecord/Unusable``, ``SystemCallError``.
    func open(_ folder: WarmFolder) throws -> WarmState? {
        try checkIsOwn()
        let files: Folder
        do throws(SystemCallError) {
            files = try Folder(path: folder.path)
        } catch {
            if error.isAbsent { return nil }
            throw error
        }
        do {
            let record = try WarmRecord.read(
                try files.contents(of: WarmFolder.recordName, limit: WarmFolder.longestRecord))
            var opened = WarmState.Files(memory: try files.file(WarmFolder.memoryName, for: .reading))
            if !record.guest.isCDROM { opened.overlay = try files.file(WarmFolder.overlayName, for: .reading) }
            if record.guest.firmware == .uefi {
                opened.variables = try files.file(WarmFolder.variablesName, for: .reading)
            }
            if record.guest.seedSerialNumber != nil {
                opened.seed = try files.file(WarmFolder.seedName, for: .reading)
            }
            return WarmState(record: record, folder: folder, files: opened)
        } catch let error as SystemCallError where error.isAbsent || error.number == .isALink {
            // It was removed meanwhile, or a part of it is gone.
            if try !files.hasName() { return nil }
            throw WarmRecord.Unusable.damaged("a file of it is missing")
        }
    }

    /// How a start from a state ended.
    package enum Outcome: Sendable, Equatable {
        /// The guest said that it is awake.
        case woke
        /// It did not: after three in a row the state is removed.
        case failed
        /// Its files are not what was written: it is removed at once, and may be made again.
        case damaged
    }

    /// Writes down how a start ended. Best effort: a state that cannot be written to is used as before.
    package func settle(_ state: WarmState, _ outcome: Outcome) {
        let folder = state.folder
        if outcome == .damaged { return remove(folder) }
        guard outcome == .failed else { return Paths.removeIfPossible(folder.failures) }
        // Starts at the same time are one try.
        let count = min(state.failures, failures(folder)) + 1
        if count >= WarmLibrary.mostFailures {
            // Where the publisher's failed, one that is made here may do, and the other way round.
            noteTried(
                state.record.isForOthers == true ? state.record.ownName : folder.key,
                "guests did not start from it, \(count) times in a row", state.emulator)
            return remove(folder)
        }
        // The doc comment's reason; nor is a state counted that is gone.
        try? AtomicFile.write("\(count)\n", to: folder.failures, mode: 0o600)
    }

    /// Starts in a row that a state has failed.
    func failures(_ folder: WarmFolder) -> Int {
        // Without the file there were none.
        let text = (try? FileContents.readText(folder.failures, limit: 64)) ?? ""
        return Int(text.filter(\.isNumber)) ?? 0
    }

    /// The versions that have a state here which may be used, whatever the settings: for rows and lists.
    package func versions() -> Set<VersionKey> { Set(rows().filter { $0.isUsable }.map(\.key)) }
}

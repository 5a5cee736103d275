import BlockStore
import Catalog
import Linux

/// The guests of this user that are suspended: `STATE/suspended`. All calls wait for the disk.
///
/// A guest is suspended when its record is there, which is written last, first without its memory and then with it. Whatever ends a saving
/// between both leaves the disk of one instant, which can be started cold.
package struct SuspendedLibrary: Sendable {
    let places: Places

    package init(places: Places) { self.places = places }

    func folder(_ id: String) -> SuspendedFolder { SuspendedFolder(id, in: places) }

    /// The ids of all that are suspended, and whose sessions do not run; sorted.
    package func ids() -> [String] {
        // What is shown; who names one of them hears what is wrong with it.
        Folder.namesIfAny(in: places.suspended).filter { id in
            SessionID.isValid(id) && folder(id).isThere && !SessionDirectory(id: id, places: places).isAlive
        }.sorted()
    }

    /// The id of a suspended guest, by itself or an unambiguous beginning of it.
    /// - Throws: ``SuspendError/noSuch(_:near:)``, ``SuspendError/running(_:)``.
    package func id(_ wanted: String) throws(SuspendError) -> String {
        let ids = ids()
        let matches = ids.contains(wanted) ? [wanted] : ids.filter { !wanted.isEmpty && $0.hasPrefix(wanted) }
        if matches.count == 1 { return matches[0] }
        if SessionID.isValid(wanted), SessionDirectory(id: wanted, places: places).isAlive { throw .running(wanted) }
        throw .noSuch(wanted, near: matches.isEmpty ? ids : matches)
    }

    /// - Throws: ``SuspendError``.
    package func record(_ id: String) throws(SuspendError) -> SuspendRecord { try folder(id).read() }

    /// What starts the session of a suspended guest again.
    /// - Throws: ``SuspendError``.
    package func request(
        _ id: String, _ resumption: BootRequest.Resumption
    ) throws(SuspendError) -> BootRequest {
        if SessionDirectory(id: id, places: places).isAlive { throw .running(id) }
        let record = try folder(id).read()
        var request = record.request
        request.resumes = resumption
        // It had it.
        if request.home != nil { request.allowHome = true }
        if request.share != nil { request.allowShare = request.givenShare == nil ? true : nil }
        if request.publish != nil { request.publishesUnverified = true }
        // What it said of earlier ends is not this one's.
        let directory = SessionDirectory(id: id, places: places)
        for path in [directory.processLog, directory.rollbackFile] { Paths.removeIfPossible(path) }
        return request
    }

    // MARK: Removing

    /// Throws away what is stored of a suspended guest: of a kept machine its memory, of another guest all of it.
    /// - Throws: ``SuspendError``.
    package func forget(_ id: String, cache: BlockCache?) throws(SuspendError) {
        let folder = folder(id)
        guard folder.isThere else { throw .noSuch(id, near: ids()) }
        if SessionDirectory(id: id, places: places).isAlive { throw .running(id) }
        guard let hold = try folder.hold() else { throw .running(id) }
        defer { withExtendedLifetime(hold) {} }
        try remove(folder, cache)
        SessionDirectory(id: id, places: places).clearExchange()
    }

    /// Removes it all; the record first, for without it the guest is not suspended.
    func remove(_ folder: SuspendedFolder, _ cache: BlockCache?) throws(SuspendError) {
        // One that cannot be read can be removed, too; its marks mean nothing then.
        let record = try? folder.read()
        try SuspendError.wrap { () throws(SystemCallError) in
            try Paths.remove(folder.record)
            // One that is not there any more needs no sync.
            try? Folder(path: folder.path).sync()
        }
        if let record { removeMarks(record, folder.id) }
        // What stays is tried again at the next start.
        _ = try? cache?.unpin(SuspendedLibrary.pinPrefix + folder.id)
        try SuspendError.wrap { () throws(SystemCallError) in try Folder.removeTree(folder.path) }
    }

    private func removeMarks(_ record: SuspendRecord, _ id: String) {
        if let machine = record.machine {
            SuspendMark.remove(MachineFolder(name: machine, path: "\(places.machines)/\(machine)").suspension, of: id)
        }
        if let home = record.request.home.flatMap({ KeptName($0) }) {
            SuspendMark.remove(HomeFiles(home, in: places.homes).suspension, of: id)
        }
    }

    /// Says at a kept machine, and at a home, that a suspended guest has it.
    /// - Throws: ``SystemCallError``.
    func mark(_ record: SuspendRecord, _ id: String) throws(SystemCallError) {
        if let machine = record.machine {
            let folder = MachineFolder(name: machine, path: "\(places.machines)/\(machine)")
            try SuspendMark.set(id, in: folder.suspension)
        }
        if let home = record.request.home.flatMap({ KeptName($0) }) {
            try SuspendMark.set(id, in: HomeFiles(home, in: places.homes).suspension)
        }
    }

    /// Removes what savings left that were ended before anything was suspended, and of kept machines what has no memory: they have their disk.
    package func clearStale() {
        // Best effort: what is not seen now is removed the next time.
        for id in Folder.namesIfAny(in: places.suspended).filter(SessionID.isValid) {
            let folder = folder(id)
            guard !SessionDirectory(id: id, places: places).isAlive else { continue }
            if folder.isThere {
                // As above; one that cannot be read stays.
                guard let record = try? folder.read(), record.memory == nil, record.machine != nil else { continue }
            }
            // As above.
            guard let hold = try? folder.hold() else { continue }
            // As above.
            try? remove(folder, nil)
            withExtendedLifetime(hold) {}
        }
    }

    // MARK: What they lie on

    /// What the pins of suspended guests' images begin with in the cache.
    package static let pinPrefix = "suspended/"

    /// The suspended guest whose image a pin keeps; nil for another pin.
    package static func session(ofPin name: String) -> String? {
        guard name.hasPrefix(pinPrefix) else { return nil }
        let id = String(name.dropFirst(pinPrefix.count))
        return SessionID.isValid(id) ? id : nil
    }

    /// Keeps the blocks from eviction that a suspended guest's disk lies on; a kept machine's are kept by the machine.
    func pin(_ record: SuspendRecord, _ folder: SuspendedFolder, _ cache: BlockCache) {
        guard let base = record.base else { return }
        let library = MachineLibrary(places: places)
        let blocks = library.baseBlocks(base, MachineFolder(name: folder.id, path: folder.base))
        // What fails is tried again whenever they are listed.
        if !blocks.isEmpty { try? cache.pin(SuspendedLibrary.pinPrefix + folder.id, blocks) }
    }

    /// Sees to it that the image of each suspended guest is pinned, and nothing else in the name of one.
    package func tidyPins(_ cache: BlockCache) {
        // Pins that cannot be read are left as they are.
        guard let pins = try? cache.pins() else { return }
        let pinned = Set(pins.compactMap(SuspendedLibrary.session(ofPin:)))
        let all = Set(Folder.namesIfAny(in: places.suspended).filter { SessionID.isValid($0) && folder($0).isThere })
        for id in pinned.subtracting(all) {
            // The next look tries again.
            _ = try? cache.unpin(SuspendedLibrary.pinPrefix + id)
        }
        for id in all.subtracting(pinned) {
            // One that cannot be read has a problem of its own.
            if let record = try? folder(id).read() { pin(record, folder(id), cache) }
        }
    }

    /// What suspended guests lie on, but for kept machines: see ``MachineLibrary/bases()``.
    /// - Throws: ``SuspendError`` where one cannot be read: nobody knows then what it needs.
    func bases() throws(SuspendError) -> [(key: VersionKey, ledger: String?)] {
        let ids = try SuspendError.wrap { () throws(SystemCallError) in try Folder.names(in: places.suspended) }
        var bases: [(key: VersionKey, ledger: String?)] = []
        for id in ids where SessionID.isValid(id) && folder(id).isThere {
            guard let base = try folder(id).read().base else { continue }
            let ledger = MachineLibrary(places: places).ledgerPath(
                base, MachineFolder(name: id, path: folder(id).base))
            bases.append((base.key, ledger))
        }
        return bases
    }

    // MARK: Looking

    /// All suspended guests as sessions, the one that was suspended first at first.
    /// - Parameters:
    ///   - cache: every block of their images is looked up in it; nil for none.
    ///   - running: ids of sessions that answer; others that are suspended are about to end. Nil where only those count that have ended.
    package func statuses(_ cache: BlockCache?, besides running: Set<String>? = nil) -> [SessionStatus] {
        var all = Set(ids())
        if let running {
            for id in Folder.namesIfAny(in: places.suspended).filter(SessionID.isValid) {
                // One that cannot be read is there when its session has ended.
                if folder(id).isThere, (try? folder(id).read())?.memory != nil { all.insert(id) }
            }
            all.subtract(running)
        }
        return all.map { status($0, cache) }.sorted { ($0.started, $0.id) < ($1.started, $1.id) }
    }

    private func status(_ id: String, _ cache: BlockCache?) -> SessionStatus {
        let folder = folder(id)
        let directory = SessionDirectory(id: id, places: places)
        var status = SessionStatus(
            id: id, catalog: "", distribution: "?", version: "?", state: .suspended, phase: .up, pid: 0, started: "",
            consoleLog: directory.log)
        var stored = SessionStatus.Suspended(time: "", memory: 0, disk: 0)
        do throws(SuspendError) {
            let record = try folder.read()
            (status.catalog, status.distribution, status.version) = (
                record.catalog, record.distribution, record.version
            )
            (status.started, status.accel) = (record.created.description, record.guest.accelerator.rawValue)
            (status.machine, status.home) = (record.machine, record.request.home)
            (stored.time, stored.memory) = (record.created.description, record.memory?.size ?? 0)
            // What cannot be looked at is not counted: this is only shown.
            stored.disk = (try? Paths.statusOfName(folder.overlay)).map { UInt64($0.allocated) } ?? 0
            if record.memory == nil {
                stored.problem = "its memory was not saved to the end: only its disk can be started, cold"
            }
            if let base = record.base, let cache {
                let state = MachineLibrary(places: places).baseState(
                    base, MachineFolder(name: id, path: folder.base), cache)
                stored.base = state.map { $0.isWhole ? "all of its image here" : "\($0.percent) % of its image here" }
                if state == nil { stored.problem = "what describes its image cannot be read" }
            }
        } catch {
            stored.problem = error.reason
        }
        status.suspended = stored
        return status
    }
}

extension SuspendError {
    /// For a row: why what is stored cannot be used.
    var reason: String {
        switch self {
        case .damaged(_, let path, let reason): "\(path) cannot be used: \(reason)"
        case .newer(_, let format):
            "a newer oscircular wrote it (its format is \(format), this program knows \(SuspendRecord.currentFormat))"
        case .file(let error): "\(error)"
        // Nothing that reads one throws others.
        default: "what is stored of it cannot be used"
        }
    }
}

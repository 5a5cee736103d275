import BlockStore
import Catalog
import Formats
import Linux
import Vendors

/// What `machines` and the menu show.
extension MachineLibrary {
    /// All machines, sorted by name. Looks every block of their bases up, and waits for the disk. Asks no server.
    /// - Parameters:
    ///   - systems: says what is known of catalogs and vendors; nil for nothing.
    ///   - sessions: those that run.
    /// - Throws: ``MachineError/file(_:)``.
    package func rows(
        systems: SystemsLibrary? = nil, cache: BlockCache, sessions: [SessionStatus] = []
    ) throws(MachineError) -> [MachineRow] {
        tidyPins(cache)
        let folders = try names().map { MachineFolder(name: $0, path: "\(places.machines)/\($0)") }
        let usage = MachineUsage(folders)
        let catalogs = systems.map { $0.catalogs.sources() } ?? []
        var copies: [String: CatalogCopy] = [:]
        return folders.map { folder in
            let (isHeld, holder) = folder.use
            let session = sessions.first { $0.machine == folder.name }?.id ?? (isHeld ? holder : nil)
            var row = MachineRow(
                name: folder.name, state: session != nil ? .running : .stopped, session: session,
                used: usage.bytes(of: folder).used, shared: usage.bytes(of: folder).shared, snapshots: [], warnings: [])
            row.suspended = session == nil ? folder.suspendedSession : nil
            do throws(MachineError) {
                let record = try folder.read()
                row.fill(record)
                row.base = baseState(record, folder, cache)
                let catalog = record.base.source.name
                if copies[catalog] == nil, let source = catalogs.first(where: { $0.name == catalog }) {
                    copies[catalog] = systems?.catalogs.copy(of: source)
                }
                row.warnings =
                    MachineWarnings(
                        record, folder, row.base, copies[catalog], systems, places, cacheLimit: cache.limit
                    ).texts
                if let fault = record.fault { (row.state, row.problem) = (.unusable, fault) }
            } catch {
                row.state = .unusable
                row.problem = error.reason
            }
            return row
        }
    }
}

extension MachineRow {
    fileprivate init(
        name: String, state: State, session: String?, used: UInt64, shared: UInt64, snapshots: [Snapshot],
        warnings: [String]
    ) {
        (self.name, self.state, self.session, self.used, self.shared) = (name, state, session, used, shared)
        (self.snapshots, self.warnings) = (snapshots, warnings)
    }

    fileprivate mutating func fill(_ record: MachineRecord) {
        (key, title) = (record.base.key, record.base.title)
        (created, lastStarted) = (record.created, record.lastStarted)
        (memoryMiB, cpus, home, size) = (record.memoryMiB, record.cpus, record.home, record.disk.size)
        snapshots = record.disk.snapshots.map { Snapshot(name: $0.name, created: $0.created) }
    }
}

extension MachineError {
    /// For a row: why what is stored cannot be used.
    var reason: String {
        switch self {
        case .damaged(_, let path, let reason): "\(path) cannot be used: \(reason)"
        case .newer(_, let format):
            "a newer oscircular wrote it (its format is \(format), this program knows \(MachineRecord.currentFormat))"
        case .file(let error): "\(error)"
        // Nothing that reads a machine throws others.
        default: "what is stored of it cannot be used"
        }
    }
}

/// What the files of machines take on the disk. Machines share layers, each of which counts once for each of them.
private struct MachineUsage {
    private var files: [String: [(identity: FileIdentity, bytes: UInt64)]] = [:]
    private var machines: [FileIdentity: Int] = [:]

    init(_ folders: [MachineFolder]) {
        for folder in folders {
            var seen: Set<FileIdentity> = []
            for place in [folder.path, folder.layers] {
                for name in Folder.namesIfAny(in: place) {
                    // What cannot be looked at is not counted: this is only shown.
                    guard let status = try? Paths.statusOfName("\(place)/\(name)"), status.kind == .regular,
                        seen.insert(status.identity).inserted
                    else { continue }
                    files[folder.name, default: []].append((status.identity, UInt64(status.allocated)))
                    machines[status.identity, default: 0] += 1
                }
            }
        }
    }

    func bytes(of folder: MachineFolder) -> (used: UInt64, shared: UInt64) {
        let all = files[folder.name] ?? []
        return (
            all.reduce(0) { $0 + $1.bytes },
            all.filter { machines[$0.identity] ?? 0 > 1 }.reduce(0) { $0 + $1.bytes }
        )
    }
}

/// What the user of a machine should know about its base.
private struct MachineWarnings {
    private(set) var texts: [String] = []

    init(
        _ record: MachineRecord, _ folder: MachineFolder, _ state: MachineRow.Base?, _ copy: CatalogCopy?,
        _ systems: SystemsLibrary?, _ places: Places, cacheLimit: Int
    ) {
        let base = record.base
        let image = base.image(in: folder)
        let isWhole = state?.isWhole == true
        if state == nil { texts.append("what describes its base cannot be read, so it cannot start") }
        if let file = image.file, file.source.trust < .pieces, !VendorNotes(places: places).isVerified(file) {
            texts.append("nobody has verified its base: it was kept all the same")
        }
        if let total = state?.total, total > UInt64(max(0, cacheLimit)) {
            texts.append(
                "its base is larger than the cache may be (\(ByteCount.text(UInt64(max(0, cacheLimit))))): what does not fit in is "
                    + "fetched whenever the guest reads it, for as long as the servers have it")
        }
        let layers = record.disk.chain.count
        if layers * 4 >= MachineRecord.Disk.mostLayers * 3 {
            texts.append(
                "its disk has \(layers) layers, of \(MachineRecord.Disk.mostLayers) at most: each snapshot after a change adds one. "
                    + "'oscircular machines export' writes all of it as one file")
        }
        guard let systems else { return }
        let gone: String? =
            base.source.isVendors
            ? MachineWarnings.vendorsLoss(image.chosen.distribution, base, systems) : MachineWarnings.loss(base, copy)
        guard let gone else { return }
        if isWhole { return }
        texts.append(
            "\(gone), and only \(state?.text ?? "an unknown part of its base here"): what is missing may never come. "
                + "Start it while the servers still have it, or export what you need")
    }

    /// What a catalog no longer has; nil where it has the version as it was.
    private static func loss(_ base: MachineRecord.Base, _ copy: CatalogCopy?) -> String? {
        guard let copy else { return "you no longer follow the catalog \(base.source.name)" }
        guard let document = copy.document else { return nil }
        let version = document.distribution(base.distribution)?.versions.first { $0.id == base.version }
        guard let version else {
            if let withdrawn = copy.withdrawal(of: base.distribution, base.version.text) {
                return "\(base.key) was \(withdrawn.words)"
            }
            return "\(base.source.name) no longer has \(base.distribution)@\(base.version)"
        }
        if let now = version.digest?.description, let kept = base.digest, base.file == nil, now != kept {
            return "\(base.source.name) has another image as \(base.distribution)@\(base.version) now"
        }
        return nil
    }

    private static func vendorsLoss(
        _ distribution: Distribution, _ base: MachineRecord.Base, _ systems: SystemsLibrary
    ) -> String? {
        guard let vendors = systems.vendors else { return "systems of vendors are not offered here any more" }
        let offered = vendors.offered(base.distribution)
        let isGone =
            systems.goneVersions(of: distribution).contains(base.version)
            || !offered.isEmpty && !offered.contains(base.version)
        return isGone ? "the vendor no longer has \(base.distribution)@\(base.version)" : nil
    }
}

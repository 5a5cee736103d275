import Boot
import Catalog
import Linux

/// Kept machines, through the same library as `oscircular machines`.
extension BootBackend {
    package func machines() async throws -> [MachineItem] {
        let sessions = await registry.statuses()
        let (library, systems, cache) = (machineLibrary, systems, cacheOfUser)
        return try await WorkerThread.run(name: "machines") {
            try library.rows(systems: systems, cache: cache, sessions: sessions).map { MachineItem($0) }
        }
    }

    package func change(_ machine: String, _ change: MachineChange) async throws {
        let registry = registry
        // What is left of a session that was killed may hold the machine.
        try await WorkerThread.run(name: "stale") { registry.clearStale() }
        if case .export(let file) = change { return try await export(machine, to: file) }
        let (library, cache) = (machineLibrary, cacheOfUser)
        try await WorkerThread.run(name: "machine") {
            switch change {
            case .snapshot(let name): try library.snapshot(machine, as: name)
            case .revert(let name, let kept): try library.revert(machine, to: name, keeping: kept)
            case .removeSnapshot(let name): try library.removeSnapshot(name, of: machine)
            case .clone(let name): try library.clone(machine, as: name, cache: cache)
            case .rename(let name): try library.rename(machine, to: name, cache: cache)
            case .grow(let size): try library.grow(machine, to: size)
            case .forget: try library.forget(machine, cache: cache)
            // Above.
            case .export: break
            }
        }
    }

    private func export(_ machine: String, to file: String) async throws {
        let export = MachineExport(
            places: places, configuration: configuration, cache: cacheOfUser, systems: systems, transfers: transfers)
        // As a shell would.
        let path = file.hasPrefix("~/") ? Environment.home + file.dropFirst() : file
        _ = try await export.run(
            machine, to: ResolvedPath.absolute(path), replaces: false, stop: EventDescriptor(), progress: { _ in })
    }

    private var machineLibrary: MachineLibrary { MachineLibrary(places: places) }
}

extension MachineItem {
    init(_ row: MachineRow) {
        self.init(
            name: row.name, base: row.key, size: row.size, used: row.used, baseTotal: row.base?.total,
            baseHere: row.base?.here ?? 0, home: row.home, lastStarted: row.lastStarted?.seconds,
            snapshots: row.snapshots.map { Snapshot(name: $0.name, created: $0.created.seconds) },
            problem: row.problem, warnings: row.warnings)
        isInUse = row.state == .running
    }
}

import Boot
import Catalog
import Linux

/// Bisects, through the same library as `oscircular bisect`.
extension BootBackend {
    private var bisectLibrary: BisectLibrary { BisectLibrary(places: places) }

    package func bisect(of system: SystemName) async throws -> BisectItem? {
        let library = bisectLibrary
        let record = try await WorkerThread.run(name: "bisect") { try library.record(of: system.bisected) }
        guard let record else { return nil }
        return try await item(record)
    }

    package func beginBisect(of system: SystemName, good: String, bad: String) async throws -> BisectItem {
        let (library, name) = (bisectLibrary, VersionName(system.description))
        let copies = await systems.copies(refresh: false)
        let record = try await WorkerThread.run(name: "bisect") { () throws -> BisectRecord in
            guard let name else { throw CatalogAccessError.noSuchDistribution(system.distribution, near: []) }
            let range = try BisectRange(try name.find(in: copies), good: good, bad: bad)
            let hold = try library.take(range.system)
            // Another program may have begun one meanwhile.
            if let old = try hold.record(), !old.isOver {
                throw BisectError.open(range.system, good: old.good, bad: old.bad)
            }
            let record = BisectRecord(range.system, versions: range.versions, begun: .now)
            try hold.begin(record)
            return record
        }
        return try await item(record)
    }

    package func mark(_ version: String, _ verdict: Bisection.Verdict, of system: SystemName) async throws -> BisectItem
    {
        try await item(
            try await bisectLibrary.answer(verdict, version, of: system.bisected, registry: registry) { _ in [] })
    }

    package func resetBisect(of system: SystemName) async throws {
        let library = bisectLibrary
        let hold = try await WorkerThread.run(name: "bisect") { try library.take(system.bisected) }
        // One that cannot be read is what somebody may want to be rid of.
        if let session = (try? hold.record())?.session { await registry.end(session) }
        try hold.remove()
    }

    /// Writes down that a guest is the one in which a bisect's version is looked at.
    func noteTrial(_ image: VersionKey, session: String) async throws {
        let (library, system) = (bisectLibrary, image.system.bisected)
        try await WorkerThread.run(name: "bisect") {
            guard try library.record(of: system) != nil else { return }
            let hold = try library.take(system)
            guard var record = try hold.record() else { return }
            record.session = session
            record.boots += 1
            try hold.save(record)
        }
    }

    private func item(_ record: BisectRecord) async throws -> BisectItem {
        let copies = await systems.copies(refresh: false)
        let reader = SystemsReader(places: places, systems: systems, cache: cacheOfUser)
        return try await WorkerThread.run(name: "versions") {
            let system = reader.system(record.system, in: copies)
            return BisectItem(record, gone: record.unavailable(in: system), distribution: system?.distribution)
        }
    }
}

extension SystemName {
    var bisected: BisectedSystem { BisectedSystem(catalog: catalog, distribution: distribution) }
}

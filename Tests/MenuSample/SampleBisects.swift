import Boot
import BootMenu
import Catalog

extension SampleOffer {
    /// A bisect of all versions of a system.
    /// - Parameter said: what was said of versions, by their place: 0 is the oldest.
    package static func bisect(
        of system: SystemSummary, said: [(Int, Bisection.Verdict)] = []
    ) -> BisectItem {
        var record = BisectRecord(
            BisectedSystem(catalog: system.source.name, distribution: system.distribution.id),
            versions: system.versions.reversed().map(\.key.version), begun: Timestamp(seconds: newest))
        for (place, verdict) in said {
            // What contradicts others is refused, as it would be by any backend.
            try? record.take(.init(version: record.versions[place], verdict: verdict, means: .hand))
        }
        return BisectItem(record, distribution: system.published)
    }
}

extension SampleBackend {
    func bisect(of system: SystemName) async throws -> BisectItem? {
        world.withLock { world in world.bisects[system].map { item($0, world) } }
    }

    func beginBisect(of system: SystemName, good: String, bad: String) async throws -> BisectItem {
        try world.withLock { world in
            let versions = world.offer.systems.first { $0.name == system }?.versions.map(\.key.version).sorted() ?? []
            guard good < bad else { throw BisectError.backwards(good: good, bad: bad) }
            let record = BisectRecord(
                BisectedSystem(catalog: system.catalog, distribution: system.distribution),
                versions: versions.filter { good <= $0 && $0 <= bad }, begun: Timestamp(seconds: SampleOffer.newest))
            world.bisects[system] = record
            return item(record, world)
        }
    }

    func mark(_ version: String, _ verdict: Bisection.Verdict, of system: SystemName) async throws -> BisectItem {
        try world.withLock { world in
            guard var record = world.bisects[system] else { throw SampleError.refused }
            try record.take(.init(version: version, verdict: verdict, means: .hand))
            world.bisects[system] = record
            return item(record, world)
        }
    }

    func resetBisect(of system: SystemName) async throws { world.withLock { $0.bisects[system] = nil } }

    private func item(_ record: BisectRecord, _ world: World) -> BisectItem {
        let system = world.offer.systems.first {
            $0.name == SystemName(catalog: record.catalog, distribution: record.distribution)
        }
        return BisectItem(record, distribution: system?.published)
    }
}

extension SystemSummary {
    /// The distribution with its versions, which the made-up world has only beside it.
    fileprivate var published: Distribution {
        var distribution = distribution
        distribution.versions = versions.map(\.version)
        return distribution
    }
}

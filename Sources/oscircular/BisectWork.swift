import Boot
import Catalog
import Linux

/// What the commands of `bisect` share: the stored bisects, and what is known of the versions they are about.
struct BisectWork {
    let context: CommandContext
    let systems: SystemsLibrary
    let library: BisectLibrary

    init(_ context: CommandContext) {
        self.context = context
        systems = context.systems()
        library = BisectLibrary(places: context.places)
    }

    /// Begins a bisect, or goes on with the one that is there.
    /// - Parameters:
    ///   - good: nil to go on.
    ///   - bad: nil for the newest version.
    /// - Returns: it, held and stored, and the system as it is offered now; nil where it is not offered any more.
    func begin(
        _ name: VersionName, good: String?, bad: String?
    ) async throws -> (BisectHold, BisectRecord, FoundDistribution?) {
        var (found, failure): (FoundDistribution?, (any Error)?)
        do {
            let named = try systems.find(name, in: await systems.copies(refresh: true))
            // What a vendor does not say now is known from before.
            try? await systems.lookUp(named)
            found = try systems.find(name, in: await systems.copies(refresh: false))
        } catch {
            // One that has begun is known by its own record.
            failure = error
        }
        let system: BisectedSystem
        if let found {
            system = BisectedSystem(catalog: found.copy.source.name, distribution: found.distribution.id)
        } else {
            do { system = try library.system(named: name) } catch { throw failure ?? error as any Error }
        }
        let hold = try await take(system)
        let old = try hold.record()
        if let old, good == nil || good == old.good && [nil, old.bad].contains(bad) { return (hold, old, found) }
        guard let good else { throw BisectError.none(system) }
        guard let found else { throw failure ?? BisectError.none(system) as any Error }
        let range = try BisectRange(found, good: good, bad: bad)
        if let old {
            if old.good == range.versions.first, old.bad == range.versions.last { return (hold, old, found) }
            guard old.isOver else { throw BisectError.open(system, good: old.good, bad: old.bad) }
        }
        if !range.withdrawn.isEmpty {
            Terminal.note("withdrawn versions are left out: \(range.withdrawn.joined(separator: ", "))")
        }
        let record = BisectRecord(system, versions: range.versions, begun: .now)
        try hold.begin(record)
        return (hold, record, found)
    }

    /// Holds a system's bisect.
    func take(_ system: BisectedSystem) async throws -> BisectHold {
        let library = library
        return try await WorkerThread.run(name: "bisect") { try library.take(system) }
    }

    func summary(of record: BisectRecord) async throws -> BisectSummary {
        let (gone, system) = try await known(record)
        return BisectSummary(record, gone: gone, system: system)
    }

    private func known(_ record: BisectRecord) async throws -> (gone: [String: String], system: Distribution?) {
        let copies = await systems.copies(refresh: false)
        let reader = SystemsReader(places: context.places, systems: systems, cache: context.cache())
        return try await WorkerThread.run(name: "versions") {
            let system = reader.system(record.system, in: copies)
            return (record.unavailable(in: system), system?.distribution)
        }
    }

    /// Takes what somebody says of a version, and ends its guest.
    /// - Parameter version: nil for the one whose guest runs, else the next one.
    func answer(
        _ verdict: Bisection.Verdict, _ version: String?, of system: BisectedSystem
    ) async throws -> BisectSummary {
        let taken = try await library.answer(verdict, version, of: system, registry: context.registry) { record in
            Set(try await known(record).gone.keys)
        }
        return try await summary(of: taken)
    }

    /// The guest of a bisect; nil where there is none.
    func guest(of record: BisectRecord) async -> SessionStatus? { await library.guest(of: record, context.registry) }

    /// Powers a guest off, and waits for its end.
    func end(_ session: String) async { await context.registry.end(session) }
}

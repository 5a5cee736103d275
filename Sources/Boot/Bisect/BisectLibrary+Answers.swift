import Linux

extension BisectLibrary {
    /// Takes what somebody says of a version, and ends the guest in which he saw it.
    /// - Parameters:
    ///   - version: nil for the one whose guest runs, else the next one.
    ///   - gone: versions that cannot be booted now.
    /// - Throws: ``BisectError``; what `gone` throws.
    package func answer(
        _ verdict: Bisection.Verdict, _ version: String?, of system: BisectedSystem, registry: SessionRegistry,
        gone: (BisectRecord) async throws -> Set<String>
    ) async throws -> BisectRecord {
        let hold = try await WorkerThread.run(name: "bisect") { try take(system) }
        guard let record = try hold.record() else { throw BisectError.none(system) }
        // One that does not answer is as good as none.
        let running = await guest(of: record, registry)
        let wanted: String
        if let version = version ?? running?.version {
            wanted = version
        } else {
            guard case .next(let next, _)? = record.bisection?.outcome(without: try await gone(record)) else {
                throw BisectError.over(system)
            }
            wanted = next
        }
        var taken = try hold.take(.init(version: wanted, verdict: verdict, means: .hand))
        if let session = record.session, running == nil || running?.version == wanted {
            await registry.end(session)
            taken.session = nil
            taken.bytes += running?.bytesFetched ?? 0
            try hold.save(taken)
        }
        return taken
    }

    /// The guest of a bisect, as it says itself; nil where there is none.
    package func guest(of record: BisectRecord, _ registry: SessionRegistry) async -> SessionStatus? {
        guard let session = record.session else { return nil }
        // As the doc comment says.
        return try? await registry.send(.status, to: session).status
    }
}

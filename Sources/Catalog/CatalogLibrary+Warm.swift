import Linux

/// Records and indexes of guests that publishers saved asleep: fetched when somebody wants to go on with one, and kept.
extension CatalogLibrary {
    /// Bytes of the longest record that is read, and of the longest index.
    package static let longestWarm = (record: 262_144, index: 4 << 20)

    /// The record of a published state, as its publisher signed it.
    /// - Throws: ``CatalogAccessError``, ``SystemCallError``.
    package func warmRecord(of state: PublishedWarmState, _ version: ChosenVersion) async throws -> [UInt8] {
        let path = try await bring(
            state.record, of: version, to: warmPath(state.record, version), limit: CatalogLibrary.longestWarm.record)
        return try await WorkerThread.run(name: "kept files") {
            try FileContents.read(path, limit: CatalogLibrary.longestWarm.record)
        }
    }

    /// The local path of the index of a published state.
    /// - Throws: ``CatalogAccessError``.
    package func warmIndex(of state: PublishedWarmState, _ version: ChosenVersion) async throws -> String {
        try await bring(
            state.index, of: version, to: warmPath(state.index, version), limit: CatalogLibrary.longestWarm.index)
    }

    /// Beside the version's own index: VERSION.DIGEST.ENDING, with no dot in the ending, as all names there.
    private func warmPath(_ name: String, _ version: ChosenVersion) -> String {
        let own = indexPath(version.source, version.distribution, version.version).dropLast("caibx".count)
        let last = name.split(separator: "/").last ?? ""
        return own + last.map { $0 == "." ? "+" : "\($0)" }.joined()
    }
}

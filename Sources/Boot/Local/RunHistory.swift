import Linux

/// Which versions were run, and when last: for each an empty file `STATE/runs/CATALOG/DISTRO/VERSION` whose time is the run's.
///
/// Sessions that start at the same moment need no lock for this.
package struct RunHistory: Sendable {
    package struct Run: Sendable, Hashable {
        package let key: VersionKey
        /// Seconds since 1970.
        package let time: Int
    }

    private let directory: String

    package init(places: Places) { directory = places.runs }

    /// Notes that a version runs now.
    /// - Throws: ``SystemCallError``.
    package func note(_ key: VersionKey) throws(SystemCallError) {
        let folder = "\(directory)/\(key.catalog)/\(key.distribution)"
        try Folder.make(folder)
        let path = "\(folder)/\(key.version)"
        _ = try FileHandle(path, for: .writing, [.create, .refuseLink], mode: 0o600)
        try Paths.setTimes(path)
    }

    /// All runs, the latest first; one for each version.
    package func runs() -> [Run] {
        var runs: [Run] = []
        // What cannot be read is left out: this is for the order in which versions are shown.
        for catalog in Folder.namesIfAny(in: directory) {
            for distribution in Folder.namesIfAny(in: "\(directory)/\(catalog)") {
                let folder = "\(directory)/\(catalog)/\(distribution)"
                for version in Folder.namesIfAny(in: folder) {
                    // What cannot be looked at is left out, as above.
                    guard let status = try? Paths.statusOfName("\(folder)/\(version)"), status.kind == .regular else {
                        continue
                    }
                    let key = VersionKey(catalog: catalog, distribution: distribution, version: version)
                    runs.append(Run(key: key, time: status.modifiedSeconds))
                }
            }
        }
        return runs.sorted { ($0.time, $0.key.version) > ($1.time, $1.key.version) }
    }
}

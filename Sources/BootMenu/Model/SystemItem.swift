/// An operating system as the menu shows it.
package struct SystemItem: Sendable, Hashable {
    package let name: SystemName
    package let title: String
    package let summary: String
    package let homepage: String
    package let architecture: String
    /// The end of its maker's support in seconds since 1970; nil where not known.
    package let supportEnds: Int64?
    package let memoryMiB: Int?
    /// Newest first.
    package var versions: [VersionItem]
    /// That a version was withdrawn, and why, by its id.
    package var withdrawn: [String: String]
    /// What finding looks through, in small letters.
    let searchText: String

    package init(
        name: SystemName, title: String, summary: String = "", homepage: String = "", architecture: String = "x86_64",
        supportEnds: Int64? = nil, memoryMiB: Int? = nil, versions: [VersionItem], withdrawn: [String: String] = [:]
    ) {
        self.name = name
        self.title = title
        self.summary = summary
        self.homepage = homepage
        self.architecture = architecture
        self.supportEnds = supportEnds
        self.memoryMiB = memoryMiB
        self.versions = versions
        self.withdrawn = withdrawn
        // Bounded: a title may have any length.
        let parts = [name.distribution, name.catalog, title, summary].map { $0.prefix(400).lowercased() }
        searchText = parts.joined(separator: "\n")
    }

    package var newest: VersionItem? { versions.first }

    /// The version that was run last.
    package var lastRun: VersionItem? {
        versions.filter { $0.lastRun != nil }.max { ($0.lastRun ?? 0) < ($1.lastRun ?? 0) }
    }
}

/// One version of an operating system.
package struct ImageName: Sendable, Hashable {
    package let system: SystemName
    package let version: String

    package init(system: SystemName, version: String) {
        self.system = system
        self.version = version
    }

    /// `CATALOG/DISTRO@VERSION`, as the commands take it.
    package var text: String { "\(system.catalog)/\(system.distribution)@\(version)" }

    /// `debian 2026-11-16`, as people say it.
    package var words: String { "\(system.distribution) \(version)" }
}

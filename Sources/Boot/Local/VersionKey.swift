import Catalog

/// Names one version of one followed catalog: `CATALOG/DISTRO@VERSION`.
package struct VersionKey: Sendable, Hashable, CustomStringConvertible {
    package let catalog: String
    package let distribution: String
    package let version: String

    package init(catalog: String, distribution: String, version: String) {
        self.catalog = catalog
        self.distribution = distribution
        self.version = version
    }

    package init(_ chosen: ChosenVersion) {
        self.init(
            catalog: chosen.source.name, distribution: chosen.distribution.id, version: chosen.version.id.text)
    }

    package var description: String { "\(catalog)/\(distribution)@\(version)" }
}

extension VersionName {
    /// What the user typed.
    /// - Throws: ``BootError/invalidVersionName(_:)``.
    package init(argument: String) throws(BootError) {
        guard let name = VersionName(argument) else { throw .invalidVersionName(argument) }
        self = name
    }
}

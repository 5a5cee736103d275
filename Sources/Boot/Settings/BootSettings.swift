import Catalog

/// What the user's settings say of one boot. They are chosen by the system that a name turns out to mean, before the session is asked for.
package struct BootSettings: Sendable {
    /// What to boot. Where any system has settings of its own, its catalog is named: the session must not find another one's.
    package let name: String
    /// The settings for all systems, and over them this one's.
    package let configuration: Configuration
    /// What is set for this system alone.
    package let own: SystemSettings
    /// The name of the setting that gives its guests a folder; nil for none.
    package let shareSetting: String?

    /// - Parameters:
    ///   - name: what the user typed.
    ///   - find: finds the system that the name means; not asked where no system has settings of its own.
    /// - Throws: what `find` throws.
    package init(
        name: VersionName, configuration: Configuration, find: (VersionName) async throws -> FoundDistribution
    ) async throws {
        let version = name.version.map { "@\($0)" } ?? ""
        guard !configuration.systems.isEmpty else {
            self.name = (name.catalog.map { "\($0)/" } ?? "") + name.distribution + version
            (self.configuration, own, shareSetting) = (configuration, SystemSettings(), nil)
            return
        }
        let found = try await find(name)
        let system = "\(found.copy.source.name)/\(found.distribution.id)"
        self.name = system + version
        own = configuration.systems[system] ?? SystemSettings()
        shareSetting = own.share.map { _ in SystemSettings.name(.share, of: system) }
        self.configuration = configuration.applying(own)
    }
}

extension SystemsLibrary {
    /// Finds the distribution that a name means: by what is known here, else by what the catalogs' servers say now.
    /// - Throws: as ``find(_:in:)``.
    package func found(_ name: VersionName) async throws -> FoundDistribution {
        do {
            return try find(name, in: await copies(refresh: false))
        } catch {
            // What is not known here may be known there.
            return try find(name, in: await copies(refresh: true))
        }
    }
}

import Catalog
import Linux

/// Whether a version may boot that is less sure than the settings ask for.
///
/// A user's own answer is kept for each system, as an empty file `STATE/unverified/CATALOG/DISTRO`.
package struct UnverifiedBoots: Sendable {
    /// What is to be done about a boot.
    package enum Permission: Sendable, Equatable {
        case granted
        /// The user is to be asked, once for this system.
        case ask(UnverifiedBoot)
        /// The user has set a level that this version does not reach.
        case refused(UnverifiedBoot)
    }

    private let directory: String
    private let settings: VendorSettings

    package init(places: Places, settings: VendorSettings) {
        directory = places.unverified
        self.settings = settings
    }

    /// - Parameters:
    ///   - isVerified: all of the version is here and has been found to be what its vendor signed.
    ///   - isForced: the user has allowed this one boot.
    package func permission(
        for version: DistributionVersion, of key: VersionKey, isVerified: Bool, isForced: Bool = false
    ) -> Permission {
        guard let level = version.source?.trust, !isVerified, !isForced else { return .granted }
        let least = settings.least ?? .whole
        if level >= least { return .granted }
        let boot = UnverifiedBoot(key, level: level, least: least)
        if settings.least != nil { return .refused(boot) }
        return isAllowed(key) ? .granted : .ask(boot)
    }

    /// Whether the user has answered with yes for the version's system.
    package func isAllowed(_ key: VersionKey) -> Bool {
        // An answer that cannot be read is asked for again.
        (try? Paths.isThere(path(key.catalog, key.distribution))) == true
    }

    /// Keeps the user's yes.
    /// - Throws: ``SystemCallError``.
    package func allow(_ boot: UnverifiedBoot) throws(SystemCallError) {
        try Folder.make("\(directory)/\(boot.catalog)", mode: 0o700)
        try AtomicFile.write("", to: path(boot.catalog, boot.distribution))
    }

    private func path(_ catalog: String, _ distribution: String) -> String { "\(directory)/\(catalog)/\(distribution)" }
}

/// A boot that the user has to allow.
package struct UnverifiedBoot: Codable, Sendable, Hashable {
    package let catalog: String
    package let distribution: String
    package let version: String
    /// How sure the version is, and how sure it would have to be.
    package let level: TrustLevel
    package let least: TrustLevel

    package init(_ key: VersionKey, level: TrustLevel, least: TrustLevel) {
        (catalog, distribution, version) = (key.catalog, key.distribution, key.version)
        (self.level, self.least) = (level, least)
    }

    /// What is known of the version: a sentence without its full stop.
    package var fact: String {
        switch level {
        case .none:
            "the vendor of \(distribution) has not signed this image: only the connection to its server says that it is "
                + "genuine"
        case .whole:
            "\(distribution)@\(version) can be verified only when all of it is here: the vendor has signed the digest of the "
                + "whole file"
        case .pieces, .blocks: "each block of \(distribution)@\(version) is verified before it is used"
        }
    }

    /// The question to the user, with what a yes means.
    package var question: String { "\(fact.prefix(1).uppercased())\(fact.dropFirst()). Boot it all the same?" }
}

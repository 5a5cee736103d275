import Catalog

/// A home as it is shown.
package struct HomeSummary: Sendable, Hashable, Encodable {
    package let name: String
    /// The user whose home it is in guests.
    package let user: String
    /// Bytes that it may hold, its file system's own included.
    package let size: UInt64
    /// Bytes that it takes on this machine's disk.
    package let allocated: UInt64
    /// Who uses it now: a session's id, or what is done with it; nil for nobody.
    package let usedBy: String?
    /// The system that used it last; nil where none has.
    package let lastUsed: HomeRecord.Use?
    /// Systems that may read it, `CATALOG/DISTRO`.
    package let systems: [String]
    /// The latest first.
    package let backups: [HomeBackup]
    /// What is wrong with its file, which no guest gets then; nil for nothing.
    package let trouble: String?
}

/// A home as it was at a moment.
package struct HomeBackup: Sendable, Hashable, Encodable {
    /// When it was made, `2026-11-30T21:05:00Z`; where several were made in a second, with a number behind.
    package let name: String
    package let size: UInt64
    package let allocated: UInt64
}

/// What is noted of a home beside its disk: `homes/NAME.json`.
package struct HomeRecord: Sendable, Hashable, Codable {
    /// A guest that had the home.
    package struct Use: Sendable, Hashable, Codable {
        package let catalog, distribution, version: String
        package let time: Timestamp
    }

    /// Of the file system: another one is not this home.
    package var uuid: String
    package var user: String
    package var created: Timestamp
    package var lastUsed: Use?
    /// Systems that may read it, `CATALOG/DISTRO`.
    package var systems: [String] = []
    /// Of these, those that may do so before their files have been verified.
    package var unverified: [String] = []

    package init(uuid: String, user: String, created: Timestamp) {
        self.uuid = uuid
        self.user = user
        self.created = created
    }
}

/// What the user has to allow before a system gets a home.
package struct HomeQuestion: Codable, Sendable, Hashable {
    package let home: String
    package let catalog: String
    package let distribution: String
    package let version: String
    /// The home was another's until now.
    package let isOthers: Bool
    /// Nobody knows yet whether the system's file is what its vendor made.
    package let isUnverified: Bool

    /// What is known: a sentence without its full stop.
    package var fact: String {
        let system = "\(catalog)/\(distribution)"
        if isUnverified {
            return "\(system)@\(version) is not verified yet, and would get the home '\(home)': whatever is in that file can read and change "
                + "all of it"
        }
        return "\(system) has not had the home '\(home)' before: it can read and change all of it"
    }

    /// The question to the user.
    package var question: String { "\(fact). Give it the home?" }
}

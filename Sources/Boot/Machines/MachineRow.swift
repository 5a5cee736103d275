import Catalog
import Formats

/// One kept machine, as `machines` and the menu show it; a row of `machines --json`.
package struct MachineRow: Sendable, Equatable {
    package enum State: String, Sendable, Codable {
        case stopped, running
        /// What is stored of it cannot be used; ``MachineRow/problem`` says why.
        case unusable
    }

    /// How much of its base is stored here. Bytes of the image that are no holes, and those of them that are here.
    package struct Base: Sendable, Equatable {
        package var total: UInt64
        package var here: UInt64

        package var isWhole: Bool { here >= total }
        /// 100 only where all is here.
        package var percent: Int { isWhole ? 100 : Int(Double(here) / Double(max(1, total)) * 100) }
        /// `62 % of its base here`.
        package var text: String { isWhole ? "all of its base here" : "\(percent) % of its base here" }

        package init(total: UInt64, here: UInt64) { (self.total, self.here) = (total, here) }
    }

    package struct Snapshot: Sendable, Equatable, Encodable {
        package var name: String
        package var created: Timestamp
    }

    package var name: String
    package var state: State
    /// The session that runs it.
    package var session: String?
    /// The session as which its guest is suspended; nil where it is not.
    package var suspended: String?
    /// CATALOG/DISTRO@VERSION; nil where the record cannot be read.
    package var key: VersionKey?
    package var title: String?
    package var created: Timestamp?
    package var lastStarted: Timestamp?
    package var memoryMiB: Int?
    package var cpus: Int?
    package var home: String?
    /// Bytes of the disk that its guest sees.
    package var size: UInt64?
    /// Bytes that its files take on this host.
    package var used: UInt64
    /// Those of them that other machines have as well.
    package var shared: UInt64
    /// Nil where its index cannot be read.
    package var base: Base?
    /// The oldest first.
    package var snapshots: [Snapshot]
    /// Why it cannot be used; nil where it can.
    package var problem: String?
    /// What its user should know, one sentence each.
    package var warnings: [String]
}

extension MachineRow: Encodable {
    private enum CodingKeys: String, CodingKey {
        case name, state, session, catalog, distribution, version, title, created, lastStarted, memory, cpus, home, size
        case used, shared, base, snapshots, problem, warnings, suspended
    }

    private struct BaseJSON: Encodable {
        let total: UInt64
        let here: UInt64
        let percent: Int
    }

    /// What is not known is null; `problem` and `suspended` are only there where there is one.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(state, forKey: .state)
        try container.encode(session, forKey: .session)
        try container.encode(key?.catalog, forKey: .catalog)
        try container.encode(key?.distribution, forKey: .distribution)
        try container.encode(key?.version, forKey: .version)
        try container.encode(title, forKey: .title)
        try container.encode(created?.description, forKey: .created)
        try container.encode(lastStarted?.description, forKey: .lastStarted)
        try container.encode(memoryMiB, forKey: .memory)
        try container.encode(cpus, forKey: .cpus)
        try container.encode(home, forKey: .home)
        try container.encode(size, forKey: .size)
        try container.encode(used, forKey: .used)
        try container.encode(shared, forKey: .shared)
        try container.encode(
            base.map { BaseJSON(total: $0.total, here: $0.here, percent: $0.percent) }, forKey: .base)
        try container.encode(snapshots, forKey: .snapshots)
        try container.encodeIfPresent(problem, forKey: .problem)
        try container.encode(warnings, forKey: .warnings)
        try container.encodeIfPresent(suspended, forKey: .suspended)
    }
}

/// `machines --json`.
package struct MachineList: Encodable, Sendable {
    package let machines: [MachineRow]

    package init(machines: [MachineRow]) { self.machines = machines }
}

import Boot

/// A kept machine as the menu shows it. Sizes in bytes, times in seconds since 1970.
package struct MachineItem: Sendable, Hashable {
    /// A state of its disk that can be gone back to.
    package struct Snapshot: Sendable, Hashable {
        package var name: String
        package var created: Int64

        package init(name: String, created: Int64) {
            self.name = name
            self.created = created
        }
    }

    package var name: String
    /// The version that it is based on; nil where nobody can read which.
    package var base: VersionKey?
    /// Of the disk that its guest sees; nil where it is not known.
    package var size: UInt64?
    /// What its own files take here.
    package var used: UInt64
    /// How much of its base there is, and how much of that is here; nil where it is not known.
    package var baseTotal: UInt64?
    package var baseHere: UInt64
    package var home: String?
    package var lastStarted: Int64?
    /// The oldest first.
    package var snapshots: [Snapshot]
    /// Whether a session has it, or a command works on it.
    package var isInUse = false
    /// Why it cannot be used; nil where it can.
    package var problem: String?
    /// What its user should know, one sentence each.
    package var warnings: [String]

    package init(
        name: String, base: VersionKey?, size: UInt64? = nil, used: UInt64 = 0, baseTotal: UInt64? = nil,
        baseHere: UInt64 = 0, home: String? = nil, lastStarted: Int64? = nil, snapshots: [Snapshot] = [],
        problem: String? = nil, warnings: [String] = []
    ) {
        self.name = name
        self.base = base
        self.size = size
        self.used = used
        self.baseTotal = baseTotal
        self.baseHere = baseHere
        self.home = home
        self.lastStarted = lastStarted
        self.snapshots = snapshots
        self.problem = problem
        self.warnings = warnings
    }

    /// `62 % of its base here`; nil where it is not known.
    var share: String? {
        guard let baseTotal else { return nil }
        if baseHere >= baseTotal { return "all of its base here" }
        return "\(min(99, Int(Double(baseHere) / Double(max(1, baseTotal)) * 100))) % of its base here"
    }

    /// `debian 2026-11-16`.
    var baseTitle: String { base?.title ?? "not known" }

    /// The text that a search looks through, in lower-case letters.
    var searchText: String { "\(name)\n\(base?.description ?? "")".lowercased() }
}

/// What is done to a machine.
package enum MachineChange: Sendable, Hashable {
    case snapshot(String)
    /// What was written since is lost, unless it is kept under another name.
    case revert(String, keeping: String?)
    case removeSnapshot(String)
    case clone(String)
    case rename(String)
    /// To so many bytes.
    case grow(UInt64)
    /// To a file.
    case export(String)
    case forget

    /// What the machine's row says meanwhile.
    var word: String {
        switch self {
        case .snapshot: "taking a snapshot"
        case .revert: "going back"
        case .removeSnapshot: "removing a snapshot"
        case .clone: "being cloned"
        case .rename: "being renamed"
        case .grow: "growing"
        case .export: "being exported"
        case .forget: "being removed"
        }
    }

    /// What is said once it is done.
    func done(_ machine: String) -> String {
        switch self {
        case .snapshot(let name): "\(machine): snapshot \(name) taken"
        case .revert(let name, nil): "\(machine) is as it was at \(name)"
        case .revert(let name, let kept?):
            "\(machine) is as it was at \(name); the snapshot \(kept) has what it was until now"
        case .removeSnapshot(let name): "\(machine): snapshot \(name) removed"
        case .clone(let name): "\(name) is a machine of its own, as \(machine) is now"
        case .rename(let name): "\(machine) is called \(name) now"
        case .grow(let size): "\(machine) has a disk of \(Format.bytes(size)) now"
        case .export(let file): "\(machine) was exported to \(file)"
        case .forget: "\(machine) was removed with its snapshots"
        }
    }
}

/// How a guest is booted other than as any guest of its system.
package struct BootWishes: Sendable, Hashable {
    /// The name under which it is kept from now on.
    package var keep: String?
    /// The kept machine that is started.
    package var start: String?
    /// Bytes of its disk; nil for what the settings say.
    package var diskSize: UInt64?
    /// The home that it gets, empty for none; nil for what the settings say.
    package var home: String?
    /// The folder of this machine that its guest sees, empty for none; nil for what the settings say.
    package var share: String?
    /// Whether it gets that although nobody has verified its system yet.
    package var allowsShare = false
    /// What the user was asked about a home, and allows.
    package var allowsHome: HomeQuestion?
    /// Whether a machine may be kept whose base nobody has verified yet.
    package var keepsUnverified = false
    /// Whether ports may be published of what nobody has verified yet.
    package var publishesUnverified = false
    /// Whether it boots even where it would start warm.
    package var bootsCold = false
    /// Whether it is for a look at one version of many: only what is read is fetched.
    package var isTrial = false
    /// Whether all of a new machine's base is fetched on a line that is paid by the byte; nil where it is not.
    package var fetchesBase: Bool?
    /// The suspended guest that goes on, instead of a boot; nil for a boot.
    package var resumes: Resumption?

    package init(keep: String? = nil, start: String? = nil, diskSize: UInt64? = nil, home: String? = nil) {
        self.keep = keep
        self.start = start
        self.diskSize = diskSize
        self.home = home
    }

    /// The machine that it is.
    var machine: String? { keep ?? start }
}

/// What can be set for a system, and what holds where nothing is.
package struct SettingsOverview: Sendable, Hashable {
    package var system: SystemName
    /// What the user's own file sets for it.
    package var own: SystemSettings
    /// What another file sets for it, and the path of that file.
    package var below: SystemSettings
    package var belowFile: String
    /// What the user sets for all systems.
    package var general: SystemSettings
    /// The names of the homes that there are.
    package var homes: [String]
    /// Whether the line is paid by the byte.
    package var isMetered: Bool

    package init(
        system: SystemName, own: SystemSettings = SystemSettings(), below: SystemSettings = SystemSettings(),
        belowFile: String = "", general: SystemSettings = SystemSettings(), homes: [String] = [],
        isMetered: Bool = false
    ) {
        self.system = system
        self.own = own
        self.below = below
        self.belowFile = belowFile
        self.general = general
        self.homes = homes
        self.isMetered = isMetered
    }

    /// The home that its new guests get; nil for none.
    var home: String? { (own.home ?? below.home).flatMap { $0.isEmpty ? nil : $0 } }

    /// The folder of this machine that its guests see; nil for none.
    var share: String? { (own.share ?? below.share).flatMap { $0.isEmpty ? nil : $0 } }
}

import Catalog
import Formats
import GuestNetwork
import TOML

/// What the user has set for one system: a section `[system."CATALOG/DISTRO"]`. What is nil is as it is for all systems.
///
/// Only the user's own files have such settings, never a catalog or a table of vendors; and they hold for one catalog's system,
/// never for whatever has the same name elsewhere.
package struct SystemSettings: Sendable, Hashable {
    /// The settings by their names in the file.
    package enum Key: String, Sendable, CaseIterable {
        case memory, cpus, disk, home, share, display, network, publish, healthy, clipboard, warm
    }

    /// Whether guest and desktop have one clipboard.
    package enum Clipboard: String, Sendable, CaseIterable {
        case on, off

        package var isOn: Bool { self == .on }
    }

    /// What a guest may have, in MiB.
    package static let memoryBounds = 16...1_048_576
    package static let cpuBounds = 1...512
    /// Seconds; 0 for no judgement.
    package static let healthyBounds = 0...86_400
    /// What a guest has where nobody says anything.
    package static let usualMemoryMiB = 1024
    package static let usualCpus = 1
    package static let networks = ["user", "lan", "none"]

    package var memoryMiB: Int?
    package var cpus: Int?
    /// Bytes of the guest's disk where that is to be more than its image has.
    package var diskSize: UInt64?
    /// The disk that new guests get as their user's home; empty for none, where another file sets one.
    package var home: String?
    /// The folder of the host that its guests see, as ``SharedFolder`` reads it; empty for none, where another file sets one.
    package var share: String?
    package var display: BootRequest.Display?
    /// `user`, `lan` or `none`.
    package var network: String?
    /// Ports of this host that lead to the guest, as ``PublishedPort`` writes them; empty for none, where another file sets some.
    package var publish: [String]?
    /// Seconds that a new version has to come to its login; 0 for as long as it likes.
    package var healthySeconds: Int?
    package var clipboard: Clipboard?
    /// Whether its guests start warm where they can.
    package var warm: WarmSettings.Use?

    package init() {}

    package var isEmpty: Bool { self == SystemSettings() }

    /// A setting's name in the file.
    /// - Parameter system: `CATALOG/DISTRO`.
    package static func name(_ key: Key, of system: String) -> String {
        "\(Configuration.key(ofSystem: system)).\(key.rawValue)"
    }

    /// A setting as a user types it; nil where it is not set.
    package func text(_ key: Key) -> String? {
        switch key {
        case .memory: memoryMiB.map { "\($0)" }
        case .cpus: cpus.map { "\($0)" }
        case .disk: diskSize.map(SystemSettings.sizeText)
        case .home: home
        case .share: share
        case .display: display?.rawValue
        case .network: network
        case .publish: publish?.joined(separator: " ")
        case .healthy: healthySeconds.map { "\($0)" }
        case .clipboard: clipboard?.rawValue
        case .warm: warm?.rawValue
        }
    }

    /// Takes a setting as a user types it; an empty text takes it away.
    /// - Returns: what is wrong with it; nil when it was taken.
    package mutating func set(_ key: Key, to text: String) -> String? {
        let value = text.isEmpty ? nil : text
        switch key {
        case .memory: return SystemSettings.set(&memoryMiB, value, in: SystemSettings.memoryBounds)
        case .cpus: return SystemSettings.set(&cpus, value, in: SystemSettings.cpuBounds)
        case .disk:
            let size = value.flatMap(ByteCount.parse)
            if value != nil, size ?? 0 == 0 { return "must be a size, such as 20GiB" }
            diskSize = size
        case .home:
            if let value, let fault = SystemSettings.fault(ofHome: value) { return fault }
            home = value
        case .share:
            if let value, let fault = SharedFolder.fault(ofSetting: value) { return fault }
            share = value
        case .display:
            let choice = value.flatMap(BootRequest.Display.init(rawValue:))
            if value != nil, choice == nil {
                return "must be one of \(BootRequest.Display.allCases.map(\.rawValue).joined(separator: ", "))"
            }
            display = choice
        case .network:
            if let value, !SystemSettings.networks.contains(value) {
                return "must be one of \(SystemSettings.networks.joined(separator: ", "))"
            }
            network = value
        case .publish:
            let ports = text.split { $0 == " " || $0 == "," }.map(String.init)
            if let fault = SystemSettings.fault(ofPorts: ports) { return fault }
            publish = ports.isEmpty ? nil : ports
        case .healthy: return SystemSettings.set(&healthySeconds, value, in: SystemSettings.healthyBounds)
        case .clipboard:
            let choice = value.flatMap(Clipboard.init(rawValue:))
            if value != nil, choice == nil { return "must be on or off" }
            clipboard = choice
        case .warm:
            let choice = value.flatMap(WarmSettings.Use.init(rawValue:))
            if value != nil, choice == nil { return "must be always or never" }
            warm = choice
        }
        return nil
    }

    private static func set(_ number: inout Int?, _ text: String?, in bounds: ClosedRange<Int>) -> String? {
        let value = text.flatMap { Int($0) }
        if text != nil, value.map({ bounds.contains($0) }) != true {
            return "must be a number from \(bounds.lowerBound) to \(bounds.upperBound)"
        }
        number = value
        return nil
    }

    /// A size that is read back as the same number of bytes: `20GiB`, `1500`.
    private static func sizeText(_ bytes: UInt64) -> String {
        for (shift, unit) in [(UInt64(40), "TiB"), (30, "GiB"), (20, "MiB")]
        where bytes > 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(unit)"
        }
        return "\(bytes)"
    }

    private static func fault(ofHome name: String) -> String? {
        KeptName.fault(of: name).map { "must be a home's name: \($0)" }
    }

    /// What is wrong with ports; nil where nothing is.
    static func fault(ofPorts ports: [String]) -> String? {
        if ports.count > PublishedPort.limit { return "has more than \(PublishedPort.limit) ports" }
        for text in ports {
            do throws(PortError) { _ = try PublishedPort(text) } catch {
                if case .malformed(let text, let reason) = error { return "has '\(text)': \(reason)" }
                return "has '\(text)': \(error)"
            }
        }
        return nil
    }

    /// What these settings have over others, key by key.
    func over(_ other: SystemSettings) -> SystemSettings {
        var result = self
        result.memoryMiB = memoryMiB ?? other.memoryMiB
        result.cpus = cpus ?? other.cpus
        result.diskSize = diskSize ?? other.diskSize
        result.home = home ?? other.home
        result.share = share ?? other.share
        result.display = display ?? other.display
        result.network = network ?? other.network
        result.publish = publish ?? other.publish
        result.healthySeconds = healthySeconds ?? other.healthySeconds
        result.clipboard = clipboard ?? other.clipboard
        result.warm = warm ?? other.warm
        return result
    }

    /// Others, with what these have otherwise than an older state of them.
    func changes(of seen: SystemSettings, over other: SystemSettings) -> SystemSettings {
        var result = other
        if memoryMiB != seen.memoryMiB { result.memoryMiB = memoryMiB }
        if cpus != seen.cpus { result.cpus = cpus }
        if diskSize != seen.diskSize { result.diskSize = diskSize }
        if home != seen.home { result.home = home }
        if share != seen.share { result.share = share }
        if display != seen.display { result.display = display }
        if network != seen.network { result.network = network }
        if publish != seen.publish { result.publish = publish }
        if healthySeconds != seen.healthySeconds { result.healthySeconds = healthySeconds }
        if clipboard != seen.clipboard { result.clipboard = clipboard }
        if warm != seen.warm { result.warm = warm }
        return result
    }

    /// A setting's value as the file has it; nil where it is not set.
    func literal(_ key: Key) -> String? {
        if key == .publish {
            // None of the texts has a quote or a backslash.
            return publish.map { "[\($0.map { "\"\($0)\"" }.joined(separator: ", "))]" }
        }
        return text(key).map {
            [.memory, .cpus, .healthy].contains(key) ? $0 : "\"\(SystemSettings.escaped($0))\""
        }
    }

    /// For a string of TOML's; no text has control characters.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { $0 += $1 == "\"" || $1 == "\\" ? "\\\($1)" : "\($1)" }
    }

    init(_ reader: SettingsReader) throws(BootError) {
        memoryMiB = try reader.integer("memory", in: SystemSettings.memoryBounds)
        cpus = try reader.integer("cpus", in: SystemSettings.cpuBounds)
        diskSize = try reader.bytes("disk")
        if diskSize == 0 { throw reader.wrong("disk", "must be a size, such as \"20GiB\"") }
        home = try reader.string("home")
        if let home, !home.isEmpty, let fault = SystemSettings.fault(ofHome: home) {
            throw reader.wrong("home", fault)
        }
        share = try reader.string("share")
        if let share, !share.isEmpty, let fault = SharedFolder.fault(ofSetting: share) {
            throw reader.wrong("share", fault)
        }
        display = try reader.string("display", among: BootRequest.Display.allCases.map(\.rawValue))
            .flatMap(BootRequest.Display.init(rawValue:))
        network = try reader.string("network", among: SystemSettings.networks)
        publish = try reader.strings("publish")
        if let fault = publish.flatMap(SystemSettings.fault(ofPorts:)) { throw reader.wrong("publish", fault) }
        healthySeconds = try reader.integer("healthy", in: SystemSettings.healthyBounds)
        clipboard = try reader.string("clipboard", among: Clipboard.allCases.map(\.rawValue))
            .flatMap(Clipboard.init(rawValue:))
        warm = try reader.string("warm", among: WarmSettings.Use.allCases.map(\.rawValue))
            .flatMap(WarmSettings.Use.init(rawValue:))
    }
}

extension Configuration {
    /// Takes the sections of systems over those that are there, key by key.
    /// - Throws: ``BootError/configuration(file:key:reason:)``.
    mutating func applySystems(_ table: TOMLTable, file: String) throws(BootError) {
        guard let section = table["system"] else { return }
        guard let sections = section.table else {
            throw .configuration(file: file, key: "system", reason: "no such setting")
        }
        for name in sections.keys {
            let key = Configuration.key(ofSystem: name)
            let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, CatalogSource.isValid(name: parts[0]), Distribution.isValid(id: parts[1]) else {
                // A bare name could be any catalog's.
                throw .configuration(
                    file: file, key: key, reason: "must name a system as [system.\"CATALOG/DISTRO\"] does")
            }
            guard let inner = sections[name]?.table else {
                throw .configuration(file: file, key: key, reason: "must be a table: [\(key)]")
            }
            for setting in inner.keys where SystemSettings.Key(rawValue: setting) == nil {
                throw .configuration(file: file, key: "\(key).\(setting)", reason: "no such setting")
            }
            let new = try SystemSettings(SettingsReader(table: inner, file: file, prefix: key))
            let settings = systems[name].map(new.over) ?? new
            systems[name] = settings.isEmpty ? nil : settings
        }
    }

    static func key(ofSystem name: String) -> String { "system.\"\(name)\"" }

    /// These settings with a system's own over those for all systems.
    package func applying(_ settings: SystemSettings?) -> Configuration {
        guard let settings else { return self }
        var result = self
        result.memoryMiB = settings.memoryMiB ?? memoryMiB
        result.cpus = settings.cpus ?? cpus
        result.display = settings.display?.rawValue ?? display
        result.network = settings.network ?? network
        result.healthySeconds = settings.healthySeconds ?? healthySeconds
        result.warm.use = settings.warm ?? warm.use
        return result
    }
}

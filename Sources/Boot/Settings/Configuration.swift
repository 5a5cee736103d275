import Catalog
import Curl
import Linux
import TOMLKit

/// The user's settings: built-in defaults, then /etc, then the user's own file, key by key.
package struct Configuration: Sendable, Equatable {
    package var cacheDirectory: String?
    /// Bytes; nil means the cache's own rule.
    package var cacheLimit: UInt64?
    /// Seconds that one read of the guest waits before the guest is paused.
    package var readBound: Int = 20
    /// Requests in flight to one publisher.
    package var parallelRequests: Int = 32
    /// Copies of trees that the user added, by the catalog's name: URLs.
    package var mirrors: [String: [String]] = [:]
    /// How we identify ourselves to servers, and they to us.
    package var hosts: [HostAccess] = []
    /// Whether the rest of an image is fetched once its guest has started: `always`, `never`, or `auto`: unless NetworkManager
    /// calls the connection metered.
    package var prefetchRest: String = "auto"
    /// Whether starts take pages from publishers' boot packs.
    package var usesPacks = true
    /// Seconds without a read after which a guest has started and its boot set is whole.
    package var quietSeconds: Int = 10
    package var memoryMiB: Int?
    package var cpus: Int?
    package var accelerator: String = "auto"
    package var network: String = "user"
    /// Nil means a window if there is a display, otherwise the console.
    package var display: String?
    /// Pictures of guests' screens in the menu: `auto`, `cells` or `off`.
    package var pictures: String = "auto"
    package var connect: String?
    /// Seconds that an ACPI shutdown may take before the guest is forced off.
    package var shutdownSeconds: Int = 60
    /// Seconds that a new version has to come to its login; nil for what its system's starts have taken, 0 for as long as it likes.
    package var healthySeconds: Int?
    /// When guests are suspended without being asked.
    package var suspendAt = SuspendMoment.never
    /// Bytes that guests leave free on the disk that holds what they write; nil for a twentieth of it, 1 GiB at most.
    package var reserve: UInt64?
    /// A file of orders for the first boot of each system with cloud-init; nil for none.
    package var userData: String?
    /// Whether what is in a session's exchange folder stays when the session has ended.
    package var keepsExchange: Bool = true
    /// Bytes that an exchange folder may hold.
    package var exchangeLimit: UInt64 = usualExchangeLimit

    /// Warm starts: whether they are used, and when what they need is made.
    package var warm = WarmSettings()

    /// What is offered of vendors' own files.
    package var vendors = VendorSettings()

    /// What the user has set for one system alone, by `CATALOG/DISTRO`.
    package var systems: [String: SystemSettings] = [:]

    static let usualExchangeLimit: UInt64 = 16 << 30

    package init() {}

    /// Reads the files that exist, later ones over earlier ones.
    /// - Throws: ``BootError/configuration(file:key:reason:)``, ``BootError/file(_:)``.
    package static func load(_ files: [String]) throws(BootError) -> Configuration {
        var configuration = Configuration()
        for file in files {
            let text: String
            do {
                text = try FileContents.readText(file, limit: 1 << 20)
            } catch  where error.isAbsent {
                // Nor is there one below /dev/null, which some use to say that there is no configuration.
                continue
            } catch {
                // The error of a read does not name the file.
                throw .file(SystemCallError(code: error.code, call: error.call, subject: file))
            }
            try configuration.apply(text, file: file)
        }
        return configuration
    }

    /// Applies the settings of one file on top of these.
    /// - Throws: ``BootError/configuration(file:key:reason:)``.
    package mutating func apply(_ text: String, file: String) throws(BootError) {
        if let line = TOMLHeaders.malformedLine(in: text) {
            throw .configuration(file: file, key: "", reason: "not valid TOML: line \(line) is malformed")
        }
        let table: TOMLTable
        do {
            table = try TOMLTable(string: text)
        } catch {
            throw .configuration(file: file, key: "", reason: "not valid TOML: \(error)")
        }
        let reader = SettingsReader(table: table, file: file)
        try reader.checkKeys()
        try applyNetwork(table, file: file)
        try applySystems(table, file: file)
        if let value = try reader.string("cache.directory") {
            guard value.hasPrefix("/") else {
                throw .configuration(file: file, key: "cache.directory", reason: "must be an absolute path")
            }
            cacheDirectory = value
        }
        if let value = try reader.bytes("cache.limit") { cacheLimit = value }
        if let value = try reader.integer("read.bound", in: 1...3600) { readBound = value }
        if let value = try reader.integer("network.requests", in: 1...256) { parallelRequests = value }
        if let value = try reader.integer("prefetch.quiet", in: 1...300) { quietSeconds = value }
        if let value = try reader.string("prefetch.rest", among: ["auto", "always", "never"]) { prefetchRest = value }
        if let value = try reader.string("prefetch.pack", among: ["always", "never"]) { usesPacks = value == "always" }
        if let value = try reader.integer("guest.memory", in: SystemSettings.memoryBounds) { memoryMiB = value }
        if let value = try reader.integer("guest.cpus", in: SystemSettings.cpuBounds) { cpus = value }
        if let value = try reader.string("guest.accel", among: ["auto", "kvm", "tcg"]) { accelerator = value }
        if let value = try reader.string("guest.display", among: ["window", "console", "none"]) { display = value }
        if let value = try reader.string("menu.pictures", among: ["auto", "cells", "off"]) { pictures = value }
        if let value = try reader.string("guest.connect") { connect = value }
        if let value = try reader.integer("guest.shutdown", in: 1...3600) { shutdownSeconds = value }
        if let value = try reader.integer("guest.healthy", in: SystemSettings.healthyBounds) { healthySeconds = value }
        if let value = try reader.string("guest.suspend", among: SuspendMoment.allCases.map(\.rawValue)) {
            suspendAt = SuspendMoment(rawValue: value) ?? .never
        }
        if let value = try reader.bytes("guest.reserve") { reserve = value }
        if let value = try reader.string("guest.user-data") {
            guard value.hasPrefix("/") else {
                throw .configuration(file: file, key: "guest.user-data", reason: "must be an absolute path")
            }
            userData = value
        }
        if let value = try reader.string("exchange.after", among: ["keep", "remove"]) {
            keepsExchange = value == "keep"
        }
        if let value = try reader.bytes("exchange.limit") { exchangeLimit = value }
        if let value = try reader.string("warm.use", among: WarmSettings.Use.allCases.map(\.rawValue)) {
            warm.use = WarmSettings.Use(rawValue: value) ?? warm.use
        }
        if let value = try reader.string("warm.published", among: WarmSettings.Use.allCases.map(\.rawValue)) {
            warm.published = WarmSettings.Use(rawValue: value) ?? warm.published
        }
        if let value = try reader.string("warm.make", among: WarmSettings.Making.allCases.map(\.rawValue)) {
            warm.make = WarmSettings.Making(rawValue: value) ?? warm.make
        }
        if let value = try reader.boolean("vendors.enabled") { vendors.isEnabled = value }
        if let value = try reader.string("vendors.least", among: TrustLevel.allCases.map(\.rawValue)) {
            vendors.least = TrustLevel(rawValue: value)
        }
        if let value = try reader.strings("vendors.hidden") { vendors.hidden = Set(value) }
        // Empty takes back what /etc says.
        if let value = try reader.string("vendors.from") { vendors.from = value.isEmpty ? nil : value }
        if let value = try reader.string("network.mode", among: ["user", "lan", "none"]) { network = value }
    }
}

import Boot
import Catalog

/// What can be booted: all systems of all catalogs, and the state of the catalogs.
package struct MenuOffer: Sendable {
    package var catalogs: [CatalogItem]
    /// In the order they are shown: those of catalogs, then those of vendors, by vendor.
    package var systems: [SystemSummary]
    /// Vendors that the user has hidden from the list, by their names. Their systems are in ``systems`` all the same.
    package var hiddenVendors: Set<String> = []
    /// The system that was run last.
    package var lastUsed: SystemName?
    /// Whether the line is paid by the byte, so that only what guests read is fetched.
    package var isMetered = false
    /// False while download sizes and cached shares are still being worked out.
    package var isPriced: Bool

    package init(
        catalogs: [CatalogItem] = [], systems: [SystemSummary] = [], lastUsed: SystemName? = nil, isPriced: Bool = false
    ) {
        self.catalogs = catalogs
        self.systems = systems
        self.lastUsed = lastUsed
        self.isPriced = isPriced
    }
}

/// A followed catalog as the menu shows it.
package struct CatalogItem: Sendable, Hashable {
    package var name: String
    package var url: String
    package var state: CatalogCopy.State
    /// Why it is not fresh; empty when it is.
    package var error: String
    /// Whose signature it has and until when: `by key 0123456789abcdef, fresh until 2026-11-30`.
    package var trust: String
    package var mirrors: [String]

    package init(
        name: String, url: String, state: CatalogCopy.State, error: String = "", trust: String = "",
        mirrors: [String] = []
    ) {
        self.name = name
        self.url = url
        self.state = state
        self.error = error
        self.trust = trust
        self.mirrors = mirrors
    }

    /// Whether it gets a row of its own that says what is wrong.
    var isTrouble: Bool { state != .fresh && state != .stale || !error.isEmpty }
}

extension MenuOffer {
    /// What is known about all catalogs.
    /// - Parameters:
    ///   - isPriced: whether the overview has download sizes and cached shares.
    ///   - message: gives the message for an error.
    init(_ overview: SystemsOverview, isPriced: Bool, message: (any Error) -> String) {
        let lastUsed = overview.systems.compactMap { system in system.lastRun?.lastRun.map { (system.name, $0) } }
            .max { $0.1 < $1.1 }?.0
        self.init(
            // Vendors are no catalog that somebody could stop following.
            catalogs: overview.catalogs.filter { !$0.source.isVendors }.map { CatalogItem($0, message: message) },
            systems: MenuOffer.ordered(overview.systems), lastUsed: lastUsed, isPriced: isPriced)
    }

    /// Catalogs' systems by name; then vendors', by vendor, and those of one vendor as its table has them; at the end those for other
    /// processors than this machine's.
    private static func ordered(_ systems: [SystemSummary]) -> [SystemSummary] {
        let own = systems.filter { !$0.isVendors }.sorted { $0.name < $1.name }
        let vendors = systems.filter(\.isVendors).map { ($0.vendor.lowercased(), $0) }.enumerated()
            .sorted {
                ($0.element.0, $0.element.1.vendor, $0.offset) < ($1.element.0, $1.element.1.vendor, $1.offset)
            }.map(\.element.1)
        let others = vendors.filter { $0.processorGroup != nil }.enumerated().sorted {
            ($0.element.heading, $0.offset) < ($1.element.heading, $1.offset)
        }
        return own + vendors.filter { $0.processorGroup == nil } + others.map(\.element)
    }
}

extension CatalogItem {
    init(_ copy: CatalogCopy, message: (any Error) -> String) {
        let state = copy.state
        self.init(
            name: copy.source.name, url: copy.source.shownURL, state: state,
            // An old copy is no trouble while the server is still being asked.
            error: state == .fresh || state == .stale ? "" : copy.error.map(message) ?? "",
            trust: CatalogItem.trust(copy),
            mirrors: copy.document?.mirrors ?? [])
    }

    /// Whose signature the catalog has, and until when it holds.
    private static func trust(_ copy: CatalogCopy) -> String {
        guard let trust = copy.trust else { return "not verified yet" }
        let day = trust.expires.description.prefix(10)
        let text = trust.expires < .now ? "expired on \(day)" : "fresh until \(day)"
        return "by key \(trust.fingerprint.prefix(16)), \(text)"
    }
}

import Boot
import Catalog

extension MenuOffer {
    /// What is known of all catalogs, as rows.
    /// - Parameters:
    ///   - isPriced: whether the overview has the versions' shares.
    ///   - words: for what is wrong with a catalog.
    init(_ overview: SystemsOverview, isPriced: Bool, words: (any Error) -> String) {
        let lastUsed = overview.systems.compactMap { system in system.lastRun?.lastRun.map { (system.name, $0) } }
            .max { $0.1 < $1.1 }?.0
        self.init(
            catalogs: overview.catalogs.map { CatalogItem($0, words: words) },
            systems: overview.systems.sorted { $0.name < $1.name }, lastUsed: lastUsed, isPriced: isPriced)
    }
}

extension CatalogItem {
    init(_ copy: CatalogCopy, words: (any Error) -> String) {
        let state = copy.state
        self.init(
            name: copy.source.name, url: copy.source.url, state: state,
            // An old copy is nothing to speak of while the server is being asked.
            error: state == .fresh || state == .stale ? "" : copy.error.map(words) ?? "",
            trust: CatalogItem.trust(copy),
            mirrors: copy.document?.mirrors ?? [])
    }

    /// Until when the publisher's word holds, and whose it is.
    private static func trust(_ copy: CatalogCopy) -> String {
        guard let trust = copy.trust else { return "not verified yet" }
        let day = trust.expires.description.prefix(10)
        let words = trust.expires < .now ? "expired on \(day)" : "fresh until \(day)"
        return "by key \(trust.fingerprint.prefix(16)), \(words)"
    }
}

import Boot
import Catalog

extension MenuOffer {
    /// What is known of all catalogs, as rows.
    /// - Parameters:
    ///   - isPriced: whether the overview has the versions' shares.
    ///   - words: for what is wrong with a catalog.
    init(_ overview: SystemsOverview, isPriced: Bool, words: (any Error) -> String) {
        let systems = overview.systems.map { SystemItem($0, isPriced: isPriced) }
        let lastUsed = systems.compactMap { system in system.lastRun?.lastRun.map { (system.name, $0) } }
            .max { $0.1 < $1.1 }?.0
        self.init(
            catalogs: overview.catalogs.map { CatalogItem($0, words: words) },
            systems: systems.sorted { $0.name < $1.name }, lastUsed: lastUsed, isPriced: isPriced)
    }
}

extension CatalogItem {
    init(_ copy: CatalogCopy, words: (any Error) -> String) {
        let state: State =
            switch copy.state {
            case .fresh: .fresh
            case .stale: .stale
            case .expired: .expired
            case .unreachable: .unreachable
            case .untrusted: .untrusted
            }
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

extension SystemItem {
    init(_ summary: SystemSummary, isPriced: Bool) {
        let distribution = summary.distribution
        self.init(
            name: SystemName(catalog: summary.source.name, distribution: distribution.id), title: distribution.title,
            summary: distribution.summary, homepage: distribution.homepage ?? "",
            architecture: distribution.architecture,
            supportEnds: distribution.supportEnds.map { Timestamp($0).seconds },
            memoryMiB: distribution.guest.memoryMiB,
            versions: summary.versions.map { VersionItem($0, distribution: distribution, isPriced: isPriced) },
            withdrawn: Dictionary(
                summary.withdrawn.map { ($0.version.id.text, $0.version.words) },
                uniquingKeysWith: { first, _ in first }))
    }
}

extension VersionItem {
    init(_ summary: VersionSummary, distribution: Distribution, isPriced: Bool) {
        let version = summary.version
        let offline: OfflineState =
            switch summary.offline {
            case .no: .no
            case .boots: .boots
            case .whole: .whole
            }
        self.init(
            id: version.id.text, published: version.published.seconds, notes: version.notes, size: version.size,
            content: summary.content, toBoot: summary.toBoot,
            here: isPriced && summary.content != nil ? summary.here : nil,
            new: summary.new, changed: summary.changed, offline: offline, isPinned: summary.isPinned,
            lastRun: summary.lastRun.map(Int64.init), digest: version.digest?.description ?? "", index: version.index,
            login: version.guest.login ?? distribution.guest.login ?? "")
    }
}

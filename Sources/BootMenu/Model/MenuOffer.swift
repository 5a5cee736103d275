import Boot

/// What can be booted: all systems of all catalogs, and how the catalogs are.
package struct MenuOffer: Sendable {
    package var catalogs: [CatalogItem]
    /// In the order they are shown.
    package var systems: [SystemSummary]
    /// The system that was run last.
    package var lastUsed: SystemName?
    /// False while prices and shares are still being worked out.
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

/// One operating system of one catalog.
package struct SystemName: Sendable, Hashable, Comparable {
    package let catalog: String
    package let distribution: String

    package init(catalog: String, distribution: String) {
        self.catalog = catalog
        self.distribution = distribution
    }

    package static func < (left: SystemName, right: SystemName) -> Bool {
        (left.distribution, left.catalog) < (right.distribution, right.catalog)
    }
}

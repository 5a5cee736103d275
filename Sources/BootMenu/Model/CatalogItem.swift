import Catalog

/// A followed catalog as the menu shows it.
package struct CatalogItem: Sendable, Hashable {
    package var name: String
    package var url: String
    package var state: CatalogCopy.State
    /// Why it is not fresh, in words; empty when it is.
    package var error: String
    /// Who vouches for it: `signed, fresh until 2026-11-30`, or `not signed`.
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

    /// Whether it deserves a row of its own that says what is wrong.
    var isTrouble: Bool { state != .fresh && state != .stale || !error.isEmpty }
}

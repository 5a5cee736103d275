import Catalog

/// The section `[vendors]` of the settings.
package struct VendorSettings: Sendable, Equatable {
    /// Whether vendors' systems are offered at all, and their servers asked.
    package var isEnabled = true
    /// How sure a version must be to boot before all of it is here. Nil where the user has not said: then
    /// ``TrustLevel/whole``, and a boot of what is less sure is asked about once.
    package var least: TrustLevel?
    /// Ids of systems, and names of vendors, that are not offered.
    package var hidden: Set<String> = []
    /// The followed catalog whose table of vendors counts beside the installed one, by the catalog's name; nil for none.
    package var from: String?

    package init() {}
}

import Upstream

/// Somebody whose server has images: a file of the table.
package struct Vendor: Sendable, Hashable, Codable {
    /// Of the form `[a-z0-9][a-z0-9._-]{0,63}`.
    package let name: String
    package let title: String
    package let homepage: String?
    /// Keys that may have signed, as the table pins them.
    package let keys: [PinnedKey]
    /// What could not be checked when the table was written; nil for nothing.
    package let unchecked: String?

    package init(name: String, title: String, homepage: String? = nil, keys: [PinnedKey] = [], unchecked: String? = nil)
    {
        self.name = name
        self.title = title
        self.homepage = homepage
        self.keys = keys
        self.unchecked = unchecked
    }

    /// A key, and what the table calls it.
    package struct PinnedKey: Sendable, Hashable, Codable {
        package let name: String
        package let key: VendorKey
        package let unchecked: String?

        package init(name: String, key: VendorKey, unchecked: String? = nil) {
            self.name = name
            self.key = key
            self.unchecked = unchecked
        }
    }
}

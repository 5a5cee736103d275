/// A catalog that shall be followed.
package struct CatalogRequest: Sendable, Hashable {
    package var name: String
    package var url: String
    /// SHA-256 of the publisher's first root, in hexadecimal digits; empty where the user knows none.
    package var fingerprint: String

    package init(name: String, url: String, fingerprint: String = "") {
        self.name = name
        self.url = url
        self.fingerprint = fingerprint
    }
}

/// What is known here about one catalog, and how sure that is.
package struct CatalogCopy: Sendable {
    /// How the copy stands to the server.
    package enum State: String, Sendable, Codable {
        /// As the server gave it just now or a moment ago.
        case fresh
        /// A copy from earlier; the server was not asked.
        case stale
        case expired
        /// The server did not answer; the copy, if any, is from earlier.
        case unreachable
        /// Refused.
        case untrusted
    }

    package let source: CatalogSource
    package let state: State
    /// Nil when there is no copy.
    package let document: CatalogDocument?
    /// Why `state` is not fresh, for the user.
    package let error: (any Error)?

    package init(source: CatalogSource, state: State, document: CatalogDocument?, error: (any Error)? = nil) {
        self.source = source
        self.state = state
        self.document = document
        self.error = error
    }
}

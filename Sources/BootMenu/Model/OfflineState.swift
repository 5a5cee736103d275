/// What a version can do without a network.
package enum OfflineState: Sendable, Hashable {
    /// Nothing certain.
    case no
    /// Its boot set is here.
    case boots
    /// All of it is here.
    case whole
}

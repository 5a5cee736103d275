import ContentAddress

/// Where in a file each of its pieces is.
package struct PiecePlaces: Sendable {
    private let offsets: [BlockID: UInt64]

    /// - Parameter offsets: of pieces that repeat any one will do.
    package init(_ offsets: [BlockID: UInt64]) { self.offsets = offsets }

    /// Nil for what is no piece of the file.
    package func offset(of id: BlockID) -> UInt64? { offsets[id] }
}

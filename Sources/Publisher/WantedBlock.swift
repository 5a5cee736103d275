import ContentAddress

/// A block that an index names, and the first version that does.
struct WantedBlock: Sendable {
    let id: BlockID
    let length: Int
    let algorithm: DigestAlgorithm
    let version: String
}

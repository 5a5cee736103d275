import Catalog
import ImageIndex

/// What a session boots: the version, its index, and the blocks that its start touches.
struct SessionVersion: Sendable {
    let chosen: ChosenVersion
    let index: ImageIndex
    /// By first touch; empty when nobody has recorded this version.
    let bootSet: [IndexedBlock]
}

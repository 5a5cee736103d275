import BlockStore
import ImageIndex

/// A block that has been asked for, and who waits for it.
struct BlockWait {
    let block: IndexedBlock
    var reads: [PendingRead] = []
    /// Answers with an error so far.
    var failures = 0
    /// The last of them.
    var lastError: BlockStoreError?
    /// Reads have ended with an error because of it.
    var isStalled = false
}

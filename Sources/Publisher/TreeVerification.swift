/// What a look at a whole tree found.
package struct TreeVerification: Sendable, Equatable {
    package var versions = 0
    /// Distinct blocks that the versions name, and their bytes uncompressed.
    package var blocks = 0
    package var bytes: UInt64 = 0
    /// Blocks that an incremental look did not read again.
    package var unread = 0
    /// Files that were replaced from another copy of the tree.
    package var repaired = 0
    /// Sorted by their text; empty when all is well.
    package var problems: [TreeProblem] = []
}

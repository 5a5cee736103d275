/// What a look at a whole tree found.
package struct TreeVerification: Sendable, Equatable {
    package var versions = 0
    /// Distinct blocks that were read, and their bytes uncompressed.
    package var blocks = 0
    package var bytes: UInt64 = 0
    /// Sorted by their text; empty when all is well.
    package var problems: [TreeProblem] = []
}

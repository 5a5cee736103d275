/// How thoroughly a tree is looked at.
package struct VerifyOptions: Sendable {
    /// Whether blocks are left out that were read and right at an earlier look, and whose files have not changed since.
    package var isIncremental = false
    /// Ids of the distributions that are looked at, for a copy that has no others; empty for all.
    package var distributions: Set<String> = []
    /// A tree, by URL or folder, that damaged and missing files are replaced from; nil changes nothing.
    package var repairSource: String?

    package init() {}
}

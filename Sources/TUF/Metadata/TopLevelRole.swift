/// The four roles that every repository has.
package enum TopLevelRole: String, Sendable, CaseIterable {
    case root
    case timestamp
    case snapshot
    case targets
}

/// Cells that mean something when they are clicked.
package struct HitArea: Sendable, Hashable {
    package let row: Int
    package let columns: Range<Int>
    package let target: HitTarget
}

import Synchronization

/// Names one transfer of a ``TransferQueue``, to cancel it.
package struct TransferTicket: Hashable, Sendable {
    private static let last = Atomic<UInt64>(0)
    private let number: UInt64

    /// A ticket that nobody else has.
    package init() {
        number = TransferTicket.last.add(1, ordering: .relaxed).newValue
    }
}

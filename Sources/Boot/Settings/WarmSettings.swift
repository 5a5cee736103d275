/// What the user wants of warm starts: guests that go on from a memory which was made ahead, instead of booting.
package struct WarmSettings: Sendable, Equatable {
    /// Whether a guest starts warm where it can.
    package enum Use: String, Sendable, CaseIterable {
        case always, never
    }

    /// When a warm state is made without being asked for.
    package enum Making: String, Sendable, CaseIterable {
        /// After a good start, while the machine has nothing else to do.
        case idle
        case never
    }

    package var use = Use.always
    /// Whether what a publisher has saved is used as well: QEMU reads it, outside of any guest.
    package var published = Use.always
    package var make = Making.idle

    package init() {}

    /// Whether states are made without being asked for: not where nobody would use them.
    package var makesByItself: Bool { use == .always && make == .idle }
}

import Linux

/// The warm states of this user: `CACHE/warm`. All calls wait for the disk.
package struct WarmLibrary: Sendable {
    /// `CACHE/warm`.
    package let path: String

    /// - Parameter cache: the folder of the block cache.
    package init(cache: String) { path = "\(cache)/warm" }

    /// What there is for a start.
    package enum Finding: Sendable {
        case state(WarmState)
        /// None was made, or it is being made.
        case none
        /// There is one, which does not fit: why not, in words that go on after "the warm state is not used: ".
        case misfit(String)
    }

    /// Looks for the state that a start asks for, and compares its record. Its bytes are compared when they are used.
    package func find(_ needs: WarmNeeds) -> Finding { fatalError("comes with the next commit") }

    /// How a start from a state ended.
    package enum Outcome: Sendable, Equatable {
        /// The guest said that it is awake.
        case woke
        /// It did not: after three in a row the state is removed.
        case failed
    }

    /// Writes down how a start ended. Best effort: a state that cannot be written to is used as before.
    package func settle(_ state: WarmState, _ outcome: Outcome) { fatalError("comes with the next commit") }

    /// The versions that have a state here which may be used, whatever the settings: for rows and lists.
    package func versions() -> Set<VersionKey> { fatalError("comes with the next commit") }
}

/// Whether a guest runs, waits or is paused, and when a waiting one may go on. A value: events in, decisions out.
///
/// QEMU pauses the guest when a read of its disk fails. That has two causes: a block that did not come (the reader knows which
/// ones), after which the guest goes on as soon as the blocks are here; or anything else, such as a full disk of the host,
/// after which it is tried again with growing pauses.
package struct GuestCondition: Sendable, Equatable {
    /// The user or the program asked for the end.
    package var isStopping = false
    package var isPausedByUser = false
    /// QEMU paused the guest because of its disk.
    package private(set) var isPausedForError = false
    /// Blocks that reads gave up on are not here yet.
    package private(set) var isStalled = false
    /// Resumptions in a row that ended in another pause, with no stall in between that explains it.
    private var fruitless = 0

    package init() {}

    /// The longest pause between two tries.
    private static let longestDelay = 30

    package mutating func stallBegan() {
        isStalled = true
        fruitless = 0
    }

    package mutating func stallEnded() {
        isStalled = false
        fruitless = 0
    }

    /// QEMU paused the guest for its disk.
    /// - Parameter blocksAreHere: no block is missing: a stall ended before the pause was heard of, or there was none.
    package mutating func guestPausedForError(blocksAreHere: Bool) {
        if blocksAreHere { isStalled = false }
        isPausedForError = true
    }

    /// A resumption succeeded.
    package mutating func guestResumed() {
        if isPausedForError { fruitless += 1 }
        isPausedForError = false
    }

    /// A resumption failed.
    package mutating func resumeFailed() { fruitless += 1 }

    /// How long to wait before the guest is resumed; nil when it must not be now.
    package var resumeDelay: Duration? {
        guard isPausedForError, !isStalled, !isStopping, !isPausedByUser else { return nil }
        return fruitless == 0 ? .zero : .seconds(min(1 << min(fruitless - 1, 5), GuestCondition.longestDelay))
    }

    /// What the user is told.
    package var state: SessionStatus.State {
        if isStopping { return .stopping }
        if isPausedByUser { return .paused }
        return isStalled || isPausedForError ? .waiting : .running
    }
}

import ImageIndex
import ImageMount
import Synchronization

/// Decides when a guest that QEMU paused for want of a block may go on.
///
/// The events come from two sides in any order: the reader says when blocks stall and arrive, QEMU says when it paused. A
/// guest goes on when both hold: QEMU paused it for an I/O error, and no block is missing.
package final class WaitingGuest: ReadObserver {
    private struct State {
        var isStalled = false
        var isPausedForError = false
    }

    private let state = Mutex(State())
    private let changed: @Sendable (Bool) -> Void
    private let resume: @Sendable () -> Void

    /// - Parameters:
    ///   - changed: told whether the guest waits, when that changes.
    ///   - resume: lets QEMU repeat the request; called from any thread and must not block.
    package init(changed: @escaping @Sendable (Bool) -> Void, resume: @escaping @Sendable () -> Void) {
        self.changed = changed
        self.resume = resume
    }

    package func readStalled(blocks: [IndexedBlock]) {
        let isNew = state.withLock { state in
            defer { state.isStalled = true }
            return !state.isStalled
        }
        if isNew { changed(true) }
    }

    package func stallEnded() {
        let (wasStalled, mayResume) = state.withLock { state in
            defer { state = State() }
            return (state.isStalled, state.isPausedForError)
        }
        if mayResume { resume() }
        if wasStalled { changed(false) }
    }

    /// QEMU stopped the guest because a read failed.
    package func guestPausedForError() {
        let mayResume = state.withLock { state in
            state.isPausedForError = state.isStalled
            return !state.isStalled
        }
        if mayResume { resume() }
    }
}

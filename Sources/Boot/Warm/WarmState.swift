import GuestDomain
import Linux

/// A warm state that a session is about to start from. What it opens stays readable whatever becomes of its files.
package struct WarmState: Sendable {
    package let record: WarmRecord
    package let folder: WarmFolder
    /// Held for as long as this value lives: nobody removes the state meanwhile.
    private let hold: FileHandle

    init(record: WarmRecord, folder: WarmFolder, hold: FileHandle) {
        (self.record, self.folder, self.hold) = (record, folder, hold)
    }

    /// Gives the guest its disk: the frozen overlay as the session's own further name, or a copy, under ``GuestSpecification/layers``,
    /// a new overlay over that, and a copy of UEFI's variables. Digests are compared. ``SessionDirectory/removeDisk()`` undoes it.
    /// - Parameters:
    ///   - size: bytes of the disk.
    ///   - emulator: whom QEMU runs as where that is not this user.
    /// - Throws: ``WarmError/misfit(_:)``, ``SystemCallError``.
    package func giveDisk(
        to guest: inout GuestSpecification, in directory: SessionDirectory, size: UInt64, emulator: UserID?
    ) throws {
        fatalError("comes with the next commit")
    }

    /// Writes the memory into QEMU's pipe, for ``RunningGuest/resume(_:on:from:feed:commit:)``.
    /// - Throws: ``WarmError/misfit(_:)`` where it is not what was written, also after all of it was given; ``SystemCallError``.
    package func feed(to pipe: FileHandle) throws { fatalError("comes with the next commit") }
}

/// Why a guest does not start from a warm state.
package enum WarmError: Error, Sendable, Equatable {
    /// It does not fit, in words that go on after "the warm state is not used: ".
    case misfit(String)
}

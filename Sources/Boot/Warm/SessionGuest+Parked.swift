import Catalog
import GuestDomain
import Linux

/// The machine of a template, and of every guest that goes on from what the template leaves: both are made here, so that they are the same.
extension SessionGuest {
    /// What such a guest reads through qemu_fw_cfg, by name and length. It knows both since it booted; what is in them it reads anew when it
    /// wakes.
    static let parkedEntries = [
        WarmRecord.Guest.Entry(name: ParkEntries.parkName, length: ParkEntries.parkLength),
        WarmRecord.Guest.Entry(name: ParkEntries.orderName, length: ParkEntries.orderLength),
    ]

    /// - Parameter entries: files of ``parkedEntries``, in that order.
    /// - Returns: the machine without a disk of its own, see ``WarmState/giveDisk(to:in:size:emulator:)``.
    /// - Throws: ``GuestDomainError``.
    static func parked(
        _ plan: Plan, _ surroundings: GuestSurroundings, entries: [GuestSpecification.FirmwareEntry]
    ) async throws -> GuestSpecification {
        // Others take a name and a password through qemu_fw_cfg, which a template must not have.
        var seed: GuestSeed.Files?
        if plan.version.chosen.guest.seed == .nocloud {
            seed = GuestSeed.Files(diskPath: "\(plan.directory.credentials)/seed", serialNumber: "ds=nocloud")
        }
        var machine = try await machine(plan, surroundings, entries: entries, seed: seed)
        if machine.media == .disk { machine.overlayPath = plan.directory.overlay }
        return machine
    }
}

extension WarmNeeds {
    /// What a guest asks for that is to be started from a version.
    /// - Parameter machine: as ``SessionGuest/parked(_:_:entries:)`` makes it.
    /// - Throws: ``SystemCallError``.
    init(_ version: SessionImage, _ machine: GuestSpecification, emulator: MemoryOrigin.EmulatorVersion?)
        throws(SystemCallError)
    {
        self.init(
            image: .init(
                indexDigest: try MachineLibrary.digest(of: version.image.indexPath), digest: version.image.digest),
            guest: .init(machine, entries: SessionGuest.parkedEntries), emulator: emulator)
    }
}

import BlockStore
import Catalog
import GuestDomain
import Linux

/// What a guest was, for the warm state that is made of its version when it has ended well.
struct SpareTemplate: Sendable {
    let version: SessionImage
    let guest: GuestSpecification
    let cache: BlockCache
    /// The QEMU that ran it; nil where libvirt does not say.
    let emulator: MemoryOrigin.EmulatorVersion?
}

extension SessionRun {
    /// Remembers what the guest is.
    func noteSpare(
        _ version: SessionImage, _ guest: SessionGuest, _ cache: BlockCache, _ connection: HypervisorConnection
    ) async {
        guard configuration.warm.makesByItself, version.chosen.obstacleToPark == nil,
            WarmStart(request: request, configuration: configuration).isPossible
        else { return }
        // The user's own orders are for a first boot.
        if version.chosen.guest.seed == .nocloud, configuration.userData != nil { return }
        let template = SpareTemplate(
            version: version, guest: guest.specification, cache: cache, emulator: await connection.emulatorVersion())
        spare.withLock { $0 = template }
    }

    /// The request for the warm state of the version that has just run, for the same settings; nil where none is to be made by itself. Waits
    /// for the disk; to be asked when the session has ended as it should, and nothing of it is left.
    package var spareTemplate: BootRequest? {
        guard let spare = spare.withLock({ $0 }), login.isSeen,
            spare.version.isVerified(VendorNotes(places: places)),
            // What cannot be read is no reason to make anything.
            let isWhole = try? spare.version.isWhole(in: spare.cache), isWhole,
            // The same.
            let needs = try? WarmNeeds(spare.version, spare.guest, emulator: spare.emulator)
        else { return nil }
        let library = WarmLibrary(cache: spare.cache.directory)
        guard library.tried(needs.key, spare.emulator) == nil, !library.isUsable(needs.key),
            spare.cache.hasRoom(for: WarmTemplate.likelySize(memoryMiB: spare.guest.memoryMiB))
        else { return nil }
        return request.template(
            of: VersionKey(spare.version.chosen), .spareTemplate, memoryMiB: spare.guest.memoryMiB,
            cpus: spare.guest.cpus, accelerator: spare.guest.accelerator)
    }
}

import BlockStore
import Catalog
import GuestDomain
import Linux

/// What a guest was, for the warm state that is made of its version when it has ended well.
struct SpareTemplate: Sendable {
    let version: SessionImage
    let guest: GuestSpecification
    let cache: BlockCache
}

extension SessionRun {
    /// Whether guests that are asked for like this one could go on from a warm state of the version: what a state cannot have, or what must
    /// happen at a first boot, speaks against it.
    func couldBeWarm(_ chosen: ChosenVersion) -> Bool {
        guard request.bootsCold != true, request.isTrial != true, request.resumes == nil, request.purpose == nil,
            request.userData == nil, request.usb == nil, request.diskSize == nil, chosen.obstacleToPark == nil
        else { return false }
        // The user's own orders for each first boot.
        return chosen.guest.seed != .nocloud || configuration.userData == nil
    }

    /// Remembers what the guest is.
    func noteSpare(_ version: SessionImage, _ guest: SessionGuest, _ cache: BlockCache) {
        guard configuration.warm.makesByItself, request.machine == nil, couldBeWarm(version.chosen) else { return }
        spare.withLock { $0 = SpareTemplate(version: version, guest: guest.specification, cache: cache) }
    }

    /// The request for the warm state of the version that has just run, for the same settings; nil where none is to be made by itself. Waits
    /// for the disk; to be asked when the session has ended as it should, and nothing of it is left.
    package var spareTemplate: BootRequest? {
        guard let spare = spare.withLock({ $0 }), login.isSeen,
            spare.version.isVerified(VendorNotes(places: places)),
            // What cannot be read is no reason to make anything.
            let isWhole = try? spare.version.isWhole(in: spare.cache), isWhole,
            // The same.
            let needs = try? WarmNeeds(spare.version, spare.guest, emulator: nil)
        else { return nil }
        let library = WarmLibrary(cache: spare.cache.directory)
        guard library.tried(needs.key) == nil, !library.isUsable(needs.key) else { return nil }
        return request.template(
            of: VersionKey(spare.version.chosen), .spareTemplate, memoryMiB: spare.guest.memoryMiB,
            cpus: spare.guest.cpus, accelerator: spare.guest.accelerator)
    }
}

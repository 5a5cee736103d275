import GuestDomain
import Linux

/// A machine that is kept from a warm start on: what the template wrote is its lowest layer, as if its first boot had been another one's.
extension SessionMachine {
    /// As ``make(_:_:size:)``, on what a warm state has.
    /// - Throws: ``MachineError``, ``WarmError/misfit(_:)``, ``SystemCallError``.
    func make(
        _ version: SessionImage, _ specification: GuestSpecification, size: UInt64, from state: WarmState
    ) throws {
        guard let identity else { throw MachineError.noSuchMachine(name, near: []) }
        let folder = folder
        let digest = try folder.keepBase(of: version)
        let (lower, top) = (MachineRecord.Disk.newID(), MachineRecord.Disk.newID())
        try state.giveLayer(as: folder.layer(lower), variables: folder.variables(lower))
        try MachineLibrary.makeLayer(top, over: lower, size: size, folder)
        var disk = MachineRecord.Disk(layers: [], top: top, isTopEmpty: true, snapshots: [])
        disk.put(lower, on: nil, size: size)
        disk.put(top, on: lower, size: size)
        keep(
            MachineRecord(
                created: .now, base: .init(version.image, indexDigest: digest, size: version.index.imageSize),
                identity: identity, firmware: specification.firmware, sectorSize: specification.sectorSize,
                memoryMiB: specification.memoryMiB, cpus: specification.cpus, disk: disk))
    }

    /// Takes away what was made for a guest that did not run after all: the machine can be made anew.
    /// - Throws: ``SystemCallError``.
    func unmake() throws(SystemCallError) {
        let folder = folder
        keep(nil as MachineRecord?)
        for path in [
            folder.record, folder.index, folder.pieces, folder.bootSet, folder.signature, folder.beginning,
            folder.password,
        ] { Paths.removeIfPossible(path) }
        try Folder.removeTree(folder.layers)
        try Folder.makeNew(folder.layers, mode: 0o700)
    }
}

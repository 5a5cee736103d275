import Catalog
import Linux

/// Makes a machine out of another one whose topmost layer is empty. Layers are shared: both have names of the same files.
struct MachineCopy {
    private let source: MachineFolder
    private let record: MachineRecord

    init(from source: MachineFolder, _ record: MachineRecord) {
        self.source = source
        self.record = record
    }

    /// Makes all of it in a folder that is not there yet.
    /// - Returns: its record, and its lock, which is held.
    /// - Throws: ``MachineError``.
    func make(in target: MachineFolder) throws(MachineError) -> (record: MachineRecord, hold: MachineHold) {
        do throws(SystemCallError) {
            try Folder.makeNew(target.path, mode: 0o700)
            try Folder.makeNew(target.layers, mode: 0o700)
        } catch {
            throw .file(error)
        }
        let hold = try MachineHold.take(target, create: true)
        let below = record.disk.chain(of: record.disk.below)
        do throws(SystemCallError) {
            for layer in below {
                try Paths.addName(target.layer(layer.id), of: source.layer(layer.id))
                try addNameIfThere(target.variables(layer.id), of: source.variables(layer.id))
            }
            for (new, old) in [
                (target.index, source.index), (target.bootSet, source.bootSet), (target.signature, source.signature),
                (target.beginning, source.beginning), (target.userData, source.userData),
                (target.password, source.password),
            ] {
                try addNameIfThere(new, of: old)
            }
            // cloud-init in the clone is told of a new key; others keep the one that they were given at their first start.
            if !hasNewKey { try addNameIfThere(target.keyIntoGuest, of: source.keyIntoGuest) }
        } catch {
            throw .file(error)
        }
        var copy = record
        copy.created = .now
        copy.lastStarted = nil
        copy.identity = .make(hostName: record.identity.hostName, user: record.identity.user)
        copy.identity.passwordHash = record.identity.passwordHash
        copy.home = nil
        copy.disk.snapshots = []
        copy.disk.layers = below
        let id = MachineRecord.Disk.newID()
        try MachineLibrary.makeLayer(id, over: record.disk.below, size: record.disk.size, target)
        copy.disk.put(id, on: record.disk.below, size: record.disk.size)
        try target.write(copy)
        return (copy, hold)
    }

    /// Whether the guest takes a key at each start, or at the first start of a new instance.
    private var hasNewKey: Bool {
        switch record.base.guest.seed {
        case nil, .absent, .nocloud, .credentials: true
        case .ignition, .nuageinit: false
        }
    }

    private func addNameIfThere(_ new: String, of old: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            try Paths.addName(new, of: old)
        } catch  where error.number == .noSuchFile {}
    }
}

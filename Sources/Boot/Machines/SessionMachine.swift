import BlockStore
import Catalog
import GuestDomain
import Linux
import Synchronization

/// The machine that a session runs, which stays when the session ends: it is held from before anything is done for it until all is over.
final class SessionMachine: Sendable {
    let name: String
    private let library: MachineLibrary
    private let directory: SessionDirectory
    private let state: Mutex<State>

    private struct State {
        var hold: MachineHold
        /// Nil until a new machine's version is known.
        var record: MachineRecord?
        /// By what the guest knows the machine, as soon as that is known.
        var identity: MachineRecord.Identity?
        /// A new machine has its name only when its guest runs.
        var isNamed: Bool
        /// What its user should know, a sentence each.
        var notes: [String] = []
    }

    var folder: MachineFolder { state.withLock { $0.hold.folder } }
    /// Nil for a new machine whose guest does not run yet.
    var record: MachineRecord? { state.withLock { $0.record } }
    /// What its user should know when it runs, a sentence each.
    var notes: [String] { state.withLock { $0.notes } }

    /// Takes the machine for a session; waits for the disk.
    /// - Throws: ``MachineError``.
    init(
        _ machine: BootRequest.KeptMachine, directory: SessionDirectory, places: Places
    ) throws(MachineError) {
        library = MachineLibrary(places: places)
        self.directory = directory
        name = machine.name
        switch machine {
        case .new(let name):
            try library.checkIsFree(name)
            let folder = MachineFolder(
                name: name, path: "\(places.machines)/\(MachineFolder.unfinished)\(directory.id)")
            do throws(SystemCallError) {
                try Folder.make(places.machines, mode: 0o700)
                try Folder.makeNew(folder.path, mode: 0o700)
                try Folder.makeNew(folder.layers, mode: 0o700)
            } catch {
                throw .file(error)
            }
            let hold = try MachineHold.take(folder, session: directory.id, create: true)
            state = Mutex(State(hold: hold, record: nil, isNamed: false))
        case .started(let name):
            let (hold, record) = try library.hold(name, session: directory.id)
            if let fault = record.fault { throw .baseWrong(name, reason: fault) }
            try library.checkIndex(record, hold.folder)
            MachineLibrary.sweep(hold.folder, record)
            for layer in record.disk.chain { try MachineLayer.check(hold.folder.layer(layer.id), of: name) }
            state = Mutex(State(hold: hold, record: record, identity: record.identity, isNamed: true))
        }
    }

    // MARK: Start

    /// Writes down what a new machine is, and makes its disk.
    /// - Parameters:
    ///   - specification: how its guest is started; of the disk only the sector size counts.
    ///   - size: bytes of its disk.
    /// - Throws: ``MachineError``.
    func make(
        _ version: SessionImage, _ specification: GuestSpecification, size: UInt64
    ) throws(MachineError) {
        guard let identity else { throw .noSuchMachine(name, near: []) }
        let folder = folder
        let digest: String
        do throws(SystemCallError) { digest = try folder.keepBase(of: version) } catch { throw .file(error) }
        let id = MachineRecord.Disk.newID()
        try MachineLibrary.makeLayer(id, over: nil, size: size, folder)
        if specification.firmware == .uefi {
            do throws(SystemCallError) {
                try specification.architecture.firmware.writeVariables(to: folder.variables(id))
                try Folder(path: folder.layers).sync()
            } catch {
                throw .file(error)
            }
        }
        var disk = MachineRecord.Disk(layers: [], top: id, isTopEmpty: true, snapshots: [])
        disk.put(id, on: nil, size: size)
        let record = MachineRecord(
            created: .now, base: .init(version.image, indexDigest: digest, size: version.index.imageSize),
            identity: identity, firmware: specification.firmware, sectorSize: specification.sectorSize,
            memoryMiB: specification.memoryMiB, cpus: specification.cpus, disk: disk)
        keep(record)
    }

    /// - Parameter record: nil for a machine that is to be made anew.
    func keep(_ record: MachineRecord?) { state.withLock { $0.record = record } }

    /// Writes down that the guest begins, and gives QEMU its disk.
    /// - Parameter emulator: whom QEMU runs as where that is not this user.
    /// - Throws: ``MachineError``.
    func begin(
        _ specification: GuestSpecification, home: String?, emulator: UserID?
    ) throws(MachineError) -> MachineDiskLinks {
        guard var record = state.withLock({ $0.record }) else { throw .noSuchMachine(name, near: []) }
        record.lastStarted = .now
        record.disk.isTopEmpty = false
        (record.memoryMiB, record.cpus, record.home) = (specification.memoryMiB, specification.cpus, home)
        let folder = folder
        // Somebody may have found its base wrong since it was taken, and have thrown away what was here of it.
        if let fault = try folder.condemnation() { throw .baseWrong(name, reason: fault) }
        try folder.write(record)
        state.withLock { [record] in $0.record = record }
        do throws(SystemCallError) {
            let links = try MachineDiskLinks.make(record, folder, directory, emulator: emulator)
            if links.hasLostVariables {
                let note =
                    "the UEFI variables of the machine \(name) were lost, and are as at its first start: what was set in its firmware is "
                    + "gone, such as another order to boot from"
                state.withLock { $0.notes.append(note) }
            }
            return links
        } catch {
            throw .file(error)
        }
    }

    /// Gives a new machine its name, now that its guest runs, and keeps its base from eviction.
    /// - Throws: ``MachineError``: ``MachineError/exists(_:)`` where another one took the name meanwhile.
    func finish(_ cache: BlockCache) throws(MachineError) {
        let folder = folder
        let blocks = record.map { library.baseBlocks($0, folder) } ?? []
        if !state.withLock({ $0.isNamed }) {
            // First: with its name alone it would be unprotected.
            library.pin(blocks, as: name, cache)
            let target = try library.folder(name)
            try MachineLibrary.finish(folder, as: target)
            state.withLock { [target] in
                $0.hold = $0.hold.moved(to: target)
                $0.isNamed = true
            }
        }
        // Who listed the machines meanwhile removed the pin of what was no machine yet.
        library.pin(blocks, as: name, cache)
    }

    // MARK: What it has of its own

    /// By what the guest knows it; nil until that is known.
    var identity: MachineRecord.Identity? { state.withLock { $0.identity } }

    func keep(_ identity: MachineRecord.Identity) { state.withLock { $0.identity = identity } }

    /// The password for its console; nil where none was made.
    var password: String? {
        // Without it another way in is needed; the machine starts all the same.
        (try? FileContents.readText(folder.password, limit: 256))?.filter { $0 != "\n" }
    }

    /// - Throws: ``SystemCallError``.
    func keep(password: String) throws(SystemCallError) {
        try AtomicFile.write("\(password)\n", to: folder.password, mode: 0o600, durable: true)
    }

    /// The user's orders for the first boot, as they were then; nil where there were none.
    /// - Throws: ``GuestDomainError``.
    func userData() throws(GuestDomainError) -> UserData? {
        do throws(GuestDomainError) {
            return try UserData.read(folder.userData)
        } catch .system(let error) where error.isAbsent {
            return nil
        }
    }

    /// - Throws: ``SystemCallError``.
    func keep(userData: UserData) throws(SystemCallError) {
        try AtomicFile.write(userData.text, to: folder.userData, mode: 0o600, durable: true)
    }

    // MARK: End

    /// Notes that what the guest has read was wrong: the machine does not start again.
    func condemn(_ reason: String) {
        // The log says the same; and whoever found it wrong has written it down before.
        try? folder.condemn(reason)
    }

    /// Removes what was made for a new machine whose guest never ran.
    func removeUnfinished() {
        guard !state.withLock({ $0.isNamed }) else { return }
        // What stays is removed by a later start.
        try? Folder.removeTree(folder.path)
    }
}

/// Small files that a machine keeps of others.
enum MachineFiles {
    /// Bytes of a file that is copied.
    private static let longest = 1 << 30

    /// Another name of the file where that is possible: those that are copied never change. Else a copy.
    static func copy(_ path: String, to new: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            try Paths.addName(new, of: path)
        } catch  where [.otherFileSystem, .notPermitted].contains(error.number) {
            try AtomicFile.write(try FileContents.read(path, limit: longest), to: new, mode: 0o600, durable: true)
        }
    }
}

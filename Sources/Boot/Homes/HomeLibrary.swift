import Catalog
import FoundationEssentials
import GuestDomain
import GuestNetwork
import Linux

/// The homes of this user: disks that stay when guests end, each of which one guest at a time has as its user's home.
///
/// A guest wrote what is on them. So nothing here mounts one, what parses them runs in a sandbox (``FileSystemTool``), and before a guest gets one
/// its beginning is compared with what is noted of it (``ExtHeader``). A home appears under its name when it is whole, by a rename; so does a
/// backup. All of it waits for the disk.
package struct HomeLibrary: Sendable {
    /// Bytes of a home whose size nobody has chosen. It takes on the disk what is in it.
    package static let usualSize: UInt64 = 20 << 30
    package static let sizes: ClosedRange<UInt64> = (64 << 20)...(8 << 40)
    /// The label of the file system, and the serial number of its disk in a guest.
    package static let label = GuestHome.label

    let places: Places
    let reserve: DiskReserve

    /// - Parameter reserve: bytes that copies leave free on the disk; nil for what guests leave.
    package init(places: Places, reserve: UInt64? = nil) {
        self.places = places
        self.reserve = DiskReserve(setting: reserve)
    }

    // MARK: Looking

    /// In order; none where the folder cannot be read.
    package var names: [KeptName] {
        Folder.namesIfAny(in: places.homes).filter { $0.hasSuffix(HomeFiles.ending) }
            .compactMap { KeptName(String($0.dropLast(HomeFiles.ending.count))) }.sorted()
    }

    package func exists(_ name: KeptName) -> Bool {
        // What cannot be looked at is reported by whoever uses it.
        (try? Paths.statusOfName(files(name).disk)) != nil
    }

    /// All homes by their names.
    /// - Throws: ``HomeError/notOurs(_:reason:)``, ``HomeError/file(_:)`` for the folder of them all.
    package func list() throws(HomeError) -> [HomeSummary] {
        guard try HomeError.wrap({ () throws(SystemCallError) in try Paths.statusOfName(places.homes) }) != nil else {
            return []
        }
        guard Places.isOurs(places.homes) else {
            throw .notOurs(places.homes, reason: "it is not a folder of yours that nobody else can write to")
        }
        return names.map(summary)
    }

    /// - Throws: ``HomeError/noSuchHome(_:near:)``.
    package func home(_ name: KeptName) throws(HomeError) -> HomeSummary {
        guard exists(name) else { throw .noSuchHome(name, near: names) }
        return summary(name)
    }

    private func summary(_ name: KeptName) -> HomeSummary {
        let files = files(name)
        let record = record(files)
        // A file that is gone meanwhile, or cannot be looked at, has no size.
        let status = try? Paths.statusOfName(files.disk)
        let holder = HomeLock.holder(of: files) ?? files.suspendedSession
        return HomeSummary(
            name: name.text, user: record?.user ?? HomeUser.name(), size: UInt64(clamping: status?.size ?? 0),
            allocated: UInt64(clamping: status?.allocated ?? 0), usedBy: holder, lastUsed: record?.lastUsed,
            systems: record?.systems ?? [], backups: backups(files),
            trouble: holder == nil ? trouble(files, record) : nil)
    }

    /// What keeps a guest from getting it.
    private func trouble(_ files: HomeFiles, _ record: HomeRecord?) -> String? {
        do throws(HomeError) {
            try check(try files.open(files.disk, waits: false), files.name, record)
            return nil
        } catch {
            switch error {
            case .notOurs(_, let reason), .unusable(_, let reason): return reason
            case .inUse: return nil
            case .file(let cause): return cause.description
            default: return "it cannot be looked at"
            }
        }
    }

    func backups(_ files: HomeFiles) -> [HomeBackup] {
        files.backupNames.compactMap { moment in
            // What is gone meanwhile is no backup.
            guard let status = try? Paths.statusOfName(files.backup(moment)) else { return nil }
            return HomeBackup(
                name: moment, size: UInt64(clamping: status.size), allocated: UInt64(clamping: status.allocated))
        }
    }

    // MARK: Making and forgetting

    /// Makes an empty home.
    /// - Parameter size: bytes.
    /// - Throws: ``HomeError``; nothing is left then.
    @discardableResult
    package func create(_ name: KeptName, size: UInt64 = usualSize) throws(HomeError) -> HomeSummary {
        guard HomeLibrary.sizes.contains(size) else { throw .invalidSize(size, allowed: HomeLibrary.sizes) }
        try prepareFolder()
        let files = files(name)
        let lock = try HomeLock.take(files, for: "homes create")
        try create(files, size: size)
        // Nobody has it any more.
        lock.end()
        return summary(name)
    }

    /// The home's lock is held.
    func create(_ files: HomeFiles, size: UInt64) throws(HomeError) {
        files.sweep()
        guard try HomeError.wrap({ () throws(SystemCallError) in try Paths.statusOfName(files.disk) }) == nil else {
            throw .exists(files.name)
        }
        let record = HomeRecord(uuid: RandomUUID.make(), user: HomeUser.name(), created: .now)
        try appear(files.disk) { (temporary) throws(HomeError) in
            let disk = try HomeError.wrap { () throws(SystemCallError) in
                let disk = try FileHandle(temporary, for: .both, [.createNew, .refuseLink], mode: 0o600)
                try disk.truncate(to: Int(clamping: size / 4096 * 4096))
                return disk
            }
            try makeFileSystem(temporary, record.uuid, files)
            try HomeError.wrap { () throws(SystemCallError) in try disk.sync() }
            try write(record, files)
        }
    }

    /// Writes a file under another name, and gives it its own when it is whole.
    func appear(_ path: String, _ body: (_ temporary: String) throws(HomeError) -> Void) throws(HomeError) {
        let temporary = AtomicFile.temporaryName(for: path)
        do throws(HomeError) {
            try body(temporary)
            try HomeError.wrap { () throws(SystemCallError) in try Paths.rename(temporary, to: path) }
        } catch {
            Paths.removeIfPossible(temporary)
            throw error
        }
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        // It is there all the same; after a power cut it may have the name that it had.
        try? Folder(path: folder).sync()
    }

    /// Removes a home with its backups.
    /// - Throws: ``HomeError``.
    package func forget(_ name: KeptName) throws(HomeError) {
        let files = files(name)
        guard exists(name) || !files.backupNames.isEmpty else { throw .noSuchHome(name, near: names) }
        let lock = try HomeLock.take(files, for: "homes forget")
        defer { withExtendedLifetime(lock) {} }
        do throws(HomeError) {
            _ = try files.open(files.disk)
        } catch {
            // Whatever else it is, its name goes.
            if case .inUse = error { throw error }
        }
        try HomeError.wrap { () throws(SystemCallError) in
            try Paths.remove(files.disk)
            files.sweep()
            try Folder.removeTree(files.backups)
            try Paths.remove(files.record)
            try Paths.remove(files.lock)
        }
    }

    // MARK: Who may have it

    /// What the user has to allow before a version gets a home; nil for nothing.
    ///
    /// A catalog's systems are made by one publisher, and its next one needs no other yes; those of vendors are each another's.
    /// - Parameters:
    ///   - record: nil for a home that is not there yet.
    ///   - isVerified: the version's file is what its vendor made.
    func question(
        _ name: KeptName, _ record: HomeRecord?, _ key: VersionKey, isVerified: Bool
    ) -> HomeQuestion? {
        let system = "\(key.catalog)/\(key.distribution)"
        let isKnown = record?.systems.contains { known in
            known == system || key.catalog != CatalogSource.vendorsName && known.hasPrefix("\(key.catalog)/")
        }
        let isOthers = record?.isUsed == true && isKnown != true
        let isUnverified = !isVerified && record?.unverified.contains(system) != true
        guard isOthers || isUnverified else { return nil }
        return HomeQuestion(
            home: name.text, catalog: key.catalog, distribution: key.distribution, version: key.version,
            isOthers: isOthers, isUnverified: isUnverified)
    }

    /// Keeps the user's yes. A home that is not there yet is made, for there is nowhere else to note it.
    /// - Throws: ``HomeError``.
    package func allow(_ question: HomeQuestion) throws(HomeError) {
        guard let name = KeptName(question.home) else { return }
        let files = files(name)
        try prepareFolder()
        let lock = try HomeLock.take(files, for: "homes")
        defer { withExtendedLifetime(lock) {} }
        if !exists(name) { try create(files, size: HomeLibrary.usualSize) }
        var record = try knownOrAdopted(files)
        let system = "\(question.catalog)/\(question.distribution)"
        if !record.systems.contains(system) { record.systems.append(system) }
        if question.isUnverified, !record.unverified.contains(system) { record.unverified.append(system) }
        try write(record, files)
    }

    // MARK: Files

    func files(_ name: KeptName) -> HomeFiles { HomeFiles(name, in: places.homes) }

    func prepareFolder() throws(HomeError) {
        try HomeError.wrap { () throws(SystemCallError) in
            try places.makePassable(places.state)
            try places.makePassable(places.homes)
        }
        guard Places.isOurs(places.homes) else {
            throw .notOurs(places.homes, reason: "it is not a folder of yours that nobody else can write to")
        }
        HomeFiles.sweepUnfinished(in: places.homes)
    }

    /// Nil where there is none that can be read.
    func record(_ files: HomeFiles) -> HomeRecord? {
        // The doc comment's reason.
        guard let bytes = try? FileContents.read(files.record, limit: 1 << 20) else { return nil }
        // As above.
        return try? JSONDecoder().decode(HomeRecord.self, from: Data(bytes))
    }

    func knownOrAdopted(_ files: HomeFiles) throws(HomeError) -> HomeRecord {
        if let known = record(files) { return known }
        return try adopt(files)
    }

    /// A record for a disk that has none, as it is after a state folder was put back in part.
    func adopt(_ files: HomeFiles) throws(HomeError) -> HomeRecord {
        guard let header = try header(of: try files.open(files.disk)) else {
            throw .unusable(files.name, reason: "there is no ext4 file system on it")
        }
        var record = HomeRecord(uuid: header.uuid, user: HomeUser.name(), created: .now)
        record.isUsed = true
        return record
    }

    func write(_ record: HomeRecord, _ files: HomeFiles) throws(HomeError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        // A record is made of texts and numbers, which can always be written.
        guard let bytes = try? encoder.encode(record) else { return }
        try HomeError.wrap { () throws(SystemCallError) in
            try AtomicFile.write(Array(bytes), to: files.record, mode: 0o600, durable: true)
        }
    }

    /// Whether a disk is still the home that it was.
    /// - Throws: ``HomeError/unusable(_:reason:)``.
    func check(_ disk: FileHandle, _ name: KeptName, _ record: HomeRecord?) throws(HomeError) {
        let header = try self.header(of: disk)
        let size = try HomeError.wrap { () throws(SystemCallError) in try disk.status().size }
        guard let header else { throw .unusable(name, reason: "there is no ext4 file system on it") }
        let reason: String? =
            if header.label != HomeLibrary.label {
                "its label has become '\(header.label)', by which guests might take it for something else"
            } else if let record, header.uuid != record.uuid {
                "its number (UUID) has become another, by which guests might take it for something else"
            } else if !header.isAlone {
                "something has been written before its file system, which guests might take for a disk of their own"
            } else if header.size > UInt64(clamping: size) {
                "its file has been cut"
            } else {
                nil
            }
        if let reason { throw .unusable(name, reason: reason) }
    }

    func header(of disk: FileHandle) throws(HomeError) -> ExtHeader? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ExtHeader.length, alignment: 8)
        defer { buffer.deallocate() }
        let count = try HomeError.wrap { () throws(SystemCallError) in try disk.read(into: buffer, at: 0) }
        return ExtHeader(Array(buffer[..<count]))
    }
}

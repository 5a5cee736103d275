import BlockStore
import Catalog
import ContentAddress
import ImageIndex
import Linux

/// Removes what is stored of versions that their catalogs, or vendors, no longer have: indexes, boot sets, the note that they ran, and of
/// a vendor's file what it was pinned by, the digests of its pieces, and what was found out about it.
/// What a kept machine lies on stays.
///
/// Each look first notes what is missing, as an empty file `STATE/departed/CATALOG/DISTRO/VERSION` whose time is that of the look;
/// what has been missing for ``grace`` is removed. Versions that are running, pinned or stored whole stay, and so does everything
/// of a catalog that cannot be read. All calls wait for the disk.
package struct DepartedVersions: Sendable {
    /// Seconds for which a version must have been missing.
    package static let grace = 30 * 86_400
    /// Seconds between two looks.
    private static let pause = 86_400

    /// All that is stored of one version.
    private struct Kept {
        let key: VersionKey
        /// An index of another image than the catalog has under the version's name, by the digest in its name.
        var digest = ""
        var files: [String] = []
        /// What a vendor's file was pinned by.
        var pin: String?
        var indexes: [String] {
            files.filter { $0.hasSuffix(".caibx") } + pinIndexes
                + pinIndexes.map { "\($0).unpacked" }.filter { Paths.allows(.reading, $0) }
        }
        /// Of what was pinned, in a folder of each pin's own.
        var pinIndexes: [String] {
            guard let pin else { return [] }
            return Folder.namesIfAny(in: pin).map { "\(pin)/\($0)/index" }.filter { Paths.allows(.reading, $0) }
        }
        var mark: String {
            "\(key.catalog)/\(key.distribution)/\(key.version)\(digest.isEmpty ? "" : ".\(digest).index")"
        }
    }

    private let places: Places
    private let library: CatalogLibrary
    private let systems: SystemsLibrary
    private let cache: BlockCache

    package init(places: Places, systems: SystemsLibrary, cache: BlockCache) {
        (self.places, self.systems, self.cache) = (places, systems, cache)
        library = systems.catalogs
    }

    /// Looks, at most once a day. What fails is tried again the next day; until then it costs a little space.
    package func tidy(_ registry: SessionRegistry) async {
        let stamp = "\(places.departed)/looked"
        // If the time of the last look cannot be read, this look fails for the same reason.
        let age = (try? DepartedVersions.age(of: stamp, now: WallClock.seconds)) ?? nil
        // One in the future comes from a clock that was fast.
        if let age, (0..<DepartedVersions.pause).contains(age) { return }
        // First, because a session that does not answer takes seconds each time. If it cannot be written, nothing can be removed.
        guard (try? Folder.make(places.departed)) != nil, (try? AtomicFile.write("", to: stamp)) != nil else { return }
        let sessions = await registry.statuses()
        // One that does not answer may run any version.
        guard sessions.count == registry.ids().count else { return }
        let running = Set(sessions.map(\.key))
        // The next look tries again.
        _ = try? await WorkerThread.run(name: "departed") {
            try look(running: running, now: WallClock.seconds)
        }
    }

    /// One look. Nothing is removed while the cache's folder is absent: its disk may be missing, and with it versions stored whole.
    /// - Parameter now: seconds since 1970.
    /// - Throws: ``SystemCallError``, ``ImageIndexError``: what could not be read does not count as absent.
    package func look(running: Set<VersionKey>, now: Int) throws {
        guard try Paths.isThere(cache.directory) else { return }
        let isMissing = try catalogs()
        let pins = Set(try cache.pins())
        let bases = try MachineLibrary(places: places).bases() + SuspendedLibrary(places: places).bases()
        let machines = Set(bases.map(\.key))
        var marks = try self.marks()
        let all = try kept()
        let indexes = Dictionary(grouping: all, by: \.key).mapValues { $0.flatMap(\.indexes) }
        for kept in all {
            let mark = "\(places.departed)/\(kept.mark)"
            marks.remove(kept.mark)
            guard isMissing(kept) else {
                try Paths.remove(mark)
                continue
            }
            // A mark from the future comes from a clock that was fast.
            guard let age = try DepartedVersions.age(of: mark, now: now), age >= 0 else {
                try write(mark, now: now)
                continue
            }
            guard age >= DepartedVersions.grace else { continue }
            let isNeeded =
                try running.contains(kept.key) || machines.contains(kept.key) || pins.contains(kept.key.description)
                || isWhole(kept.digest.isEmpty ? indexes[kept.key] ?? [] : kept.indexes)
            if isNeeded { continue }
            for file in kept.files { try Paths.remove(file) }
            if let pin = kept.pin { try Folder.removeTree(pin) }
            try Paths.remove(mark)
        }
        try removeLedgers(all, Set(bases.compactMap(\.ledger)), now: now)
        // The marks of what has been removed otherwise.
        for mark in marks { try Paths.remove("\(places.departed)/\(mark)") }
    }

    /// Whether something is missing from the stored catalogs. Nothing is missing from one that cannot be read.
    private func catalogs() throws -> (Kept) -> Bool {
        let folders = Set(try names(places.catalogs))
        let copies = Dictionary(
            library.sources().map { ($0.name, library.copy(of: $0)) }, uniquingKeysWith: { first, _ in first })
        return { kept in
            if kept.key.catalog == CatalogSource.vendorsName, !folders.contains(kept.key.catalog) {
                // While vendors are turned off, or a system's builds are not known, nothing is missing.
                guard let vendors = systems.vendors, vendors.listed(kept.key.distribution) != nil else { return false }
                return !vendors.offered(kept.key.distribution).contains { $0.text == kept.key.version }
            }
            guard folders.contains(kept.key.catalog) else { return true }
            guard let copy = copies[kept.key.catalog], let document = copy.document else { return false }
            guard let distribution = document.distribution(kept.key.distribution),
                let version = distribution.versions.first(where: { $0.id.text == kept.key.version })
            else { return true }
            guard !kept.digest.isEmpty else { return false }
            let path = library.indexPath(copy.source, distribution, version)
            return !kept.files.contains { $0.hasPrefix(path.dropLast("caibx".count)) }
        }
    }

    private func kept() throws -> [Kept] {
        var found: [String: Kept] = [:]
        func add(_ kept: Kept, _ file: String) { found[kept.mark, default: kept].files.append(file) }
        for (root, ending) in [(places.bootSets, ".bootset"), (places.bootSets, ".pages"), (places.runs, "")] {
            for catalog in try names(root) {
                try forEachFile(in: "\(root)/\(catalog)") { distribution, name in
                    guard name.hasSuffix(ending) else { return }
                    let key = VersionKey(
                        catalog: catalog, distribution: distribution, version: String(name.dropLast(ending.count)))
                    add(Kept(key: key), "\(root)/\(catalog)/\(distribution)/\(name)")
                }
            }
        }
        for catalog in try names(places.catalogs) {
            let root = "\(places.catalogs)/\(catalog)/indexes"
            try forEachFile(in: root) { distribution, name in
                // VERSION.DIGEST.caibx, VERSION.DIGEST.bootset and the like, where a version may hold a dot.
                let parts = name.split(separator: ".")
                guard parts.count >= 3 else { return }
                let key = VersionKey(
                    catalog: catalog, distribution: distribution, version: parts.dropLast(2).joined(separator: "."))
                add(Kept(key: key, digest: String(parts[parts.count - 2])), "\(root)/\(distribution)/\(name)")
            }
        }
        try addVendors { kept, file in
            if let file { add(kept, file) }
            if let pin = kept.pin { found[kept.mark, default: kept].pin = pin }
        }
        return Array(found.values)
    }

    /// What is kept of vendors' versions: what they were pinned by, the digests of their pieces, what was found out about them.
    private func addVendors(_ add: (_ kept: Kept, _ file: String?) -> Void) throws {
        let name = CatalogSource.vendorsName
        let pins = "\(places.vendors)/pins"
        for system in try names(pins) {
            for version in try names("\(pins)/\(system)") where !version.hasPrefix(".") {
                var kept = Kept(key: VersionKey(catalog: name, distribution: system, version: version))
                kept.pin = "\(pins)/\(system)/\(version)"
                add(kept, nil)
                for ledger in ledgers(of: kept) { add(kept, ledger) }
            }
        }
        func addNotes(_ catalog: String, in folder: String) throws {
            try forEachFile(in: folder) { distribution, file in
                let path = "\(folder)/\(distribution)/\(file)"
                guard let dot = file.lastIndex(of: "."), !Folder.isFolder(path) else { return }
                let version = String(file[..<dot])
                add(Kept(key: VersionKey(catalog: catalog, distribution: distribution, version: version)), path)
            }
        }
        try addNotes(name, in: places.vendorNotes)
        // Of files that a catalog names.
        for catalog in try names(places.vendorNotes) { try addNotes(catalog, in: "\(places.vendorNotes)/\(catalog)") }
    }

    /// Where the digests of the pieces of a pinned file are.
    private func ledgers(of kept: Kept) -> [String] {
        kept.pinIndexes.compactMap { path in
            // One that cannot be read belongs to nothing.
            guard let index = try? ImageIndex(path: path), let first = try? index.block(at: 0) else { return nil }
            let ledger = places.ledgers.path(of: PieceKey(of: first.id))
            return Paths.allows([], ledger) ? ledger : nil
        }
    }

    /// Removes the digests of pieces of files that nothing is known of any more.
    /// - Parameter kept: what machines' bases need.
    private func removeLedgers(_ all: [Kept], _ kept: Set<String>, now: Int) throws {
        let known = Set(all.flatMap(\.files)).union(kept)
        for name in try names(places.ledgers.path) {
            let path = "\(places.ledgers.path)/\(name)"
            guard !known.contains(path), let age = try DepartedVersions.age(of: path, now: now),
                age >= DepartedVersions.grace
            else { continue }
            try Paths.remove(path)
        }
    }

    /// Files of `FOLDER/DISTRO/`, without those that are being written.
    private func forEachFile(in folder: String, _ body: (_ distribution: String, _ name: String) -> Void) throws {
        for distribution in try names(folder) {
            for name in try names("\(folder)/\(distribution)") where !name.hasPrefix(".") { body(distribution, name) }
        }
    }

    private func marks() throws -> Set<String> {
        var marks: Set<String> = []
        for catalog in try names(places.departed) where Folder.isFolder("\(places.departed)/\(catalog)") {
            try forEachFile(in: "\(places.departed)/\(catalog)") { marks.insert("\(catalog)/\($0)/\($1)") }
        }
        return marks
    }

    private func write(_ mark: String, now: Int) throws {
        try Folder.make(String(mark[..<(mark.lastIndex(of: "/") ?? mark.endIndex)]))
        try AtomicFile.write("", to: mark)
        try Paths.setTimes(mark, seconds: now)
    }

    /// Whether the image of one of these indexes is in the cache to its last block.
    private func isWhole(_ indexes: [String]) throws -> Bool {
        for path in indexes where try isWhole(index: path) { return true }
        return false
    }

    private func isWhole(index path: String) throws -> Bool {
        let index: ImageIndex
        do {
            index = try ImageIndex(path: path)
        } catch {
            // Damaged, or just removed: nothing boots from it.
            if case .file(let cause) = error, cause.number != .noSuchFile { throw cause }
            return false
        }
        var isWhole = true
        try index.forEachBlock { if try isWhole && !$0.isHole && !cache.has($0.id) { isWhole = false } }
        return isWhole
    }

    /// Seconds since a file was written; nil if there is none.
    private static func age(of path: String, now: Int) throws(SystemCallError) -> Int? {
        try Paths.status(path).map { now - $0.modifiedSeconds }
    }

    /// The names in a folder; none if it is absent or not a folder.
    private func names(_ path: String) throws(SystemCallError) -> [String] {
        do {
            return try Folder.names(in: path)
        } catch  where error.number == .notAFolder {
            return []
        }
    }
}

import Catalog
import FoundationEssentials
import Linux

/// The bisects that are open, or ended and not yet replaced: a folder `STATE/bisect/CATALOG/DISTRO` for each, with the record, the test, and what
/// the test said in each version.
package struct BisectLibrary: Sendable {
    /// Bytes of a record.
    static let longestRecord = 1 << 20

    private let root: String

    package init(places: Places) { root = places.bisects }

    /// The systems that have one, by name.
    package func systems() -> [BisectedSystem] {
        // What cannot be read is as good as none: who names the system hears why.
        Folder.namesIfAny(in: root).filter(CatalogSource.isValid(name:)).flatMap { catalog in
            Folder.namesIfAny(in: "\(root)/\(catalog)").filter(Distribution.isValid(id:)).map {
                BisectedSystem(catalog: catalog, distribution: $0)
            }
        }.filter { Paths.allows([], path(of: $0)) }.sorted()
    }

    /// The one that is meant where nobody says which.
    /// - Parameter name: what the user typed, `[CATALOG/]DISTRO`; nil for nothing.
    /// - Throws: ``BisectError/none(_:)``, ``BisectError/several(_:)``.
    package func system(named name: VersionName?) throws(BisectError) -> BisectedSystem {
        let all = systems()
        let meant = all.filter { system in
            name.map { $0.distribution == system.distribution && [nil, system.catalog].contains($0.catalog) } ?? true
        }
        guard meant.count <= 1 else { throw .several(meant) }
        guard let system = meant.first else {
            throw .none(name.map { BisectedSystem(catalog: $0.catalog ?? "", distribution: $0.distribution) })
        }
        return system
    }

    /// What is stored; nil where nothing is.
    /// - Throws: ``BisectError/damaged(_:path:reason:)``, ``BisectError/newer(_:format:)``, ``BisectError/file(_:)``.
    package func record(of system: BisectedSystem) throws(BisectError) -> BisectRecord? {
        let path = path(of: system)
        let bytes: [UInt8]
        do throws(SystemCallError) {
            let file = try FileHandle(path, for: .reading, [.refuseLink, .nonblocking])
            let status = try file.status()
            guard status.kind == .regular, status.size <= BisectLibrary.longestRecord else {
                throw SystemCallError(.fileTooLarge, call: "read", subject: path)
            }
            bytes = try file.bytes(status.size)
        } catch {
            if error.isAbsent { return nil }
            guard [.fileTooLarge, .isALink].contains(error.number) else { throw .file(error) }
            throw .damaged(system, path: path, reason: "another program has written or damaged it")
        }
        let record: BisectRecord
        do {
            let decoder = JSONDecoder()
            let format = try decoder.decode(RecordFormat.self, from: Data(bytes)).format
            guard format <= BisectRecord.currentFormat else { throw BisectError.newer(system, format: format) }
            record = try decoder.decode(BisectRecord.self, from: Data(bytes))
        } catch let error as BisectError {
            throw error
        } catch {
            throw .damaged(system, path: path, reason: "another program has written or damaged it")
        }
        guard record.system == system else {
            throw .damaged(system, path: path, reason: "it is about \(record.system)")
        }
        if let fault = record.fault { throw .damaged(system, path: path, reason: fault) }
        return record
    }

    private struct RecordFormat: Decodable { let format: Int }

    /// Takes the system's bisect, so that nobody else changes it, until the hold is given up.
    /// - Throws: ``BisectError/busy(_:)``, ``BisectError/file(_:)``.
    package func take(_ system: BisectedSystem) throws(BisectError) -> BisectHold {
        let folder = folder(of: system)
        do throws(SystemCallError) {
            for _ in 0..<10 {
                try Folder.make(folder, mode: 0o700)
                let lock = try FileHandle("\(folder)/lock", for: .both, [.create, .refuseLink], mode: 0o600)
                var tries = 0
                while try !lock.lock(exclusive: true, wait: false) {
                    tries += 1
                    if tries >= 10 { throw SystemCallError(.wouldBlock, call: "flock", subject: folder) }
                    MonotonicClock.pause(milliseconds: 50)
                }
                // It may have been removed with its folder meanwhile.
                if try lock.hasName() { return BisectHold(system: system, folder: folder, library: self, lock: lock) }
            }
            throw SystemCallError(.wouldBlock, call: "flock", subject: folder)
        } catch {
            if error.number == .wouldBlock { throw .busy(system) }
            throw .file(error)
        }
    }

    fileprivate func folder(of system: BisectedSystem) -> String { "\(root)/\(system.catalog)/\(system.distribution)" }
    fileprivate func path(of system: BisectedSystem) -> String { "\(folder(of: system))/state.json" }
}

/// Holds a system's bisect.
package final class BisectHold: Sendable {
    package let system: BisectedSystem
    package let folder: String
    private let library: BisectLibrary
    private let lock: FileHandle

    fileprivate init(system: BisectedSystem, folder: String, library: BisectLibrary, lock: FileHandle) {
        (self.system, self.folder, self.library, self.lock) = (system, folder, library, lock)
    }

    /// Where the test's own copy is, and what it said in a version.
    package var test: String { "\(folder)/test" }
    package func log(of version: String) -> String { "\(folder)/\(version).log" }

    /// - Throws: as ``BisectLibrary/record(of:)``.
    package func record() throws(BisectError) -> BisectRecord? { try library.record(of: system) }

    /// Writes the record: it is there whole, or as it was before.
    /// - Throws: ``BisectError/file(_:)``.
    package func save(_ record: BisectRecord) throws(BisectError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let path = library.path(of: system)
        let bytes: [UInt8]
        do { bytes = [UInt8](try encoder.encode(record)) } catch {
            throw .damaged(system, path: path, reason: "it cannot be written")
        }
        try BisectError.wrap { () throws(SystemCallError) in
            try AtomicFile.write(bytes, to: path, mode: 0o600, durable: true)
        }
    }

    /// Writes a new record in place of what was there: nothing of an earlier bisect stays.
    /// - Throws: ``BisectError/file(_:)``.
    package func begin(_ record: BisectRecord) throws(BisectError) {
        for name in Folder.namesIfAny(in: folder) where name.hasSuffix(".log") {
            Paths.removeIfPossible("\(folder)/\(name)")
        }
        try save(record)
    }

    /// Another session is the one of the guest that is booted now. Nothing where it is no longer the old one that is stored.
    /// - Throws: ``BisectError``.
    package func rename(_ old: String, to new: String) throws(BisectError) {
        guard var record = try record(), record.session == old else { return }
        record.session = new
        try save(record)
    }

    /// Takes an answer to a record that is stored.
    /// - Throws: ``BisectError``.
    package func take(_ answer: BisectRecord.Answer) throws(BisectError) -> BisectRecord {
        guard var record = try record() else { throw .none(system) }
        try record.take(answer)
        try save(record)
        return record
    }

    /// Lets others change it. The hold is of no use afterwards.
    package func release() { lock.unlock() }

    /// Removes all that is stored of it. The hold is of no use afterwards.
    /// - Throws: ``BisectError/file(_:)``.
    package func remove() throws(BisectError) {
        let (folder, path) = (folder, library.path(of: system))
        try BisectError.wrap { () throws(SystemCallError) in
            // First what makes it one.
            try Paths.remove(path)
            try Folder.removeTree(folder)
        }
    }
}

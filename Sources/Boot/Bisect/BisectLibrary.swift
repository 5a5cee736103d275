import Catalog
import Linux

/// The bisects that are open, or ended and not yet replaced: a folder `STATE/bisect/CATALOG/DISTRO` for each, with the record, the test, and what
/// the test said in each version.
package struct BisectLibrary: Sendable {
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
        let record: BisectRecord
        do throws(RecordFile.Fault) {
            record = try RecordFile(path: path).read(upTo: BisectRecord.currentFormat)
        } catch {
            switch error {
            case .absent: return nil
            case .damaged(let reason): throw .damaged(system, path: path, reason: reason)
            case .newer(let format): throw .newer(system, format: format)
            case .file(let cause): throw .file(cause)
            }
        }
        guard record.system == system else {
            throw .damaged(system, path: path, reason: "it is about \(record.system)")
        }
        if let fault = record.fault { throw .damaged(system, path: path, reason: fault) }
        return record
    }

    /// Takes the system's bisect, so that nobody else changes it, until the hold is given up.
    /// - Throws: ``BisectError/busy(_:)``, ``BisectError/file(_:)``.
    package func take(_ system: BisectedSystem) throws(BisectError) -> BisectHold {
        let folder = folder(of: system)
        do throws(SystemCallError) {
            for _ in 0..<10 {
                try Folder.make(folder, mode: 0o700)
                let lock = try FileHandle("\(folder)/lock", for: .both, [.create, .refuseLink], mode: 0o600)
                guard try lock.lock(exclusive: true, within: 500) else { throw BisectLibrary.busy(folder) }
                // It may have been removed with its folder meanwhile.
                if try lock.hasName() { return BisectHold(system: system, folder: folder, library: self, lock: lock) }
            }
            throw BisectLibrary.busy(folder)
        } catch {
            if error.number == .wouldBlock { throw .busy(system) }
            throw .file(error)
        }
    }

    private static func busy(_ folder: String) -> SystemCallError {
        SystemCallError(.wouldBlock, call: "flock", subject: folder)
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
        let file = RecordFile(path: library.path(of: system))
        try BisectError.wrap { () throws(SystemCallError) in try file.write(record) }
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

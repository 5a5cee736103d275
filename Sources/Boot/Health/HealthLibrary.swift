import Catalog
import FoundationEssentials
import Linux

/// How systems start on this machine: a ``HealthRecord`` for each, `STATE/health/CATALOG/DISTRO.json`. All calls wait for the disk.
package struct HealthLibrary: Sendable {
    /// Bytes of a record: three full lists have a tenth of it.
    private static let limit = 1 << 16
    private static let ending = ".json"

    private let directory: String

    package init(places: Places) { directory = places.health }

    /// What is known of a system; nothing where its record is not there, or is nobody's.
    package func record(_ catalog: String, _ distribution: String) -> HealthRecord {
        // What cannot be read is learnt again.
        (try? read(path(catalog, distribution))) ?? HealthRecord()
    }

    /// The records that there are, by `CATALOG/DISTRO`.
    package func all() -> [String: HealthRecord] {
        var records: [String: HealthRecord] = [:]
        for catalog in Folder.namesIfAny(in: directory) where CatalogSource.isValid(name: catalog) {
            for name in Folder.namesIfAny(in: "\(directory)/\(catalog)") where name.hasSuffix(HealthLibrary.ending) {
                let distribution = String(name.dropLast(HealthLibrary.ending.count))
                records["\(catalog)/\(distribution)"] = record(catalog, distribution)
            }
        }
        return records
    }

    /// Changes a system's record, which is on the disk when this returns. One that cannot be understood is begun anew.
    /// - Throws: ``SystemCallError``; the record is as it was then.
    package func change(
        _ catalog: String, _ distribution: String, _ body: (inout HealthRecord) -> Void
    ) throws(SystemCallError) {
        let folder = "\(directory)/\(catalog)"
        try Folder.make(folder)
        let lock = try FileHandle("\(directory)/lock", for: .both, [.create, .refuseLink], mode: 0o600)
        // Held for the moment of a change. Somebody who is stopped while he has it costs the others two seconds, and an entry at worst.
        _ = try lock.lock(exclusive: true, within: 2000)
        defer { lock.unlock() }
        let path = path(catalog, distribution)
        var record = HealthRecord()
        do throws(SystemCallError) { record = try read(path) } catch {
            guard [.noSuchFile, .fileTooLarge].contains(error.number) else { throw error }
        }
        body(&record)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A record is made of texts and numbers, which can always be written.
        guard let bytes = try? encoder.encode(record) else { return }
        try AtomicFile.write(Array(bytes), to: path, mode: 0o600, durable: true)
        // After a power cut it may have the name that it had.
        try? Folder(path: folder).sync()
    }

    private func read(_ path: String) throws(SystemCallError) -> HealthRecord {
        let bytes = try FileContents.read(path, limit: HealthLibrary.limit)
        // Torn, or nobody's.
        return (try? JSONDecoder().decode(HealthRecord.self, from: Data(bytes))) ?? HealthRecord()
    }

    private func path(_ catalog: String, _ distribution: String) -> String {
        "\(directory)/\(catalog)/\(distribution)\(HealthLibrary.ending)"
    }
}

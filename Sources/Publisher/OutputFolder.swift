import Linux

/// Folders that a publisher writes to.
enum OutputFolder {
    /// Makes a folder, and those above it that are missing.
    /// - Throws: ``PublisherError/unwritable(_:)``.
    static func make(_ path: String) throws(PublisherError) {
        do { try Folder.make(path) } catch { throw .unwritable(error) }
    }
}

/// Temporary files that a killed publisher left: `.NAME.<pid>.<random>.tmp` (the names of ``AtomicFile``) of processes that are gone.
enum StaleFiles {
    /// Removes those beside an output.
    static func remove(beside path: String) {
        guard let folder = Folder.parent(of: path) else { return }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        remove(in: folder) {
            $0.hasPrefix(".\(name).") && $0.split(separator: ".").count == name.split(separator: ".").count + 3
        }
    }

    /// Removes those in a folder, as far as that can be done: what stays is tried again by the next publisher.
    static func remove(in folder: String, where isMeant: (String) -> Bool = { _ in true }) {
        for name in Folder.namesIfAny(in: folder) where name.hasPrefix(".") && name.hasSuffix(".tmp") && isMeant(name) {
            guard let process = name.split(separator: ".").dropLast(2).last.flatMap({ ProcessID($0) }), process > 0
            else { continue }
            // Nobody reads a file of that name; see above for one that stays.
            if !CurrentProcess.isRunning(process) { _ = try? Paths.remove("\(folder)/\(name)") }
        }
    }
}

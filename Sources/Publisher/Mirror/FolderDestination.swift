import Linux

/// A copy of a tree in a folder, kept for oneself while the object lives.
final class FolderDestination: MirrorDestination {
    let name: String
    private let lock: FileHandle
    private let ingest: IngestFolder

    /// Makes the folder if it is missing, and keeps other publishers out of it.
    /// - Throws: ``PublisherError``: another works there, or it cannot be written.
    init(path: String) throws(PublisherError) {
        let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        name = path
        for part in ["blocks", "targets", "metadata"] { try OutputFolder.make("\(path)/\(part)") }
        do {
            lock = try FileHandle("\(path)/blocks", for: .reading, .folder)
            guard try lock.lock(exclusive: true, wait: false) else { throw PublisherError.busy(path: path) }
        } catch let error as PublisherError {
            throw error
        } catch let error as SystemCallError {
            throw .unreadable(error)
        } catch {
            throw .notATree(path: path, reason: "it has no folder blocks/")
        }
        ingest = try IngestFolder(store: "\(path)/blocks")
    }

    func paths(below folder: String) async throws -> [String] {
        do {
            return try await WorkerThread.run(name: "paths") { [name] in
                try FolderDestination.walk(name, String(folder.dropLast()))
            }
        } catch let error as SystemCallError {
            throw PublisherError.unreadable(error)
        }
    }

    /// Follows no links.
    private static func walk(_ root: String, _ path: String) throws(SystemCallError) -> [String] {
        var paths: [String] = []
        let folder = try Folder(path: "\(root)/\(path)")
        for name in try folder.names() where !ForeignNames.contain(name) {
            guard let entry = try folder.entry(name) else { continue }
            paths += entry.isFolder ? try walk(root, "\(path)/\(name)") : ["\(path)/\(name)"]
        }
        return paths
    }

    func remove(_ path: String) async throws {
        do throws(SystemCallError) { try Paths.remove("\(name)/\(path)") } catch {
            throw PublisherError.unwritable(error)
        }
    }

    func close() {
        ingest.remove()
        // A thread that wrote may hold the last reference a little longer.
        lock.unlock()
    }

    func sizes(of paths: [String], below folder: String) async throws -> [String: Int] {
        try await WorkerThread.run(name: "sizes") { [name] in
            var sizes: [String: Int] = [:]
            for path in paths {
                // What cannot be seen is copied again.
                guard let status = try? Paths.status("\(name)/\(path)"), status.kind == .regular
                else { continue }
                sizes[path] = status.size
            }
            return sizes
        }
    }

    func read(_ path: String, limit: Int) async throws -> [UInt8]? {
        try await WorkerThread.run(name: "read") { [name] in
            do throws(SystemCallError) {
                return try FileContents.read("\(name)/\(path)", limit: limit)
            } catch {
                if [.noSuchFile, .notAFolder, .fileTooLarge].contains(error.number) { return nil }
                throw PublisherError.unreadable(error)
            }
        }
    }

    func write(_ bytes: [UInt8], to path: String) async throws {
        let target = "\(name)/\(path)"
        try await WorkerThread.run(name: "write") { [ingest] in
            do throws(SystemCallError) {
                if path.hasPrefix("blocks/") {
                    // One that a power cut leaves short is found by its length.
                    try bytes.withBytes { (buffer) throws(SystemCallError) in try ingest.write(buffer, to: target) }
                } else {
                    // What names the blocks must not outlive them in a power cut.
                    try Folder.make(Folder.parent(of: target) ?? "/")
                    StaleFiles.remove(beside: target)
                    try AtomicFile.write(bytes, to: target, durable: true)
                }
            } catch {
                throw PublisherError.unwritable(error)
            }
        }
    }
}

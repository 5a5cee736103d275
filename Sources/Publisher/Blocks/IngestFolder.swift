import Linux
import Synchronization

/// A publisher's own folder in a block store, where blocks are written before they get their names.
///
/// It holds the folder's flock, which ends with the process: that tells a live publisher's from a killed one's, also from
/// another container, where process ids mean nothing.
final class IngestFolder: Sendable {
    private static let prefix = ".ingest-"
    private let path: String
    private let handle: FileHandle
    private let counter = Atomic<Int>(0)

    /// - Throws: ``PublisherError/unwritable(_:)``.
    init(store: String) throws(PublisherError) {
        IngestFolder.removeStale(in: store)
        while true {
            let path = "\(store)/\(IngestFolder.prefix)\(String(UInt64.random(in: 0 ... .max), radix: 36))"
            do {
                try Folder.makeNew(path, mode: 0o700)
                let handle = try FileHandle(path, for: .reading, .folder)
                // Between mkdir and here another publisher may have taken it for a dead one's; then a new one is made.
                guard try handle.lock(exclusive: true, wait: false), try handle.hasName() else { continue }
                self.path = path
                self.handle = handle
                return
            } catch  where error.number == .noSuchFile && error.call == "open" {
                continue
            } catch {
                throw .unwritable(error)
            }
        }
    }

    /// Removes it with all that is in it, once nobody writes there any more.
    func remove() { IngestFolder.remove(path) }

    /// Writes a file here and gives it its name in the store: it appears whole or not at all. The folder that the name lies in is made where
    /// it is missing.
    /// - Parameter durable: also after a power cut, which otherwise may leave an empty file.
    /// - Throws: ``SystemCallError``; nothing is left behind then.
    func write(
        _ bytes: UnsafeRawBufferPointer, to target: String, durable: Bool = false
    ) throws(SystemCallError) {
        let temporary = "\(path)/\(counter.add(1, ordering: .relaxed).newValue)"
        do throws(SystemCallError) {
            let file = try FileHandle(temporary, for: .writing, .createNew)
            try file.write(bytes)
            if durable { try file.sync() }
            do throws(SystemCallError) {
                try Paths.rename(temporary, to: target)
            } catch  where error.number == .noSuchFile {
                try Folder.make(Folder.parent(of: target) ?? "/", above: false)
                try Paths.rename(temporary, to: target)
            }
        } catch {
            // The ingest folder is removed with all that is in it.
            _ = try? Paths.remove(temporary)
            throw error
        }
    }

    /// Removes what killed publishers left in a store, as far as that can be done: what stays is tried again by the next.
    static func removeStale(in store: String) {
        for name in Folder.namesIfAny(in: store) where name.hasPrefix(prefix) {
            let path = "\(store)/\(name)"
            // Only a folder that this process could lock is a dead publisher's; one that cannot be opened or locked is left alone.
            guard let handle = try? FileHandle(path, for: .reading, [.folder, .refuseLink]),
                // As above.
                (try? handle.lock(exclusive: true, wait: false)) == true
            else { continue }
            remove(path)
        }
    }

    private static func remove(_ path: String) {
        // What stays is a dead publisher's from now on, for the next to remove; no block has its name from here.
        for name in Folder.namesIfAny(in: path) { _ = try? Paths.remove("\(path)/\(name)") }
        // As above.
        _ = try? Paths.removeFolder(path)
    }
}

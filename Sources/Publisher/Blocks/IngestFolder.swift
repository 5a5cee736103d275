import Glibc
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
                let handle = try FileHandle(path: path, flags: O_RDONLY | O_DIRECTORY)
                // Between mkdir and here another publisher may have taken it for a dead one's; then a new one is made.
                guard try handle.lock(exclusive: true, wait: false), try handle.status().st_nlink > 0 else { continue }
                self.path = path
                self.handle = handle
                return
            } catch  where error.code == ENOENT && error.call == "open" {
                continue
            } catch {
                throw .unwritable(error)
            }
        }
    }

    /// Removes it with all that is in it, once nobody writes there any more.
    func remove() { IngestFolder.remove(path) }

    /// A path that nobody else uses.
    func newPath() -> String {
        "\(path)/\(counter.add(1, ordering: .relaxed).newValue)"
    }

    /// Removes what killed publishers left in a store, as far as that can be done: what stays is tried again by the next.
    static func removeStale(in store: String) {
        for name in Folder.namesIfAny(in: store) where name.hasPrefix(prefix) {
            let path = "\(store)/\(name)"
            // Only a folder that is locked for us alone is a dead one's.
            guard let handle = try? FileHandle(path: path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW),
                (try? handle.lock(exclusive: true, wait: false)) == true
            else { continue }
            remove(path)
        }
    }

    private static func remove(_ path: String) {
        // What stays is a dead publisher's from now on, for the next to remove; no block has its name from here.
        for name in Folder.namesIfAny(in: path) { _ = try? Paths.remove("\(path)/\(name)") }
        _ = try? Paths.removeFolder(path)
    }
}

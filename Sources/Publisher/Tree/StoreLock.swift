import Linux

/// The flock of a block store's folder: a publisher that adds blocks shares it, one that removes blocks holds it alone.
enum StoreLock {
    /// Does not wait.
    /// - Throws: ``PublisherError/busy(path:)``, ``PublisherError/unreadable(_:)``.
    static func take(_ folder: String, exclusive: Bool, of path: String? = nil) throws(PublisherError) -> FileHandle {
        let handle: FileHandle
        let isHeld: Bool
        do {
            handle = try FileHandle(folder, for: .reading, .folder)
            isHeld = try handle.lock(exclusive: exclusive, wait: false)
        } catch {
            throw .unreadable(error)
        }
        guard isHeld else { throw .busy(path: path ?? folder) }
        return handle
    }
}

/// The locks that a publisher holds on a tree while it works.
struct TreeLock {
    /// Of `targets/`: one publisher at a time changes what is signed.
    fileprivate let publisher: FileHandle
    /// Of `blocks/`: see ``StoreLock``.
    fileprivate let store: FileHandle

    func unlock() {
        store.unlock()
        publisher.unlock()
    }
}

extension PublishedTree {
    /// Keeps other publishers out until it is unlocked.
    /// - Parameter sweeping: keeps out publishers that only add blocks, too.
    /// - Throws: ``PublisherError/busy(path:)``.
    func lock(sweeping: Bool = false) throws(PublisherError) -> TreeLock {
        for folder in [blocks, targets] { try OutputFolder.make(folder) }
        return TreeLock(
            publisher: try StoreLock.take(targets, exclusive: true, of: path),
            store: try StoreLock.take(blocks, exclusive: sweeping, of: path))
    }
}

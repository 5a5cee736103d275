import Glibc
import Linux

/// The flock of a block store's folder: those who add blocks share it, who removes blocks holds it alone.
enum StoreLock {
    /// Does not wait.
    /// - Throws: ``PublisherError/busy(path:)``, ``PublisherError/unreadable(_:)``.
    static func take(_ folder: String, exclusive: Bool, of path: String? = nil) throws(PublisherError) -> FileHandle {
        let handle: FileHandle
        let isHeld: Bool
        do {
            handle = try FileHandle(path: folder, flags: O_RDONLY | O_DIRECTORY)
            isHeld = try handle.lock(exclusive: exclusive, wait: false)
        } catch {
            throw .unreadable(error)
        }
        guard isHeld else { throw .busy(path: path ?? folder) }
        return handle
    }
}

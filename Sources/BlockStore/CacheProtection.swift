import Linux

/// Keeps the blocks of a running session from eviction for as long as it lives.
package final class CacheProtection: Sendable {
    private let folder: Folder
    private let name: String
    /// Holds the flock that says the session runs.
    private let file: FileHandle

    init(folder: Folder, name: String, file: FileHandle) {
        self.folder = folder
        self.name = name
        self.file = file
    }

    // Without the lock, which goes with the object, a file that stays keeps nothing.
    deinit { _ = try? folder.remove(name) }
}

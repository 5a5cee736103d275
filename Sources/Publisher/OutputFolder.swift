import Linux

/// Folders that a publisher writes to.
enum OutputFolder {
    /// Makes a folder and those above it that lack.
    /// - Throws: ``PublisherError/unwritable(_:)``.
    static func make(_ path: String) throws(PublisherError) {
        do { try Folder.make(path) } catch { throw .unwritable(error) }
    }
}

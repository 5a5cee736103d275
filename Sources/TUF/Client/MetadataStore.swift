import Formats
import Linux

/// Where trusted metadata is kept between runs, by role.
package protocol MetadataStore: Sendable {
    /// The kept file of a role; nil when there is none.
    /// - Throws: ``SystemCallError``; EFBIG for a file longer than `maximumLength`.
    func read(_ role: String, maximumLength: Int) throws(SystemCallError) -> [UInt8]?

    /// Puts a role's file in the place of the older one: whole, or not at all.
    /// - Throws: ``SystemCallError``; the older file is untouched then.
    func write(_ role: String, _ bytes: [UInt8]) throws(SystemCallError)

    /// Keeps others from writing until the result is released; nil when another process has the store now.
    func lock() throws(SystemCallError) -> (any Sendable)?
}

/// Trusted metadata in a folder, under names without version: `root.json`, `timestamp.json`, `ROLE.json`.
package struct DirectoryMetadataStore: MetadataStore {
    /// The folder, without a slash at its end.
    package let path: String

    /// A store in a folder, which need not be there yet.
    package init(path: String) { self.path = path }

    package func read(_ role: String, maximumLength: Int) throws(SystemCallError) -> [UInt8]? {
        do {
            return try FileContents.read(file(role), limit: maximumLength)
        } catch  where error.number == .noSuchFile {
            return nil
        }
    }

    package func write(_ role: String, _ bytes: [UInt8]) throws(SystemCallError) {
        try Folder.make(path)
        // Without the fsync a power cut could leave an empty root.json, and with it no trust at all.
        try AtomicFile.write(bytes, to: file(role), durable: true)
    }

    package func lock() throws(SystemCallError) -> (any Sendable)? {
        let folder: FileHandle
        do {
            // The folder itself is locked: it may be one in which nothing can be created.
            folder = try FileHandle(path, for: .reading, .folder)
        } catch  where error.number == .noSuchFile {
            try Folder.make(path)
            folder = try FileHandle(path, for: .reading, .folder)
        }
        return try folder.lock(exclusive: true, wait: false) ? folder : nil
    }

    private func file(_ role: String) -> String { "\(path)/\(PercentEncoding.fileName(of: role)).json" }
}

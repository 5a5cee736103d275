import ContentAddress
import Glibc
import Linux
import Synchronization

/// A cache's files: `DIR/v1/abcd/<64 hex>`, uncompressed. Nothing below DIR is reached through a link.
final class CacheFolder: Sendable {
    /// A temporary file older than this is what a crash left, in nanoseconds.
    private static let abandoned: Int64 = 3_600_000_000_000

    private struct Root: Sendable {
        var folder: Folder?
        /// Whether DIR has been there since the start of this process.
        var wasThere = false
    }

    let path: String
    private let current = Mutex(Root())

    init(path: String) { self.path = path }

    /// `DIR/v1`, opened anew when somebody removed it.
    func root(create: Bool) throws(SystemCallError) -> Folder {
        try current.withLock { current throws(SystemCallError) in
            if let folder = current.folder, CacheFolder.hasName(folder) { return folder }
            current.folder = nil
            // Folders above DIR are made for a new cache only: what held an old one is gone, not empty.
            if create { try Folder.make(path, mode: 0o700, above: !current.wasThere) }
            let top = try Folder(path: path)
            current.wasThere = true
            let folder = try top.folder("v1", create: create)
            current.folder = folder
            return folder
        }
    }

    /// Opens a block's file.
    /// - Throws: ENOENT when it is not there.
    func open(_ id: BlockID) throws(SystemCallError) -> FileHandle {
        let hex = id.hex
        return try root(create: false).folder(String(hex.prefix(4))).file(hex, flags: O_RDONLY)
    }

    func entry(_ id: BlockID) -> Folder.Entry? {
        let hex = id.hex
        guard let folder = try? root(create: false).folder(String(hex.prefix(4))) else { return nil }
        return folder.entry(hex)
    }

    /// Writes a block's file; it appears whole, by rename.
    /// - Returns: bytes that the cache has more now; 0 when the file was there already.
    func write(_ id: BlockID, _ bytes: BlockBytes) throws(SystemCallError) -> Int {
        do {
            return try writeOnce(id, bytes)
        } catch  where error.code == ENOENT {
            // Somebody removed the folder meanwhile.
            return try writeOnce(id, bytes)
        }
    }

    /// Removes a block's file.
    /// - Returns: its bytes; nil when it was not there or cannot be removed.
    @discardableResult
    func remove(_ id: BlockID) -> Int? {
        let hex = id.hex
        guard let folder = try? root(create: false).folder(String(hex.prefix(4))), let entry = folder.entry(hex),
            !entry.isFolder, folder.remove(hex)
        else { return nil }
        return entry.isRegularFile ? entry.size : 0
    }

    /// Every block in the folder, and the bytes of all files. Removes temporary files that a crash left.
    func contents() throws(SystemCallError) -> (blocks: [CachedBlock], bytes: Int) {
        var blocks: [CachedBlock] = []
        var bytes = 0
        let root = try root(create: false)
        let now = Int64(time(nil)) * 1_000_000_000
        for prefix in try root.names() where prefix.utf8.count == 4 {
            // A link, or a folder that went away.
            guard let folder = try? root.folder(prefix), let names = try? folder.names() else { continue }
            for name in names {
                guard let entry = folder.entry(name), entry.isRegularFile else { continue }
                if name.hasPrefix("."), name.hasSuffix(".tmp") {
                    if now - entry.modified > CacheFolder.abandoned, folder.remove(name) { continue }
                    bytes += entry.size
                } else if name.hasPrefix(prefix), let id = BlockID(hex: name) {
                    blocks.append(CachedBlock(id: id, size: entry.size, lastUse: entry.modified))
                    bytes += entry.size
                }
            }
        }
        return (blocks, bytes)
    }

    private func writeOnce(_ id: BlockID, _ bytes: BlockBytes) throws(SystemCallError) -> Int {
        let hex = id.hex
        let folder = try root(create: true).folder(String(hex.prefix(4)), create: true)
        if let entry = folder.entry(hex), entry.isRegularFile, entry.size == bytes.count { return 0 }
        try folder.writeFile(hex) { (file) throws(SystemCallError) in
            try bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        }
        return bytes.count
    }

    private static func hasName(_ folder: Folder) -> Bool {
        var status = stat()
        return fstat(folder.descriptor, &status) == 0 && status.st_nlink > 0
    }
}

extension Folder {
    /// Writes a file under another name and renames it: it appears whole or not at all.
    func writeFile(
        _ name: String, _ body: (FileHandle) throws(SystemCallError) -> Void
    ) throws(SystemCallError) {
        let temporary = AtomicFile.temporaryName(for: name)
        let file = try file(temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
        do throws(SystemCallError) {
            try body(file)
            try rename(temporary, to: name)
        } catch {
            remove(temporary)
            throw error
        }
    }

    /// The whole of a file that must not be longer than `limit` bytes; nil when it is, or cannot be read.
    func readFile(_ name: String, limit: Int) -> String? {
        guard let file = try? file(name, flags: O_RDONLY) else { return nil }
        return Folder.text(of: file, limit: limit)
    }

    static func text(of file: FileHandle, limit: Int) -> String? {
        guard let size = (try? file.status())?.st_size, size <= limit else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0, at: 0) }) else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

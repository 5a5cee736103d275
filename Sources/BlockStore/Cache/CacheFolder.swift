import ContentAddress
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
            // One that cannot be looked at is opened anew, which says why.
            if let folder = current.folder, (try? folder.hasName()) == true { return folder }
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
        return try root(create: false).folder(String(hex.prefix(4))).file(hex, for: .reading)
    }

    /// What a block's file is; nil also when that cannot be found out: then the block is fetched, and not evicted.
    func entry(_ id: BlockID) -> Folder.Entry? {
        // As said above.
        try? look(id)
    }

    /// What a block's file is; nil when it is not there.
    /// - Throws: ``SystemCallError`` when that cannot be found out.
    func look(_ id: BlockID) throws(SystemCallError) -> Folder.Entry? {
        let hex = id.hex
        do {
            return try root(create: false).folder(String(hex.prefix(4))).entry(hex)
        } catch  where error.number == .noSuchFile {
            return nil
        }
    }

    /// Writes a block's file; it appears whole, by rename.
    /// - Returns: bytes that the cache has more now; 0 when the file was there already.
    func write(_ id: BlockID, _ bytes: BlockBytes) throws(SystemCallError) -> Int {
        do {
            return try writeOnce(id, bytes)
        } catch  where error.number == .noSuchFile {
            // Somebody removed the folder meanwhile.
            return try writeOnce(id, bytes)
        }
    }

    /// Removes a block's file.
    /// - Returns: its bytes; nil when it was not there, a folder has its name, or it lies in another user's folder.
    /// - Throws: ``SystemCallError`` when it cannot be removed.
    @discardableResult
    func remove(_ id: BlockID) throws(SystemCallError) -> Int? {
        let hex = id.hex
        let root: Folder
        do {
            root = try self.root(create: false)
        } catch  where CacheFolder.isNoFolder(error) {
            return nil
        }
        guard let folder = try CacheFolder.blocks(String(hex.prefix(4)), in: root) else { return nil }
        guard let entry = try folder.entry(hex), !entry.isFolder, try folder.remove(hex) else { return nil }
        return entry.isRegularFile ? entry.size : 0
    }

    /// Whether a name does not lead to a folder: to nothing, a link, or a file.
    private static func isNoFolder(_ error: SystemCallError) -> Bool {
        [.noSuchFile, .isALink, .notAFolder].contains(error.number)
    }

    /// A folder of blocks; nil when there is none, or it is another user's, in which nothing can be evicted.
    private static func blocks(_ prefix: String, in root: Folder) throws(SystemCallError) -> Folder? {
        do {
            return try root.folder(prefix)
        } catch  where isNoFolder(error) || error.number == .accessDenied {
            return nil
        }
    }

    /// Every block in the folder, and the bytes of all files. Removes temporary files that a crash left.
    func contents() throws(SystemCallError) -> (blocks: [CachedBlock], bytes: Int) {
        var blocks: [CachedBlock] = []
        var bytes = 0
        let root = try root(create: false)
        let now = Int64(WallClock.seconds) * 1_000_000_000
        for prefix in try root.names() where prefix.utf8.count == 4 {
            guard let folder = try CacheFolder.blocks(prefix, in: root) else { continue }
            for name in try folder.names() {
                guard let entry = try folder.entry(name), entry.isRegularFile else { continue }
                if name.hasPrefix("."), name.hasSuffix(".tmp") {
                    // One that stays is counted.
                    if now - entry.modified > CacheFolder.abandoned, (try? folder.remove(name)) == true { continue }
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
        if let entry = try folder.entry(hex), entry.isRegularFile, entry.size == bytes.count { return 0 }
        try folder.writeFile(hex) { (file) throws(SystemCallError) in
            try bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        }
        return bytes.count
    }
}

extension Folder {
    /// Writes a file under another name and renames it: it appears whole or not at all.
    /// - Parameter durable: also after a power cut.
    func writeFile(
        _ name: String, durable: Bool = false, _ body: (FileHandle) throws(SystemCallError) -> Void
    ) throws(SystemCallError) {
        let temporary = AtomicFile.temporaryName(for: name)
        let file = try file(temporary, for: .writing, .createNew)
        do throws(SystemCallError) {
            try body(file)
            if durable { try file.sync() }
            try rename(temporary, to: name)
            // The name lies in the folder, not in the file.
            if durable { try sync() }
        } catch {
            // One that stays is removed by a walk, an hour later.
            _ = try? remove(temporary)
            throw error
        }
    }

    /// The whole of a file; nil when it is not there.
    /// - Throws: ``SystemCallError``; EFBIG when it is longer than `limit` bytes.
    func readFile(_ name: String, limit: Int) throws(SystemCallError) -> String? {
        let file: FileHandle
        do {
            file = try self.file(name, for: .reading)
        } catch  where error.number == .noSuchFile {
            return nil
        }
        return try Folder.text(of: file, name, limit: limit)
    }

    /// The whole of an open file.
    /// - Parameter name: for errors.
    /// - Throws: ``SystemCallError``; EFBIG when it is longer than `limit` bytes.
    static func text(of file: FileHandle, _ name: String, limit: Int) throws(SystemCallError) -> String {
        do throws(SystemCallError) {
            let size = try file.status().size
            guard size <= limit else { throw SystemCallError(.fileTooLarge, call: "read") }
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 8)
            defer { buffer.deallocate() }
            let count = try file.read(into: buffer, at: 0)
            return String(decoding: buffer[..<count], as: UTF8.self)
        } catch {
            throw SystemCallError(code: error.code, call: error.call, subject: name)
        }
    }
}

/// One block in a cache's folder.
struct CachedBlock {
    let id: BlockID
    /// Bytes.
    let size: Int
    /// First use in the last session that used it, nanoseconds since 1970.
    let lastUse: Int64
}

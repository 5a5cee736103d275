import ContentAddress
import Linux
import Synchronization

/// A cache's files: `DIR/v1/ab/<64 hex>`, uncompressed. Nothing below DIR is reached through a link.
///
/// The 256 folders of blocks are held open, so that a look-up is one call. Earlier versions had 65,536 of them, `DIR/v1/abcd`: what lies
/// there is found, and moved when the cache is walked through (docs/decisions/0111-a-cache-has-256-folders.md).
final class CacheFolder: Sendable {
    /// A temporary file older than this is what a crash left, in nanoseconds.
    static let abandoned: Int64 = 3_600_000_000_000

    private struct Root: Sendable {
        var folder: Folder?
        /// Whether DIR has been there since the start of this process.
        var wasThere = false
        /// Whether blocks may lie where earlier versions put them.
        var hasOldPlaces = false
        /// Folders of blocks, by the first byte of their blocks' ids.
        var held: [UInt8: Folder] = [:]
    }

    let path: String
    private let current = Mutex(Root())
    /// Folders that may be held open.
    private let mostHeld: Int

    init(path: String, mostHeld: Int = 256) {
        self.path = path
        self.mostHeld = mostHeld
    }

    /// `DIR/v1`, opened anew when somebody removed it.
    func root(create: Bool) throws(SystemCallError) -> Folder {
        try current.withLock { current throws(SystemCallError) in
            // One that cannot be looked at is opened anew, which says why.
            if let folder = current.folder, (try? folder.hasName()) == true { return folder }
            current.folder = nil
            current.held = [:]
            // Folders above DIR are made for a new cache only: what held an old one is gone, not empty.
            if create { try Folder.make(path, mode: 0o700, above: !current.wasThere) }
            let top = try Folder(path: path)
            current.wasThere = true
            let folder = try top.folder("v1", create: create)
            current.hasOldPlaces = try CacheFolder.hasOldPlaces(folder)
            current.folder = folder
            return folder
        }
    }

    /// Whether blocks may lie where earlier versions put them.
    var hasOldPlaces: Bool { current.withLock { $0.hasOldPlaces } }

    /// After a walk: whether any are left there.
    func setOldPlaces(_ areLeft: Bool) { current.withLock { $0.hasOldPlaces = areLeft } }

    /// Opens a block's file.
    /// - Throws: ENOENT when it is not there.
    func open(_ id: BlockID) throws(SystemCallError) -> FileHandle {
        let file = try find(id) { (folder, name) throws(SystemCallError) -> FileHandle? in
            do throws(SystemCallError) {
                return try folder.file(name, for: .reading)
            } catch  where error.number == .noSuchFile {
                return nil
            }
        }
        guard let file else { throw SystemCallError(.noSuchFile, call: "open", subject: id.hex) }
        return file
    }

    /// What a block's file is; nil also when that cannot be found out: then the block is fetched, and not evicted.
    func entry(_ id: BlockID) -> Folder.Entry? {
        // As said above.
        try? look(id)
    }

    /// What a block's file is; nil when it is not there.
    /// - Throws: ``SystemCallError`` when that cannot be found out.
    func look(_ id: BlockID) throws(SystemCallError) -> Folder.Entry? {
        try find(id) { (folder, name) throws(SystemCallError) in try folder.entry(name) }
    }

    /// Writes a block's file; it appears whole, by rename.
    /// - Returns: bytes that the cache has more now; 0 when the file was there already.
    func write(_ id: BlockID, _ bytes: BlockBytes) throws(SystemCallError) -> Int {
        do {
            return try writeOnce(id, bytes)
        } catch  where error.number == .noSuchFile {
            // Somebody removed the folder meanwhile.
            letGo()
            return try writeOnce(id, bytes)
        }
    }

    /// Removes a block's file.
    /// - Returns: its bytes; nil when it was not there, a folder has its name, or it lies in another user's folder.
    /// - Throws: ``SystemCallError`` when it cannot be removed.
    @discardableResult
    func remove(_ id: BlockID) throws(SystemCallError) -> Int? {
        try find(id, passingBy: CacheFolder.unusable) { (folder, name) throws(SystemCallError) -> Int? in
            guard let entry = try folder.entry(name), !entry.isFolder, try folder.remove(name) else { return nil }
            return entry.isRegularFile ? entry.size : 0
        }
    }

    /// What says that a name leads to no folder of blocks: to nothing, a link, a file, or another user's, in which nothing can be evicted.
    static let unusable: Set<ErrorNumber> = [.noSuchFile, .isALink, .notAFolder, .accessDenied]

    // MARK: Where a block's file lies

    /// Does something with a block's file, wherever it lies.
    /// - Parameters:
    ///   - passingBy: errors of opening a folder that mean that the block is not there.
    ///   - body: gives nil when the file is not in the folder.
    private func find<Result>(
        _ id: BlockID, passingBy: Set<ErrorNumber> = [.noSuchFile],
        _ body: (Folder, String) throws(SystemCallError) -> Result?
    ) throws(SystemCallError) -> Result? {
        let hex = id.hex
        // Asked before as well: the last old folder may go between the two looks.
        let mayBeOld = hasOldPlaces
        if let result = try findInPlace(id, hex, passingBy, body) { return result }
        guard mayBeOld || hasOldPlaces else { return nil }
        if let folder = try existing(hex.prefix(4), passingBy), let result = try body(folder, hex) { return result }
        // It may have been moved between the two looks.
        return try findInPlace(id, hex, passingBy, body)
    }

    private func findInPlace<Result>(
        _ id: BlockID, _ hex: String, _ passingBy: Set<ErrorNumber>,
        _ body: (Folder, String) throws(SystemCallError) -> Result?
    ) throws(SystemCallError) -> Result? {
        if let held = held(id) {
            if let result = try body(held, hex) { return result }
            // One that was removed, and may be there again, says nothing.
            if try held.hasName() { return nil }
            letGo()
        }
        guard let folder = try existing(hex.prefix(2), passingBy) else { return nil }
        hold(folder, for: id)
        return try body(folder, hex)
    }

    private func existing(
        _ name: Substring, _ passingBy: Set<ErrorNumber>
    ) throws(SystemCallError) -> Folder? {
        do {
            return try root(create: false).folder(String(name))
        } catch  where passingBy.contains(error.number) {
            return nil
        }
    }

    private func held(_ id: BlockID) -> Folder? {
        let key = CacheFolder.key(id)
        return current.withLock { $0.held[key] }
    }

    private func hold(_ folder: Folder, for id: BlockID) {
        let key = CacheFolder.key(id)
        current.withLock { current in
            if current.held.count < mostHeld { current.held[key] = folder }
        }
    }

    private static func key(_ id: BlockID) -> UInt8 { id.withUnsafeBytes { $0[0] } }

    private func letGo() { current.withLock { $0.held = [:] } }

    private func writeOnce(_ id: BlockID, _ bytes: BlockBytes) throws(SystemCallError) -> Int {
        if let entry = try look(id), entry.isRegularFile, entry.size == bytes.count { return 0 }
        let hex = id.hex
        let folder: Folder
        if let held = held(id) {
            folder = held
        } else {
            folder = try root(create: true).folder(String(hex.prefix(2)), create: true)
            hold(folder, for: id)
        }
        try folder.writeFile(hex) { (file) throws(SystemCallError) in
            try bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        }
        return bytes.count
    }
}

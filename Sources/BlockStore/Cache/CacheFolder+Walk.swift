import ContentAddress
import Formats
import Linux

/// Walks through all of a cache, and what earlier versions of this program left in it.
extension CacheFolder {
    /// Every block in the folder, and the bytes of all files. Removes temporary files that a crash left, and moves what lies where earlier
    /// versions put it.
    func contents() throws(SystemCallError) -> (blocks: [CachedBlock], bytes: Int) {
        let root = try root(create: false)
        try moveOldBlocks()
        var contents = Contents(now: Int64(WallClock.seconds) * 1_000_000_000)
        var isOldLeft = false
        // Old ones first: what another process moves meanwhile is counted twice, rather than not at all.
        for name in try root.names().filter(CacheFolder.isPlace).sorted(by: { $0.utf8.count > $1.utf8.count }) {
            guard let folder = try CacheFolder.blocks(name, in: root) else { continue }
            try contents.add(folder, name)
            if CacheFolder.isOldPlace(name) { isOldLeft = true }
        }
        setOldPlaces(isOldLeft)
        return (contents.blocks, contents.bytes)
    }

    /// Moves what lies where earlier versions put it, each block by a rename. What cannot be moved stays and is found there. Nothing is moved
    /// while sessions run: one of an earlier version would look in vain for what its guest needs.
    /// - Parameter session: one that does not count.
    func moveOldBlocks(for session: String? = nil) throws(SystemCallError) {
        let root = try root(create: false)
        guard hasOldPlaces, try !CacheKeepers.areSessions(besides: session, in: root) else { return }
        for name in try root.names() where CacheFolder.isOldPlace(name) { move(name, in: root) }
    }

    /// Whether any folder is of those that earlier versions made.
    static func hasOldPlaces(_ root: Folder) throws(SystemCallError) -> Bool {
        var isFound = false
        try root.forEachName { (name) throws(SystemCallError) in
            isFound = isOldPlace(name)
            return !isFound
        }
        return isFound
    }

    private static func isOldPlace(_ name: String) -> Bool { name.utf8.count == 4 && isDigits(name) }

    private static func isPlace(_ name: String) -> Bool { name.utf8.count == 2 && isDigits(name) || isOldPlace(name) }

    private static func isDigits(_ name: String) -> Bool {
        name.utf8.allSatisfy { Hexadecimal.value(of: $0) != nil }
    }

    /// A folder of blocks; nil when there is none, or it is another user's, in which nothing can be evicted.
    private static func blocks(_ name: String, in root: Folder) throws(SystemCallError) -> Folder? {
        do {
            return try root.folder(name)
        } catch  where unusable.contains(error.number) {
            return nil
        }
    }

    /// Moves an old folder's blocks to where they belong, and removes the folder when it is empty.
    private func move(_ name: String, in root: Folder) {
        do throws(SystemCallError) {
            guard let old = try CacheFolder.blocks(name, in: root) else { return }
            let new = try root.folder(String(name.prefix(2)), create: true)
            for file in try old.names() where file.hasPrefix(name) && BlockID(hex: file) != nil {
                guard let entry = try old.entry(file), entry.isRegularFile else { continue }
                if let other = try new.entry(file) {
                    // Fetched and written again by a process that looked while it was moved; anything else there is dropped at its use.
                    if other.isRegularFile { try old.remove(file) }
                } else {
                    try old.move(file, to: new, as: file)
                }
            }
            try root.removeFolder(name)
        } catch {
            // Moved or evicted by another process, or not to be moved: the next walk tries again.
        }
    }
}

/// What a walk has found so far.
private struct Contents {
    /// Nanoseconds since 1970.
    let now: Int64
    var blocks: [CachedBlock] = []
    var bytes = 0

    init(now: Int64) { self.now = now }

    /// - Parameter prefix: what the names of its blocks begin with.
    mutating func add(_ folder: Folder, _ prefix: String) throws(SystemCallError) {
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
}

/// One block in a cache's folder.
struct CachedBlock {
    let id: BlockID
    /// Bytes.
    let size: Int
    /// First use in the last session that used it, nanoseconds since 1970.
    let lastUse: Int64
}

import ContentAddress
import Formats
import Linux

/// The files that say which blocks are never evicted: `DIR/v1/pins/NAME` and, while it is locked, `DIR/v1/protected/NAME`.
///
/// Each holds one 64-hex id a line.
enum CacheKeepers {
    /// Enough for the ids of a 1 TiB image.
    private static let longestFile = 300 << 20

    static func pin(_ name: String, _ ids: some Sequence<BlockID>, in root: Folder) throws(SystemCallError) {
        let lines = text(ids)
        let folder = try root.folder("pins", create: true)
        try folder.writeFile(fileName(name), durable: true) { (file) throws(SystemCallError) in
            try lines.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        }
    }

    /// - Returns: false when there was no such pin.
    static func unpin(_ name: String, in root: Folder) throws(SystemCallError) -> Bool {
        guard let folder = try existing("pins", in: root) else { return false }
        return try folder.remove(fileName(name))
    }

    static func pins(in root: Folder) throws(SystemCallError) -> [String] {
        guard let folder = try existing("pins", in: root) else { return [] }
        return try folder.names().filter { !$0.hasPrefix(".") }.compactMap(name(ofFile:)).sorted()
    }

    /// Call it under the cache's lock: a file that is not locked yet looks like one that a crash left.
    /// - Throws: EWOULDBLOCK when a running session has this name.
    static func protect(
        _ name: String, _ ids: some Sequence<BlockID>, in root: Folder
    ) throws(SystemCallError) -> CacheProtection {
        let folder = try root.folder("protected", create: true)
        let file = try folder.file(fileName(name), for: .both, .create)
        guard try file.lock(exclusive: true, wait: false) else {
            throw SystemCallError(.wouldBlock, call: "flock", subject: name)
        }
        try file.truncate(to: 0)
        let lines = text(ids)
        try lines.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        return CacheProtection(folder: folder, name: fileName(name), file: file)
    }

    /// The blocks that are not to be evicted: of all pins and of running sessions. Call it under the cache's lock.
    /// - Throws: ``SystemCallError`` when one of these files cannot be read: then nothing may be evicted.
    static func kept(in root: Folder) throws(SystemCallError) -> Set<BlockID> {
        try pinned(in: root).union(protected(in: root))
    }

    /// The blocks of all pins.
    /// - Throws: ``SystemCallError`` when one cannot be read.
    static func pinned(in root: Folder) throws(SystemCallError) -> Set<BlockID> {
        var ids: Set<BlockID> = []
        guard let folder = try existing("pins", in: root) else { return ids }
        for name in try folder.names() where !name.hasPrefix(".") {
            do {
                guard let text = try folder.readFile(name, limit: longestFile) else { continue }
                insert(text, into: &ids)
            } catch  where error.number == .isAFolder || error.number == .isALink {
                // A folder or a link is not a pin.
                continue
            }
        }
        return ids
    }

    /// The blocks of running sessions. Removes the files of those that run no more; call it under the cache's lock.
    /// - Throws: ``SystemCallError`` when one cannot be read, or whether its session runs cannot be found out.
    static func protected(in root: Folder) throws(SystemCallError) -> Set<BlockID> {
        var ids: Set<BlockID> = []
        guard let folder = try existing("protected", in: root) else { return ids }
        for name in try folder.names() {
            let file: FileHandle
            do {
                // For writing, too: over NFS an exclusive lock needs it.
                file = try folder.file(name, for: .both)
            } catch  where [.noSuchFile, .isAFolder, .isALink].contains(error.number) {
                // The session has just ended; or it is a folder or a link, which is not a session's.
                continue
            }
            if try file.lock(exclusive: true, wait: false) {
                // One that stays keeps nothing, and is removed the next time.
                _ = try? folder.remove(name)
            } else {
                insert(try Folder.text(of: file, name, limit: longestFile), into: &ids)
            }
        }
        return ids
    }

    /// Whether a session runs, as far as that can be found out.
    /// - Parameter name: a session that does not count.
    static func areSessions(besides name: String?, in root: Folder) throws(SystemCallError) -> Bool {
        guard let folder = try existing("protected", in: root) else { return false }
        for other in try folder.names() where other != name {
            do throws(SystemCallError) {
                if try !folder.file(other, for: .both).lock(exclusive: true, wait: false) { return true }
            } catch  where [.noSuchFile, .isAFolder, .isALink].contains(error.number) {
                // As above.
                continue
            }
        }
        return false
    }

    private static func existing(_ name: String, in root: Folder) throws(SystemCallError) -> Folder? {
        do {
            return try root.folder(name)
        } catch  where error.number == .noSuchFile {
            return nil
        }
    }

    private static func insert(_ text: String, into ids: inout Set<BlockID>) {
        for line in text.split(separator: "\n") {
            if let id = BlockID(hex: line) { ids.insert(id) }
        }
    }

    private static func text(_ ids: some Sequence<BlockID>) -> [UInt8] {
        var lines: [UInt8] = []
        for id in ids {
            lines.append(contentsOf: id.hex.utf8)
            lines.append(10)
        }
        return lines
    }

    /// A pin's name as a file name: what is not a letter, digit, `-`, `_`, `.`, `@` becomes `%` and two hex digits.
    private static func fileName(_ name: String) -> String {
        let encoded = PercentEncoding.encode(name, keeping: .alphanumeric + "-_@.", digits: .lower)
        // A name with a dot at its front would be a hidden file, or the folder itself.
        return encoded.hasPrefix(".") ? "%2e" + encoded.dropFirst() : encoded
    }

    private static func name(ofFile file: String) -> String? {
        PercentEncoding.decode(file.utf8).map { String(decoding: $0, as: UTF8.self) }
    }
}

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

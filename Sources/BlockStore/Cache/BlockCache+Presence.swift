import ContentAddress
import Formats
import Linux

/// Records of what was seen of the blocks of an index: `DIR/v1/presence/<the index file's inode>`. They are hints, and are made anew where they are
/// missing or cannot be read.
extension BlockCache {
    /// Nanoseconds for which a folder must not have changed. A change right after it might get the same time: clocks of file systems tick every
    /// four milliseconds, that of FAT every two seconds.
    private static let settling: Int64 = 3_000_000_000
    /// Records that are kept, of more indexes than anybody has: then all go, and are made anew.
    private static let mostRecords = 1000

    /// Whether there is a folder to look into.
    package var isThere: Bool {
        // One that cannot be opened has no blocks for anybody.
        (try? folder.root(create: false)) != nil
    }

    /// The number of the folder that a block lies in.
    package static func place(of id: BlockID) -> UInt8 { CacheFolder.place(of: id) }

    /// When a name came into a folder of blocks or went, nanoseconds since 1970; 0 when the folder is not there. Nil when that cannot be said, or
    /// was a moment ago.
    package func lastChange(ofPlace place: UInt8) -> Int64? {
        // Whoever cannot be told looks at the blocks.
        guard let time = try? folder.lastChange(ofPlace: place) else { return nil }
        let now = Int64(WallClock.seconds) * 1_000_000_000
        return time < now - BlockCache.settling ? time : nil
    }

    /// The record of an index file; nil when there is none, or it is of what the file was before.
    /// - Parameter count: blocks of the index.
    package func presence(of subject: FileStamp, count: Int) -> PresenceRecord? {
        // As for all that is read here: without a record each block is looked up.
        guard let folder = try? self.folder.root(create: false).folder("presence"),
            // The same.
            let bytes = try? folder.readBytes(
                BlockCache.name(of: subject), limit: PresenceRecord.longest(count: count)),
            let record = PresenceRecord(bytes: bytes), record.subject == subject, record.count == count
        else { return nil }
        return record
    }

    /// Keeps a record in the place of an earlier one. What cannot be written is not kept.
    package func keep(_ record: PresenceRecord) {
        // As said above.
        guard let root = try? folder.root(create: false), let folder = try? root.folder("presence", create: true)
        else { return }
        // The same; and too many harm nobody.
        if let names = try? folder.names(), names.count >= BlockCache.mostRecords { forgetPresence() }
        // The same.
        try? folder.writeFile(BlockCache.name(of: record.subject)) { (file) throws(SystemCallError) in
            try record.bytes.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        }
    }

    /// Removes all records.
    func forgetPresence() {
        // None that stays says anything wrong.
        guard let folder = try? folder.root(create: false).folder("presence"), let names = try? folder.names() else {
            return
        }
        // The same.
        for name in names { _ = try? folder.remove(name) }
    }

    private static func name(of subject: FileStamp) -> String { String(subject.inode, radix: 16) }
}

extension CacheFolder {
    /// The number of the folder that a block lies in: the two digits that are its name.
    static func place(of id: BlockID) -> UInt8 { id.withUnsafeBytes { $0[0] } }

    /// When a name came into a folder of blocks or went, nanoseconds since 1970; 0 when the folder is not there. Nil where its blocks may lie
    /// elsewhere as well, as earlier versions put them.
    /// - Throws: ``SystemCallError`` where that cannot be found out, and ENOTDIR where something else has its name.
    func lastChange(ofPlace place: UInt8) throws(SystemCallError) -> Int64? {
        let root = try root(create: false)
        guard !hasOldPlaces else { return nil }
        let name = Hexadecimal.string(of: CollectionOfOne(place))
        guard let entry = try root.entry(name) else { return 0 }
        guard entry.isFolder else { throw SystemCallError(.notAFolder, call: "fstatat", subject: name) }
        return entry.modified
    }
}

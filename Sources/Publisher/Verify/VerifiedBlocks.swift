import ContentAddress
import Linux

/// When each block of a tree was last read and found right: what an incremental verification need not read again.
///
/// Kept in the tree as `blocks/.verified`, 64 bytes a block. It saves work and proves nothing: a full verification ignores it.
struct VerifiedBlocks {
    /// A file as it was when it was read.
    struct Seen: Equatable {
        var inode: UInt64
        var size: UInt64
        /// Nanoseconds since 1970.
        var modified: Int64
        /// Seconds since 1970.
        var checked: Int64
    }

    /// A block is read again after so many seconds, whatever its file looks like: disks forget.
    static let longestTrust: Int64 = 30 * 86_400

    private static let header = Array("oscircular-verified 1\n".utf8)
    private static let recordSize = 64
    private(set) var seen: [BlockID: Seen] = [:]

    init() {}

    /// Reads a tree's record; an empty one where there is none, or what is there is none.
    init(blocks: String) {
        // Without it everything is read.
        guard let bytes = try? FileContents.read(Self.path(blocks), limit: 4 << 30), bytes.starts(with: Self.header),
            (bytes.count - Self.header.count).isMultiple(of: Self.recordSize)
        else { return }
        bytes.withUnsafeBytes { bytes in
            for start in stride(from: Self.header.count, to: bytes.count, by: Self.recordSize) {
                func word(_ position: Int) -> UInt64 {
                    UInt64(
                        littleEndian: bytes.loadUnaligned(fromByteOffset: start + 32 + 8 * position, as: UInt64.self))
                }
                let id = BlockID(bytes: UnsafeRawBufferPointer(rebasing: bytes[start..<(start + 32)]))
                seen[id] = Seen(
                    inode: word(0), size: word(1), modified: Int64(bitPattern: word(2)),
                    checked: Int64(bitPattern: word(3)))
            }
        }
    }

    mutating func note(_ id: BlockID, _ file: Seen) { seen[id] = file }

    mutating func forget(_ id: BlockID) { seen[id] = nil }

    /// Whether a block's file is the one that was read, a while ago at most.
    func isFresh(_ id: BlockID, _ file: Seen) -> Bool {
        guard let known = seen[id], known.inode == file.inode, known.size == file.size,
            (0...Self.longestTrust).contains(file.checked - known.checked)
        else { return false }
        // A publisher that uses a block again touches it, to the whole second; a write leaves another time.
        return known.modified == file.modified || file.modified % 1_000_000_000 == 0
    }

    /// Writes the record of the blocks that are still wanted.
    /// - Throws: ``SystemCallError``.
    func write(blocks: String, keeping wanted: [BlockID: WantedBlock]) throws(SystemCallError) {
        var bytes = Self.header
        bytes.reserveCapacity(bytes.count + seen.count * Self.recordSize)
        for (id, file) in seen where wanted[id] != nil {
            id.withUnsafeBytes { bytes.append(contentsOf: $0) }
            for word in [file.inode, file.size, UInt64(bitPattern: file.modified), UInt64(bitPattern: file.checked)] {
                withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
            }
        }
        StaleFiles.remove(beside: Self.path(blocks))
        try AtomicFile.write(bytes, to: Self.path(blocks))
    }

    /// A file as it is now; nil when it is not there or no file.
    static func look(at path: String, now: Int64) -> Seen? {
        // What cannot be seen is read, and the reading says why it cannot be.
        guard let status = try? Paths.status(path), status.kind == .regular else { return nil }
        return Seen(
            inode: status.identity.inode, size: UInt64(status.size), modified: status.modifiedNanoseconds, checked: now)
    }

    private static func path(_ blocks: String) -> String { "\(blocks)/.verified" }
}

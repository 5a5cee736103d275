import Linux

/// What of an index was in the cache when somebody looked, so that the next one need not look at each block.
///
/// A file system changes a folder's modification time with each name that comes into it or goes. A block's mark holds as long as its folder has the
/// time that the record says: whoever stored or removed something since, whatever program it was, changed it.
package struct PresenceRecord: Sendable, Equatable {
    /// The index file that it is about.
    package let subject: FileStamp
    /// Blocks of the index.
    package let count: Int
    /// When each folder of blocks changed last, nanoseconds since 1970, by its number (``BlockCache/place(of:)``); 0 for one that was not there.
    package var times: [UInt8: Int64] = [:]
    private var marks: [UInt8]

    private static let header = "oscircular-presence 1\n"
    /// Bytes of a record besides a folder's times and the marks: inode, size and time of the index, and two counts.
    private static let words = 5
    /// Blocks of the largest index that has a record.
    private static let mostBlocks = 1 << 26

    /// Nothing is known yet.
    package init(of subject: FileStamp, count: Int) {
        self.subject = subject
        self.count = count
        marks = [UInt8](repeating: 0, count: (count + 7) / 8)
    }

    /// Whether the block at a position was here; says nothing where its folder has another time now.
    /// - Precondition: `0..<count` contains `position`.
    package func contains(_ position: Int) -> Bool { marks[position >> 3] & 1 << UInt8(position & 7) != 0 }

    /// Notes that the block at a position is here.
    /// - Precondition: `0..<count` contains `position`.
    package mutating func insert(_ position: Int) { marks[position >> 3] |= 1 << UInt8(position & 7) }

    /// Bytes of the largest record of an index of so many blocks.
    static func longest(count: Int) -> Int {
        header.utf8.count + 8 * words + 16 * min(count, 1 << 8) + (count + 7) / 8
    }

    /// What is written: numbers of eight bytes, the lowest first, then the marks.
    var bytes: [UInt8] {
        var bytes = Array(PresenceRecord.header.utf8)
        bytes.reserveCapacity(bytes.count + 8 * (PresenceRecord.words + 2 * times.count) + marks.count)
        func append(_ word: UInt64) { withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) } }
        append(subject.inode)
        append(UInt64(subject.size))
        append(UInt64(bitPattern: subject.modified))
        append(UInt64(count))
        append(UInt64(times.count))
        for (place, time) in times {
            append(UInt64(place))
            append(UInt64(bitPattern: time))
        }
        return bytes + marks
    }

    /// Reads what ``bytes`` gives; nil when it is anything else.
    init?(bytes: [UInt8]) {
        let start = PresenceRecord.header.utf8.count
        guard bytes.starts(with: PresenceRecord.header.utf8), bytes.count >= start + 8 * PresenceRecord.words else {
            return nil
        }
        let words = bytes.withUnsafeBytes { bytes in
            (0..<(bytes.count - start) / 8).map {
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start + 8 * $0, as: UInt64.self))
            }
        }
        guard let size = Int(exactly: words[1]), let count = Int(exactly: words[3]), count <= PresenceRecord.mostBlocks,
            let folders = Int(exactly: words[4]), folders <= 1 << 8
        else { return nil }
        let end = start + 8 * (PresenceRecord.words + 2 * folders)
        guard bytes.count == end + (count + 7) / 8 else { return nil }
        var times: [UInt8: Int64] = [:]
        for folder in 0..<folders {
            let word = PresenceRecord.words + 2 * folder
            guard let place = UInt8(exactly: words[word]) else { return nil }
            times[place] = Int64(bitPattern: words[word + 1])
        }
        subject = FileStamp(inode: words[0], size: size, modified: Int64(bitPattern: words[2]))
        self.count = count
        self.times = times
        marks = Array(bytes[end...])
    }
}

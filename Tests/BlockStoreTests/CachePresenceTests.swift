import ContentAddress
import Linux
import TestSupport
import Testing

@testable import BlockStore

/// Records of what was seen in a cache, and the times by which they are believed.
@Suite struct CachePresenceTests {
    private let directory: TemporaryDirectory
    private let cache: BlockCache
    private let image = TestImage(count: 3, length: 4096)
    private let subject = FileStamp(inode: 0x1234, size: 99, modified: 1_700_000_000_123_456_789)

    init() throws {
        directory = try TemporaryDirectory()
        cache = BlockCache(directory: directory.path("cache"), limit: .bytes(1 << 30))
    }

    private var file: String { directory.path("cache/v1/presence/1234") }

    private func store(_ number: Int) throws {
        let bytes = image.blocks[number]
        cache.store(
            image.ids[number],
            try BlockBytes(length: bytes.count) { (buffer) throws(SystemCallError) in buffer.copyBytes(from: bytes) })
    }

    private func folder(_ number: Int) throws -> String {
        let id = image.ids[number].hex
        let names = try Folder.names(in: directory.path("cache/v1"))
        let name = try #require(names.first { [2, 4].contains($0.utf8.count) && id.hasPrefix($0) })
        return directory.path("cache/v1/\(name)")
    }

    /// As if nothing had come into a block's folder for a while.
    private func age(_ number: Int, seconds: Int = 1_600_000_000) throws {
        try Paths.setTimes(try folder(number), seconds: seconds)
    }

    private func change(_ number: Int) -> Int64? {
        cache.lastChange(ofPlace: BlockCache.place(of: image.ids[number]))
    }

    private func record() -> PresenceRecord {
        var record = PresenceRecord(of: subject, count: 20)
        record.times = [0: 0, 0xff: 1_700_000_000_000_000_001, 7: -3]
        for position in [0, 7, 8, 19] { record.insert(position) }
        return record
    }

    @Test func aRecordIsReadAsItWasWritten() throws {
        let record = record()
        let again = try #require(PresenceRecord(bytes: record.bytes))
        #expect(again == record)
        #expect((0..<20).filter(again.contains) == [0, 7, 8, 19])
    }

    @Test func aRecordThatIsCutOrLongerIsNone() {
        let bytes = record().bytes
        for count in 0..<bytes.count { #expect(PresenceRecord(bytes: Array(bytes.prefix(count))) == nil) }
        #expect(PresenceRecord(bytes: bytes + [0]) == nil)
        #expect(PresenceRecord(bytes: [UInt8](repeating: 0, count: bytes.count)) == nil)
    }

    @Test func noFlippedByteIsReadBeyondTheRecord() {
        let bytes = record().bytes
        for position in bytes.indices {
            for bit in 0..<8 {
                var other = bytes
                other[position] ^= 1 << UInt8(bit)
                // Whatever it says then, all its blocks can be asked for.
                guard let record = PresenceRecord(bytes: other) else { continue }
                _ = (0..<record.count).filter(record.contains)
                #expect(record.bytes.count == other.count)
            }
        }
    }

    @Test func aRecordIsOfOneStateOfOneIndex() throws {
        try store(0)
        cache.keep(record())
        #expect(cache.presence(of: subject, count: 20) == record())
        #expect(cache.presence(of: subject, count: 21) == nil)
        for other in [
            FileStamp(inode: 0x1234, size: 98, modified: subject.modified),
            FileStamp(inode: 0x1234, size: 99, modified: subject.modified + 1),
            FileStamp(inode: 0x1235, size: 99, modified: subject.modified),
        ] {
            #expect(cache.presence(of: other, count: 20) == nil)
        }
    }

    @Test func whatIsNoRecordIsNotRead() throws {
        try store(0)
        cache.keep(record())
        let good = try FileContents.read(file, limit: 1 << 20)
        for bytes in [[], Array("oscircular-presence 2\n".utf8), Array(good.dropLast()), good + good] {
            try AtomicFile.write(bytes, to: file)
            #expect(cache.presence(of: subject, count: 20) == nil)
        }
        // A link leads nowhere, and a folder is no file.
        try AtomicFile.write(good, to: directory.path("elsewhere"))
        try Folder.removeTree(file)
        try Paths.makeLink(file, to: directory.path("elsewhere"))
        #expect(cache.presence(of: subject, count: 20) == nil)
        try Folder.removeTree(file)
        try Folder.make(file)
        #expect(cache.presence(of: subject, count: 20) == nil)
    }

    @Test func withoutACacheThereAreNeitherRecordsNorTimes() {
        cache.keep(record())
        #expect(cache.presence(of: subject, count: 20) == nil)
        #expect(change(0) == nil)
        #expect(!Folder.isFolder(directory.path("cache")))
    }

    @Test func tooManyRecordsAllGo() throws {
        try store(0)
        cache.keep(record())
        for number in 0..<1000 { try AtomicFile.write([UInt8](), to: "\(file)-\(number)") }
        cache.keep(record())
        #expect(try Folder.names(in: directory.path("cache/v1/presence")) == ["1234"])
    }

    @Test func clearingTheCacheForgetsThem() throws {
        try store(0)
        cache.keep(record())
        try cache.clear()
        #expect(cache.presence(of: subject, count: 20) == nil)
    }

    @Test func aFolderHasATimeWhenItHasNotChangedForAWhile() throws {
        try store(0)
        #expect(change(0) == nil)
        try age(0)
        #expect(change(0) == 1_600_000_000_000_000_000)
        // One that is not there has not changed since it was not.
        if BlockCache.place(of: image.ids[1]) != BlockCache.place(of: image.ids[0]) { #expect(change(1) == 0) }
    }

    @Test(arguments: ["removed", "pruned", "damaged", "by hand", "stored"])
    func whateverComesOrGoesChangesTheTime(_ how: String) throws {
        for number in 0..<2 { try store(number) }
        for number in 0..<2 { try age(number) }
        switch how {
        case "removed": _ = try cache.remove([image.ids[0]])
        case "pruned": try cache.prune(to: 0)
        case "damaged":
            let path = "\(try folder(0))/\(image.ids[0].hex)"
            try AtomicFile.write([UInt8](repeating: 1, count: 4096), to: path)
            try age(0)
            #expect(try cache.verify().removed == 1)
        case "by hand": try Folder.removeTree("\(try folder(0))/\(image.ids[0].hex)")
        default:
            _ = try cache.remove([image.ids[0]])
            try age(0)
            try store(0)
        }
        #expect(change(0) == nil, "it has just changed")
        try Paths.setTimes(try folder(0), seconds: 1_600_000_001)
        #expect(change(0) != 1_600_000_000_000_000_000)
    }

    @Test func readingABlockDoesNotChangeItsFoldersTime() throws {
        try store(0)
        try age(0)
        let reader = BlockCache(directory: directory.path("cache"), limit: .bytes(1 << 30))
        #expect(reader.load(image.requests[0]) != nil)
        #expect(change(0) == 1_600_000_000_000_000_000)
    }
}

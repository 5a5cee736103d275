import ContentAddress
import Linux
import TestSupport
import Testing

@testable import BlockStore

/// What pieces were when they first came is what they stay, whoever asks, whatever happened to the file.
@Suite(.serialized) struct PieceLedgerTests {
    private let folder: TemporaryDirectory
    private let image: RangedImage

    init() throws {
        folder = try TemporaryDirectory()
        image = RangedImage(in: folder)
    }

    private func accept(_ ledger: PieceLedger, _ number: Int, _ bytes: [UInt8]? = nil) throws -> Bool {
        let (id, bytes) = (image.key.id(of: number), bytes ?? image.piece(number))
        return try bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in try ledger.accept(id, bytes) }
    }

    private func matches(_ ledger: PieceLedger, _ number: Int, _ bytes: [UInt8]? = nil) -> Bool {
        (bytes ?? image.piece(number)).withUnsafeBytes { ledger.matches(image.key.id(of: number), $0) }
    }

    private func wrong(_ number: Int) -> [UInt8] {
        var bytes = image.piece(number)
        bytes[bytes.count / 2] ^= 1
        return bytes
    }

    @Test func aPieceStaysWhatItWasAtFirst() throws {
        let ledger = try image.ledger()
        #expect(!matches(ledger, 2), "nobody has recorded it")
        #expect(try accept(ledger, 2))
        #expect(try accept(ledger, 2))
        #expect(matches(ledger, 2))
        #expect(try !accept(ledger, 2, wrong(2)))
        #expect(!matches(ledger, 2, wrong(2)))
        #expect(ledger.recordedCount == 1)
        #expect(ledger.digest(of: 2) == image.piece(2).withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) })
        #expect(ledger.digest(of: 3) == nil)
    }

    @Test func whatIsNoPieceOfTheFileIsRefused() throws {
        let ledger = try image.ledger()
        #expect(try !accept(ledger, 0, Array(image.piece(0).dropLast())))
        #expect(try !accept(ledger, image.count, image.piece(0)))
        let other = PieceKey(digest: "sha256:other")
        let stranger = try image.piece(0).withUnsafeBytes { (bytes) throws(SystemCallError) in
            try ledger.accept(other.id(of: 0), bytes)
        }
        #expect(!stranger)
        #expect(ledger.recordedCount == 0)
    }

    @Test func whoeverOpensItNextKnowsTheSame() throws {
        let first = try image.ledger(), second = try image.ledger()
        for number in 0..<image.count { #expect(try accept(first, number)) }
        #expect(second.isComplete)
        for number in 0..<image.count { #expect(try !accept(second, number, wrong(number))) }
        #expect(
            try !PieceLedger(
                path: image.ledgerPath, key: image.key, fileSize: UInt64(image.bytes.count), pieceLength: image.length
            ).isFinished)
        try first.finish()
        #expect(second.isFinished)
        #expect(try image.ledger().isFinished)
    }

    @Test func ofManyWhoBringDifferentBytesOneIsFirst() async throws {
        let image = image
        for number in 0..<image.count {
            let accepted = await withTaskGroup(of: Bool.self) { group in
                for version in 0..<12 {
                    group.addTask {
                        var bytes = image.piece(number)
                        bytes[0] ^= UInt8(version % 3)
                        // A ledger of its own, as another process has.
                        guard let ledger = try? image.ledger() else { return false }
                        let isAccepted = try? bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in
                            try ledger.accept(image.key.id(of: number), bytes)
                        }
                        return isAccepted ?? false
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            // Four bring the same.
            #expect(accepted == 4)
        }
    }

    @Test func aFileThatWasCutOffLosesWhatIsMissingAndNoMore() throws {
        let whole = try image.ledger()
        for number in 0..<image.count { #expect(try accept(whole, number)) }
        let bytes = try FileContents.read(image.ledgerPath, limit: 1 << 20)
        #expect(bytes.count == 64 + 32 * image.count)
        for length in 0...bytes.count {
            try AtomicFile.write(Array(bytes.prefix(length)), to: image.ledgerPath)
            let ledger = try image.ledger()
            let left = max(0, length - 64) / 32
            #expect(ledger.recordedCount == left, "\(length) bytes")
            for number in 0..<image.count {
                #expect(matches(ledger, number) == (number < left))
                // What is missing is recorded anew, and what is not stays.
                #expect(try accept(ledger, number))
            }
            #expect(ledger.isComplete)
        }
    }

    @Test func anotherFilesLedgerIsRefused() throws {
        _ = try image.ledger()
        #expect(throws: PieceLedgerError.otherFile(path: image.ledgerPath)) {
            try PieceLedger(
                path: image.ledgerPath, key: PieceKey(digest: "sha256:1"), fileSize: UInt64(image.bytes.count))
        }
        #expect(throws: PieceLedgerError.otherFile(path: image.ledgerPath)) {
            try PieceLedger(path: image.ledgerPath, key: image.key, fileSize: 1, pieceLength: image.length)
        }
        let text = try folder.write(Array(repeating: 65, count: 200), to: "text")
        #expect(throws: PieceLedgerError.otherFile(path: text)) {
            try PieceLedger(path: text, key: image.key, fileSize: UInt64(image.bytes.count), pieceLength: image.length)
        }
        #expect(try FileContents.read(text, limit: 300) == Array(repeating: 65, count: 200))
    }

    @Test func aLedgerThatWasRemovedIsBegunAnew() throws {
        let old = try image.ledger()
        #expect(try accept(old, 0))
        try old.remove()
        let new = try image.ledger()
        #expect(new.recordedCount == 0)
        #expect(try accept(new, 0, wrong(0)))
        #expect(matches(old, 0) && !matches(old, 0, wrong(0)))
    }

    @Test func whatOneFoundToBeWrongIsWrongForAllWhoReadIt() throws {
        let first = try image.ledger(), second = try image.ledger()
        #expect(try accept(first, 0))
        #expect(!second.isWrong)
        try first.condemn()
        #expect(first.isWrong && second.isWrong && !second.isFinished)
        #expect(try !accept(second, 0))
        #expect(try !accept(second, 1))
        #expect(!matches(second, 0))
        #expect(second.recordedCount == 1)
        // Nobody acquits it.
        #expect(try !second.finish())
        #expect(second.isWrong)
        // Who comes now begins anew, and whoever finds out late does not take that away.
        let new = try image.ledger()
        #expect(!new.isWrong && new.recordedCount == 0)
        #expect(try accept(new, 0))
        try second.condemn()
        try second.remove()
        #expect(!new.isWrong && matches(new, 0))
        #expect(matches(try image.ledger(), 0))
    }

    @Test func whoeverIsKilledBeforeItsNameIsGoneHasFoundItWrongAllTheSame() throws {
        let ledger = try image.ledger()
        #expect(try accept(ledger, 0))
        FileCalls.watch { [path = image.ledgerPath] call, called in
            call.hasPrefix("unlink") && called == path ? .error(5) : nil
        }
        #expect(throws: SystemCallError.self) { try ledger.condemn() }
        FileCalls.watch(nil)
        #expect(ledger.isWrong)
        #expect(try Paths.isThere(image.ledgerPath))
        #expect(try image.ledger().recordedCount == 0)
    }

    @Test func aFullDiskHandsOutNothing() throws {
        let ledger = try image.ledger()
        FileCalls.watch { [path = folder.path] call, called in
            call == "pwrite" && called.hasPrefix(path) ? .error(28) : nil
        }
        defer { FileCalls.watch(nil) }
        #expect(throws: SystemCallError.self) { try accept(ledger, 0) }
        FileCalls.watch(nil)
        #expect(ledger.recordedCount == 0)
        #expect(try accept(ledger, 0))
        // Nor is a ledger made that would find out later.
        FileCalls.watch { [path = folder.path] call, called in
            call == "pwrite" && called.hasPrefix(path) ? .error(28) : nil
        }
        #expect(throws: PieceLedgerError.self) {
            try PieceLedger(path: folder.path("new"), key: image.key, fileSize: 1 << 30)
        }
    }

    @Test func whereverItIsKilledItIsUsableAndTruthful() async throws {
        // Every call that changes the file, and all after it, do not happen.
        for fatal in 0..<20 {
            let path = folder.path("killed-\(fatal)")
            let calls = Counter()
            FileCalls.watch { call, called in
                guard called.hasPrefix(path), ["pwrite", "ftruncate", "write"].contains(call) else { return nil }
                return calls.next() >= fatal ? .error(5) : nil
            }
            let ledger = try? PieceLedger(
                path: path, key: image.key, fileSize: UInt64(image.bytes.count), pieceLength: image.length)
            // What cannot be recorded is not accepted, which is all that is asked here.
            let accepted = (0..<image.count).map { number in ledger.flatMap { try? accept($0, number) } ?? false }
            FileCalls.watch(nil)
            let again = try PieceLedger(
                path: path, key: image.key, fileSize: UInt64(image.bytes.count), pieceLength: image.length)
            for number in 0..<image.count { #expect(matches(again, number) == accepted[number], "\(fatal) \(number)") }
        }
    }

    @Test func keysSayWhichPieceAnIDIs() {
        let key = PieceKey(digest: "sha256:abc"), other = PieceKey(digest: "sha256:abd")
        #expect(key.piece(of: key.id(of: 0)) == 0)
        #expect(key.piece(of: key.id(of: 1_000_000)) == 1_000_000)
        #expect(key.piece(of: other.id(of: 0)) == nil)
        #expect(key.hex.count == 48 && key.id(of: 1).hex == key.hex + "0000000000000001")
        #expect(PieceKey(url: "a", size: 1, time: "b") != PieceKey(url: "a", size: 1, time: "c"))
    }

    @Test func theCacheKeepsAndVerifiesPiecesByTheirLedger() async throws {
        let ledgers = LedgerFolder(path: try folder.makeFolder("ledgers"))
        let ledger = try PieceLedger(
            path: ledgers.path(of: image.key), key: image.key, fileSize: UInt64(image.bytes.count),
            pieceLength: image.length)
        let place = folder.path("cache")
        let memory = InMemoryBlockStore([:])
        let cache = BlockCache(directory: place, limit: .bytes(1 << 30), ledgers: ledgers)
        for number in 0..<4 {
            #expect(try accept(ledger, number))
            let bytes = image.piece(number)
            cache.store(image.key.id(of: number), BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) })
        }
        // One that no ledger knows, and one that was damaged.
        let stray = image.piece(5)
        cache.store(image.key.id(of: 5), BlockBytes(length: stray.count) { $0.copyBytes(from: stray) })
        try AtomicFile.write(wrong(3), to: "\(place)/v1/\(image.key.id(of: 3).cachePath)")
        let other = BlockCache(directory: place, limit: .bytes(1 << 30), ledgers: ledgers)
        let store = CachingBlockStore(cache: other, upstream: memory)
        #expect(try await store.block(image.request(0, ledger)).bytes == image.piece(0))
        #expect(await store.failure(image.request(3, ledger))?.isMissing == true)
        #expect(await store.failure(image.request(5, ledger))?.isMissing == true)
        #expect(other.repaired == 2)
        let again = try cache.verify()
        #expect(again.checked == 3 && again.removed == 0)
        // Without its ledger nobody can say what a piece is.
        try ledger.remove()
        #expect(try cache.verify().removed == 3)
    }

    /// The cache's file of a piece.
    private func file(_ number: Int, _ key: PieceKey? = nil) -> String {
        folder.path("cache/v1/\((key ?? image.key).id(of: number).cachePath)")
    }

    @Test func aPieceIsComparedEachTimeItIsLoadedWhole() throws {
        let ledger = try image.ledger()
        let cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        for number in 0..<2 {
            let bytes = image.piece(number)
            #expect(try accept(ledger, number))
            cache.store(image.key.id(of: number), BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) })
            #expect(cache.load(image.request(number, ledger)) != nil)
        }
        // In place, so that the open file has it, too.
        let disk = try FileHandle(file(1), for: .writing)
        try [UInt8(image.piece(1)[9] ^ 1)].withBytes { (bytes) throws(SystemCallError) in
            try disk.write(bytes, at: 9)
        }
        #expect(cache.load(image.request(1, ledger)) == nil)
        #expect(cache.repaired == 1 && !cache.contains(image.key.id(of: 1)))
        #expect(cache.load(image.request(0, ledger)) != nil)
    }

    @Test func aPieceThatIsOpenedAgainIsComparedAgain() throws {
        // As many that share a place among the open files that the first of them is closed.
        let (length, each, count) = (16, 64, 70)
        let key = PieceKey(digest: "sha256:many")
        let ledger = try PieceLedger(
            path: folder.path("many"), key: key, fileSize: UInt64(length * each * count), pieceLength: length)
        let cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30))
        func read(_ number: Int) -> [UInt8]? {
            let request = BlockRequest(id: key.id(of: number), length: length, algorithm: .sha256, ledger: ledger)
            var bytes = [UInt8](repeating: 0, count: length)
            return bytes.withUnsafeMutableBytes { cache.read(request, at: 0, into: $0) } ? bytes : nil
        }
        for number in stride(from: 0, to: each * count, by: each) {
            #expect(OpenBlocks.shard(of: key.id(of: number)) == OpenBlocks.shard(of: key.id(of: 0)))
            let bytes = [UInt8](repeating: UInt8(number / each), count: length)
            let isAccepted = try bytes.withUnsafeBytes { (bytes) throws(SystemCallError) in
                try ledger.accept(key.id(of: number), bytes)
            }
            #expect(isAccepted)
            cache.store(key.id(of: number), BlockBytes(length: length) { $0.copyBytes(from: bytes) })
            #expect(read(number) == bytes)
        }
        try AtomicFile.write([UInt8](repeating: 255, count: length), to: file(0, key))
        #expect(read(0) == nil)
        #expect(read(each) == [UInt8](repeating: 1, count: length))
    }

    @Test func piecesOfOneFileDoNotMeetAtOneLock() {
        #expect(Set((0..<64).map { OpenBlocks.shard(of: image.key.id(of: $0)) }).count == 64)
        #expect(Set((0..<64).map { CachingBlockStore.shard(of: image.key.id(of: $0)) }).count == 64)
    }

    @Test(arguments: [UInt64(0), 1 << 62, (1 << 40) + 1, .max])
    func aFileThatNobodyHasIsRefused(_ size: UInt64) {
        #expect(throws: PieceLedgerError.unusable(path: image.ledgerPath, fileSize: size)) {
            try PieceLedger(path: image.ledgerPath, key: image.key, fileSize: size)
        }
    }

    @Test func piecesOfAnUnfinishedFileAreEvictedLast() throws {
        let ledgers = LedgerFolder(path: try folder.makeFolder("ledgers"))
        let cache = BlockCache(directory: folder.path("cache"), limit: .bytes(1 << 30), ledgers: ledgers)
        let ordinary = TestImage(count: 4, length: image.length)
        let ledger = try PieceLedger(
            path: ledgers.path(of: image.key), key: image.key, fileSize: UInt64(image.bytes.count),
            pieceLength: image.length)
        for number in 0..<4 {
            let bytes = image.piece(number)
            #expect(try accept(ledger, number))
            cache.store(image.key.id(of: number), BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) })
        }
        // Younger, and yet the first to go.
        for (id, bytes) in zip(ordinary.ids, ordinary.blocks) {
            cache.store(id, BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) })
        }
        for number in 0..<4 {
            try Paths.setTimes(file(number), seconds: 1000)
        }
        try cache.prune(to: 4 * image.length)
        #expect((0..<4).allSatisfy { cache.contains(image.key.id(of: $0)) })
        #expect(!ordinary.ids.contains { cache.contains($0) })
        // Once it is whole and right it is like any other; and so is one that nobody has wanted for weeks.
        for (id, bytes) in zip(ordinary.ids, ordinary.blocks) {
            cache.store(id, BlockBytes(length: bytes.count) { $0.copyBytes(from: bytes) })
        }
        try ledger.finish()
        try cache.prune(to: 4 * image.length)
        #expect(!(0..<4).contains { cache.contains(image.key.id(of: $0)) })
    }
}

private final class Counter: Sendable {
    private let recorder = Recorder<Int>()

    func next() -> Int {
        recorder.append(0)
        return recorder.elements.count - 1
    }
}

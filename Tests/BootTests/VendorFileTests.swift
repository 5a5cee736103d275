import BlockStore
import ContentAddress
import Curl
import ImageIndex
import ImageMount
import Linux
import NetworkProxy
import Synchronization
import TestSupport
import Testing

@testable import Boot

/// A vendor's file streamed from real servers, several or one, and all that befalls it on the way.
@Suite(.serialized, .timeLimit(.minutes(3))) struct VendorFileTests {
    private let folder: TemporaryDirectory
    private let file: VendorFile
    private let server: RangedServer

    init() throws {
        folder = try TemporaryDirectory()
        file = try VendorFile(pieces: 24, in: folder)
        server = try RangedServer()
        server.put("disk.img", .init(file.bytes))
    }

    private var url: String { server.url("disk.img") }

    private func readAll(_ stores: BlockStores, _ ledger: PieceLedger?) async throws {
        for number in 0..<file.index.count {
            #expect(try await stores.caching.block(file.request(number, ledger)).count == file.piece(number).count)
        }
    }

    private func bytes(_ stores: BlockStores, _ number: Int, _ ledger: PieceLedger?) async throws -> [UInt8] {
        try await stores.caching.block(file.request(number, ledger)).withUnsafeBytes { Array($0) }
    }

    // MARK: Budget

    @Test func theFirstReadTakesOneRoundTripAndTheSecondBootNone() async throws {
        let transfers = TransferQueue()
        let answer = try await RangeProbe.ask(
            TransferPlace(url), size: nil, isVerified: false, transfers: transfers)
        let ledger = try file.ledger(), cache = file.cache()
        let stores = try file.stores([url], cache, ledger, pinned: answer.place.pinned)
        defer { stores.close() }
        try await stores.keep(head: answer.head, of: file.index, place: url)
        // What says how a qcow2 is laid out, and its first table.
        let reader = ImageReader(index: file.index, store: stores.caching, ledger: ledger)
        #expect(try await reader.read(offset: 0, length: 327_680) == Array(file.bytes.prefix(327_680)))
        #expect(server.requests.count == 1)
        #expect(try await bytes(stores, 7, ledger) == file.piece(7))
        await stores.caching.settle()
        let asked = server.requests.count
        let again = try file.stores([url], file.cache(), try file.ledger())
        defer { again.close() }
        for number in [0, 1, 7] { #expect(try await bytes(again, number, try file.ledger()) == file.piece(number)) }
        #expect(server.requests.count == asked)
    }

    @Test func whatABootTouchesComesInFewRequestsAndNothingElse() async throws {
        let big = try VendorFile(pieces: 96, seed: 5, in: folder)
        server.put("big.img", .init(big.bytes))
        let line = try NetworkProxy(
            server: Int(server.name.split(separator: ":")[1]) ?? 0, shape: NetworkShape(roundTrip: 0.05, rate: 50e6))
        let ledger = try big.ledger()
        let stores = try big.stores(["\(line.url)big.img"], big.cache(), ledger)
        defer { stores.close() }
        // Runs of pieces, as a start reads a compressed image, out of order between them.
        let touched = [0..<2, 40..<52, 8..<15, 70..<73, 20..<26, 90..<94, 60..<64].flatMap { Array($0) }
        let states = BlockStates(count: big.index.count)
        let blocks = try touched.map { try big.index.block(at: $0) }
        let begin = ContinuousClock.now
        await stores.prefetch(of: big.index, states).bootSet(blocks, parallel: 32) {}
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let bytes = touched.count * VendorFile.piece
        #expect(states.hereCount == touched.count)
        #expect(Double(line.statistics.bytesDown) <= 1.1 * Double(bytes), "\(line.statistics.bytesDown) for \(bytes)")
        #expect(Double(server.requests.count) <= 1.2 * Double(bytes) / 524_288, "\(server.requests.count) requests")
        // The line itself needs so long.
        let least = Double(bytes) * 8 / 50e6
        #expect(seconds < 1.6 * least + 0.3, "\(seconds) s where the line needs \(least)")
        print("boot set: \(server.requests.count) requests, \(seconds) s, the line needs \(least) s")
    }

    @Test func theFillIsAFewLongRequestsAndEndsWhole() async throws {
        let ledger = try file.ledger(), cache = file.cache()
        let stores = try file.stores([url], cache, ledger)
        defer { stores.close() }
        let states = BlockStates(count: file.index.count)
        _ = try await bytes(stores, 3, ledger)
        let prefetch = stores.prefetch(of: file.index, states)
        await prefetch.rest()
        await stores.caching.settle()
        let whole = WholeFile(index: file.index, cache: cache, ledger: ledger)
        #expect(try await onThread { try whole.missing().isEmpty })
        #expect(server.requests.count <= 1 + file.index.count / 3, "\(server.requests.count) requests")
        #expect(server.bodyBytes == file.bytes.count)
        #expect(try await onThread { try whole.verdict(on: [file.sha512, file.sha256]) } == .right)
        // A signature may still be wanting: who has compared all says so.
        #expect(!whole.isFinished)
        #expect(try whole.finish())
        #expect(whole.isFinished && ledger.isFinished)
    }

    @Test func theFillRestsWhileTheGuestWaits() async throws {
        let ledger = try file.ledger()
        let stores = try file.stores([url], file.cache(), ledger)
        defer { stores.close() }
        let states = BlockStates(count: file.index.count)
        let prefetch = stores.prefetch(of: file.index, states)
        states.missed()
        let fill = Task { await prefetch.rest() }
        for _ in 0..<10 {
            states.missed()
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(server.requests.isEmpty)
        await fill.value
        #expect(ledger.isComplete)
    }

    // MARK: The whole

    @Test func theWholeIsJudgedByWhatWasRead() async throws {
        let ledger = try file.ledger(), cache = file.cache()
        let whole = WholeFile(index: file.index, cache: cache, ledger: ledger)
        #expect(try await onThread { try whole.verdict(on: [file.sha256]) } == .incomplete(pieces: file.index.count))
        let stores = try file.stores([url], cache, ledger)
        defer { stores.close() }
        try await readAll(stores, ledger)
        await stores.caching.settle()
        #expect(try await onThread { try whole.verdict(on: []) } == .unknown)
        let otherSum = "sha256:" + String(repeating: "0", count: 64)
        let verdict = try await onThread { try whole.verdict(on: [file.sha512, otherSum]) }
        #expect(verdict == .wrong(expected: otherSum, actual: file.sha256))
        #expect(!whole.isFinished)
        #expect(try await onThread { try whole.verdict(on: [file.sha256]) { _ in false } } == .cancelled)
        // Away with it: nothing of it is ever handed out again.
        let other = WholeFile(index: file.index, cache: cache, ledger: try file.ledger())
        #expect(try await onThread { try whole.throwAway() } == file.bytes.count)
        #expect(other.isWrong)
        #expect(try !other.finish())
        #expect(try await onThread { try cache.status().blocks } == 0)
        let asked = server.requests.count
        let again = try file.stores([url], file.cache(), try file.ledger())
        defer { again.close() }
        #expect(try await bytes(again, 0, try file.ledger()) == file.piece(0))
        #expect(server.requests.count == asked + 1)
    }

    @Test func aFileThatWasWrongAtTheEndComesRightFromAnotherServer() async throws {
        var wrong = file.bytes
        wrong[1_000_000] ^= 1
        let liar = try RangedServer()
        liar.put("disk.img", .init(wrong))
        let cache = file.cache()
        var ledger = try file.ledger()
        var stores = try file.stores([liar.url("disk.img")], cache, ledger)
        try await readAll(stores, ledger)
        await stores.caching.settle()
        stores.close()
        let whole = WholeFile(index: file.index, cache: cache, ledger: ledger)
        guard case .wrong = try await onThread({ try whole.verdict(on: [file.sha256]) }) else {
            Issue.record("not seen")
            return
        }
        _ = try await onThread { try whole.throwAway() }
        ledger = try file.ledger()
        stores = try file.stores([url], cache, ledger)
        defer { stores.close() }
        try await readAll(stores, ledger)
        await stores.caching.settle()
        let now = WholeFile(index: file.index, cache: cache, ledger: ledger)
        #expect(try await onThread { try now.verdict(on: [file.sha256]) } == .right)
    }

    @Test func aPieceWhoseRecordIsLostIsFetchedAgain() async throws {
        let ledger = try file.ledger(), cache = file.cache()
        let stores = try file.stores([url], cache, ledger)
        try await readAll(stores, ledger)
        await stores.caching.settle()
        stores.close()
        let path = file.ledgers.path(of: file.key)
        try AtomicFile.write(Array(try FileContents.read(path, limit: 1 << 20).dropLast(3 * 32 + 5)), to: path)
        let cut = try file.ledger()
        let whole = WholeFile(index: file.index, cache: file.cache(), ledger: cut)
        #expect(try await onThread { try whole.missing().map(\.position) } == [20, 21, 22, 23])
        let again = try file.stores([url], file.cache(), cut)
        defer { again.close() }
        await again.prefetch(of: file.index, BlockStates(count: file.index.count)).rest()
        await again.caching.settle()
        #expect(try await onThread { try whole.verdict(on: [file.sha256]) } == .right)
    }

    // MARK: Several places

    @Test func aServerWithoutRangesIsPassedOver() async throws {
        let whole = try RangedServer()
        whole.put("disk.img", .init(file.bytes))
        whole.handle { _, file in .init(200, body: file?.bytes ?? []) }
        let ledger = try file.ledger()
        let stores = try file.stores([whole.url("disk.img"), url], file.cache(), ledger)
        defer { stores.close() }
        for number in 0..<file.index.count { #expect(try await bytes(stores, number, ledger) == file.piece(number)) }
        #expect(whole.requests.count <= 2)
        #expect(whole.bodyBytes < 2 * file.bytes.count)
    }

    @Test func aFileThatChangesInTheMiddleIsNeverMixed() async throws {
        let other = try VendorFile(pieces: 24, seed: 2, in: folder)
        let (ledger, cache) = (try file.ledger(), file.cache())
        let faults = Recorder()
        let pinned = PinnedURL(url: url, reach: .written, entityTag: "\"a\"")
        let stores = try file.stores([url], cache, ledger, pinned: pinned) { faults.append($0) }
        for number in 0..<10 { #expect(try await bytes(stores, number, ledger) == file.piece(number)) }
        server.put("disk.img", .init(other.bytes, entityTag: "\"new\""))
        for number in 10..<14 {
            await #expect(throws: BlockStoreError.self) { try await bytes(stores, number, ledger) }
        }
        #expect(faults.texts.contains { $0.contains("changed") })
        for number in 0..<10 { #expect(try await bytes(stores, number, ledger) == file.piece(number)) }
        await stores.caching.settle()
        stores.close()
        #expect(ledger.recordedCount == 10)
        // A place that still has the old one takes over.
        let mirror = try RangedServer()
        mirror.put("disk.img", .init(file.bytes, entityTag: "\"its own\""))
        let both = try file.stores([url, mirror.url("disk.img")], file.cache(), ledger, pinned: pinned)
        for number in 0..<file.index.count { #expect(try await bytes(both, number, ledger) == file.piece(number)) }
        await both.caching.settle()
        both.close()
        // And once it is whole nobody need be asked.
        server.stop()
        mirror.stop()
        let alone = try file.stores([url], file.cache(), ledger)
        defer { alone.close() }
        for number in 0..<file.index.count { #expect(try await bytes(alone, number, ledger) == file.piece(number)) }
    }

    @Test func aFileThatIsDeletedIsWaitedForAndSaidToBeGone() async throws {
        let ledger = try file.ledger()
        let faults = Recorder()
        let stores = try file.stores([url], file.cache(), ledger, policy: .patient) { faults.append($0) }
        defer { stores.close() }
        for number in 0..<10 { _ = try await bytes(stores, number, ledger) }
        server.put("disk.img", nil)
        let waiting = Task { try await bytes(stores, 12, ledger) }
        #expect(await eventually { faults.isMissing })
        let asked = server.requests.count
        try await Task.sleep(for: .seconds(2))
        // Not again and again.
        #expect(server.requests.count <= asked + 4, "\(server.requests.count - asked) more")
        #expect(try await bytes(stores, 3, ledger) == file.piece(3))
        server.put("disk.img", .init(file.bytes))
        #expect(try await waiting.value == file.piece(12))
    }

    @Test func aFileThatIsDeletedComesFromAnotherPlace() async throws {
        let mirror = try RangedServer()
        mirror.put("disk.img", .init(file.bytes, entityTag: "\"b\""))
        let ledger = try file.ledger()
        let stores = try file.stores([url, mirror.url("disk.img")], file.cache(), ledger, policy: .patient)
        defer { stores.close() }
        for number in 0..<10 { _ = try await bytes(stores, number, ledger) }
        server.put("disk.img", nil)
        for number in 10..<file.index.count { #expect(try await bytes(stores, number, ledger) == file.piece(number)) }
        #expect(ledger.isComplete)
    }

    @Test func aFlippedBitNeverArrivesWhereEachPieceIsSigned() async throws {
        // As a signed torrent has them.
        var digests: [UInt8] = []
        for number in 0..<file.index.count {
            let id = file.piece(number).withUnsafeBytes { DigestAlgorithm.sha1.blockID(of: $0) }
            digests += id.withUnsafeBytes { Array($0.prefix(20)) }
        }
        let path = folder.path("pieces.idx")
        try LBCASIndexWriter.write(
            sha1: digests, pieceLength: VendorFile.piece, fileSize: UInt64(file.bytes.count), to: path)
        let index = try ImageIndex(path: path)
        #expect(index.algorithm == .sha1 && index.fixedBlockSize == VendorFile.piece)
        let bad = try RangedServer()
        var wrong = file.bytes
        wrong[5 * VendorFile.piece + 9] ^= 4
        bad.put("disk.img", .init(wrong))
        let faults = Recorder()
        let stores = try BlockStores(
            file: RangedFile(
                size: UInt64(file.bytes.count),
                places: [bad.url("disk.img"), url].map { RangedPlace(TransferPlace($0)) }),
            index: index, ledger: nil, cache: file.cache(), transfers: TransferQueue(), policy: .rounds(2)
        ) { faults.append($0) }
        defer { stores.close() }
        let begin = ContinuousClock.now
        let reader = ImageReader(index: index, store: stores.caching)
        #expect(try await reader.read(offset: 0, length: file.bytes.count) == file.bytes)
        #expect(ContinuousClock.now - begin < .seconds(5))
        #expect(
            faults.texts.contains { $0.contains("damaged") }
                || bad.requests.allSatisfy { request in
                    request.range.map { !$0.contains(5 * VendorFile.piece + 9) } ?? true
                })
        #expect(throws: ImageIndexError.self) {
            try LBCASIndexWriter.write(
                sha1: Array(digests.dropLast()), pieceLength: VendorFile.piece, fileSize: UInt64(file.bytes.count),
                to: path)
        }
    }

    // MARK: Several processes, and bad disks

    @Test func twoSessionsOfOneFileNeverReadDifferentBytes() async throws {
        // One server, two minds: each session has its own connection to the ledger and the cache, as two processes have.
        let other = try VendorFile(pieces: 24, seed: 2, in: folder)
        let second = try RangedServer()
        second.put("disk.img", .init(other.bytes))
        let file = file
        let seen = try await withThrowingTaskGroup(of: [Int: [UInt8]].self) { group in
            for place in [url, second.url("disk.img"), url] {
                let (ledger, cache) = (try file.ledger(), file.cache())
                let stores = try file.stores([place], cache, ledger, policy: .rounds(1))
                group.addTask {
                    defer { stores.close() }
                    var own: [Int: [UInt8]] = [:]
                    for number in (0..<file.index.count).shuffled() {
                        let request = file.request(number, ledger)
                        // Whoever comes second with other bytes gets none.
                        guard let block = try? await stores.caching.block(request) else { continue }
                        own[number] = block.withUnsafeBytes { Array($0) }
                    }
                    await stores.caching.settle()
                    return own
                }
            }
            return try await group.reduce(into: [[Int: [UInt8]]]()) { $0.append($1) }
        }
        for number in 0..<file.index.count { #expect(Set(seen.compactMap { $0[number] }).count == 1) }
    }

    @Test func aFullDiskCostsNothingButTime() async throws {
        let (cache, ledger) = (file.cache(), try file.ledger())
        let stores = try file.stores([url], cache, ledger)
        defer { stores.close() }
        // The ledger has its place; the cache has none.
        FileCalls.watch { [path = file.cachePath] call, called in
            call == "write" && called.hasPrefix(path) ? .error(28) : nil
        }
        defer { FileCalls.watch(nil) }
        for number in 0..<6 { #expect(try await bytes(stores, number, ledger) == file.piece(number)) }
        await stores.caching.settle()
        #expect(ledger.recordedCount == 6)
        let whole = WholeFile(index: file.index, cache: cache, ledger: ledger)
        #expect(try await onThread { try whole.verdict(on: [file.sha256]) } == .incomplete(pieces: file.index.count))
    }

    private func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await WorkerThread.run(name: "test") { try body() }
    }
}

/// Failures of places, in order.
private final class Recorder: Sendable {
    private let state = Mutex<[BlockStoreError]>([])

    func append(_ error: BlockStoreError) { state.withLock { $0.append(error) } }
    var texts: [String] { state.withLock { $0.map { "\($0)" } } }
    var isMissing: Bool { state.withLock { $0.contains { if case .missing = $0 { true } else { false } } } }
}

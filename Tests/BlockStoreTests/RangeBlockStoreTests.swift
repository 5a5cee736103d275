import BlockStore
import ContentAddress
import Curl
import Linux
import Synchronization
import TestSupport
import Testing

/// What one server of a vendor's file can do wrong, and what becomes of it.
@Suite(.timeLimit(.minutes(2))) struct RangeBlockStoreTests {
    private let folder: TemporaryDirectory
    private let server: RangedServer
    private let image: RangedImage
    private let ledger: PieceLedger
    private let store: RangeBlockStore

    init() throws {
        folder = try TemporaryDirectory()
        image = RangedImage(in: folder)
        server = try RangedServer()
        server.put("disk.img", .init(image.bytes))
        ledger = try image.ledger()
        store = image.store(server.url("disk.img"), isOnly: false)
    }

    /// Fetches pieces at the same moment.
    private func together(
        _ numbers: some Sequence<Int>, _ store: RangeBlockStore, _ priority: BlockRequest.Priority = .demand
    ) async -> [Int: Result<BlockBytes, BlockStoreError>] {
        await withCheckedContinuation { continuation in
            let numbers = Array(numbers)
            let results = Mutex<[Int: Result<BlockBytes, BlockStoreError>]>([:])
            for number in numbers {
                store.fetch(image.request(number, ledger, priority)) { result in
                    let all = results.withLock { results in
                        results[number] = result
                        return results.count == numbers.count ? results : nil
                    }
                    if let all { continuation.resume(returning: all) }
                }
            }
        }
    }

    @Test func givesEveryPieceAndAsksForNeighboursTogether() async throws {
        for (number, result) in await together(0..<image.count, store) {
            #expect(try result.get().bytes == image.piece(number))
        }
        #expect(ledger.isComplete)
        #expect(server.requests.count == 1)
        let request = try #require(server.requests.first)
        #expect(request.range == 0...(image.bytes.count - 1))
        #expect(request.fields["accept-encoding"] == "identity")
        #expect(request.fields["user-agent"]?.hasPrefix("oscircular") == true)
        #expect(request.fields["if-range"] == nil)
        #expect(server.bodyBytes == image.bytes.count)
        // Now that it is known, its tag goes along.
        #expect(try await store.block(image.request(3, ledger)).bytes == image.piece(3))
        #expect(server.requests.last?.fields["if-range"] == "\"a\"")
    }

    @Test func onlyTheGapsAreLeftOut() async throws {
        _ = try await store.block(image.request(0, ledger))
        for (number, result) in await together([1, 2, 4, 7], store) {
            #expect(try result.get().bytes == image.piece(number))
        }
        let ranges = Set(server.requests.dropFirst().map { $0.range?.lowerBound })
        #expect(ranges == [image.length, 4 * image.length, 7 * image.length])
    }

    @Test func aPieceIsHandedOutBeforeThoseBehindItHaveCome() async throws {
        // The answer breaks off in its last piece.
        let image = image
        server.handle { request, file in
            var reply = RangedServer.usual(request, file)
            reply.announced = reply.body.count
            reply.body.removeLast(10)
            return reply
        }
        let results = await together(0..<image.count, store)
        for number in 0..<(image.count - 1) { #expect(try results[number]?.get().bytes == image.piece(number)) }
        #expect(results[image.count - 1].flatMap { try? $0.get() } == nil)
    }

    // MARK: Liars

    @Test func aServerWithoutRangesIsLeftAloneAndItsFileIsNotRead() async throws {
        server.put("disk.img", .init([UInt8](repeating: 7, count: 64 << 20)))
        server.handle { request, file in .init(200, ["Accept-Ranges: none"], body: file?.bytes ?? []) }
        for _ in 0..<3 { #expect(await store.failure(image.request(0, ledger))?.fault == .noRanges) }
        #expect(server.requests.count == 1)
        #expect(server.bodyBytes < 8 << 20, "\(server.bodyBytes) bytes")
        #expect(ledger.recordedCount == 0)
    }

    @Test func noLieReachesAnybody() async throws {
        typealias Lie = (String, @Sendable (RangedServer.Request, RangedServer.File?) -> FaultyHTTPServer.Reply?)
        let image = image
        func changed(_ name: String, _ change: @escaping @Sendable (inout FaultyHTTPServer.Reply) -> Void) -> Lie {
            (
                name,
                { request, file in
                    var reply = RangedServer.usual(request, file)
                    change(&reply)
                    return reply
                }
            )
        }
        let lies: [Lie] = [
            changed("another part") {
                $0.fields = ["Content-Range: bytes 0-\($0.body.count - 1)/\(image.bytes.count)"]
            },
            changed("no content range") { $0.fields = [] },
            changed("two content ranges") { $0.fields.append("Content-Range: bytes 0-1/\(image.bytes.count)") },
            changed("several parts") { $0.fields = ["Content-Type: multipart/byteranges; boundary=x"] },
            changed("compressed") { $0.fields.append("Content-Encoding: gzip") },
            changed("a short body") { $0.body.removeLast() },
            changed("a long body") { $0.body.append(1) },
            changed("a body that breaks off") {
                $0.announced = $0.body.count
                $0.body.removeLast(20)
            },
            changed("nothing") { $0.body = [] },
            ("a page", { _, _ in .init(200, ["Content-Type: text/html"], body: Array("<html>Log in</html>".utf8)) }),
            ("no content", { _, _ in .init(204) }),
            ("not modified", { _, _ in .init(304) }),
        ]
        for (name, lie) in lies {
            let store = image.store(server.url("disk.img"), isOnly: false)
            server.handle(lie)
            let failure = await store.failure(image.request(2, ledger))
            #expect(failure?.isUnreachable == true, "\(name): \(String(describing: failure))")
            #expect(ledger.recordedCount == 0, "\(name)")
        }
    }

    @Test func bytesOfTheBeginningInPlaceOfAllOthersAreFoundOutBySignedDigests() async throws {
        // The head is right, and so nothing but the bytes says so.
        server.handle { request, file in
            var reply = RangedServer.usual(request, file)
            reply.body = Array(file?.bytes.prefix(reply.body.count) ?? [])
            return reply
        }
        let ids = (0..<image.count).map { number in
            image.piece(number).withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) }
        }
        let places = PiecePlaces(
            Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, UInt64($0 * image.length)) }))
        let store = RangeBlockStore(
            RangedPlace(TransferPlace(server.url("disk.img"))), size: UInt64(image.bytes.count), pieces: places,
            isVerified: true, isOnly: true, queue: TransferQueue())
        let request = BlockRequest(id: ids[3], length: image.length, algorithm: .sha256)
        #expect(await store.failure(request)?.isCorrupt == true)
        server.handle(nil)
        #expect(try await store.block(request).bytes == image.piece(3))
    }

    @Test func whoseHEADIsRefusedIsNeverAskedByIt() async throws {
        _ = try await store.block(image.request(0, ledger))
        #expect(server.requests.allSatisfy { $0.range != nil })
    }

    // MARK: Files that change

    @Test func aFileThatWasReplacedGivesNothingMore() async throws {
        _ = try await store.block(image.request(0, ledger))
        let other = RangedImage(seed: 2, in: folder)
        server.put("disk.img", .init(other.bytes, entityTag: "\"b\""))
        for number in 1..<4 {
            let fault = await store.failure(image.request(number, ledger))?.fault
            if case .changed = fault {} else { Issue.record("\(String(describing: fault))") }
        }
        // It is not asked again, not even when the old file is back.
        let asked = server.requests.count
        server.put("disk.img", .init(image.bytes))
        #expect(await store.failure(image.request(1, ledger)) != nil)
        #expect(server.requests.count == asked)
        #expect(ledger.recordedCount == 1)
    }

    @Test func aFileOfAnotherLengthIsAnother() async throws {
        server.put("disk.img", .init(image.bytes + [1], entityTag: nil))
        if case .changed = await store.failure(image.request(0, ledger))?.fault {} else { Issue.record("not seen") }
        #expect(ledger.recordedCount == 0)
    }

    @Test func aFileThatOnlyItsTimeTellsIsSeenToo() async throws {
        server.put("disk.img", .init(image.bytes, entityTag: nil, lastModified: "Mon, 01 Sep 2026 00:00:00 GMT"))
        _ = try await store.block(image.request(0, ledger))
        server.put("disk.img", .init(image.bytes, entityTag: nil, lastModified: "Tue, 02 Sep 2026 00:00:00 GMT"))
        if case .changed = await store.failure(image.request(1, ledger))?.fault {} else { Issue.record("not seen") }
    }

    @Test func otherBytesUnderTheSameTagNeverReplaceWhatWasRead() async throws {
        _ = try await store.block(image.request(0, ledger))
        let other = RangedImage(seed: 2, in: folder)
        server.put("disk.img", .init(other.bytes))
        #expect(await store.failure(image.request(0, ledger))?.isCorrupt == true)
    }

    @Test func whatWasPinnedInAnEarlierSessionStillCounts() async throws {
        let pinned = PinnedURL(url: server.url("disk.img"), reach: .written, entityTag: "\"of yesterday\"")
        let store = image.store(server.url("disk.img"), isOnly: false, pinned: pinned)
        if case .changed = await store.failure(image.request(0, ledger))?.fault {} else { Issue.record("not seen") }
        #expect(server.bodyBytes < image.length * 2 || server.requests.count == 1)
        #expect(ledger.recordedCount == 0)
    }

    // MARK: Redirects

    private func redirecting(to other: RangedServer) throws -> (RangedServer, RangeBlockStore) {
        let first = try RangedServer()
        first.handle { [url = other.url("real.img")] _, _ in .init(302, ["Location: \(url)"]) }
        let queue = TransferQueue(
            options: TransferOptions(stallSeconds: 2, connectSeconds: 2, writtenServers: [other.name]))
        return (first, image.store(first.url("disk.img"), isOnly: false, queue: queue))
    }

    @Test func aRedirectIsFollowedOnce() async throws {
        server.put("real.img", .init(image.bytes))
        let (first, store) = try redirecting(to: server)
        for number in 0..<image.count { _ = try await store.block(image.request(number, ledger)) }
        #expect(first.requests.count == 1)
        #expect(server.requests.count == image.count)
        #expect(store.pinned?.url == server.url("real.img"))
    }

    @Test func manyWhoWantPiecesAtOnceAskForTheWayOnce() async throws {
        server.put("real.img", .init(image.bytes))
        let (first, store) = try redirecting(to: server)
        for (number, result) in await together([0, 2, 4, 6], store) {
            #expect(try result.get().bytes == image.piece(number))
        }
        #expect(first.requests.count == 1)
    }

    @Test func whenAMirrorFailsTheWayIsAskedForOnceMore() async throws {
        let dying = try RangedServer(), first = try RangedServer()
        server.put("real.img", .init(image.bytes, entityTag: "\"its own\""))
        dying.put("real.img", .init(image.bytes))
        let way = Shared(dying.url("real.img"))
        first.handle { [way] _, _ in .init(302, ["Location: \(way.value.withLock { $0 })"]) }
        let names: Set = [server.name, dying.name]
        let queue = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2, writtenServers: names))
        let store = image.store(first.url("disk.img"), isOnly: false, queue: queue)
        _ = try await store.block(image.request(0, ledger))
        way.value.withLock { $0 = server.url("real.img") }
        dying.handle { _, _ in .init(404) }
        for (number, result) in await together([1, 3, 5], store) {
            #expect(try result.get().bytes == image.piece(number))
        }
        #expect(first.requests.count == 2)
        // One that does not answer at all, once the way leads elsewhere again.
        way.value.withLock { $0 = dying.url("real.img") }
        dying.handle(nil)
        server.stop()
        #expect(try await store.block(image.request(6, ledger)).bytes == image.piece(6))
        #expect(first.requests.count == 3)
    }

    @Test func aWayThatExpiresIsAskedForAnew() async throws {
        let first = try RangedServer()
        let valid = Shared(1)
        server.handle { [valid] request, file in
            request.path.hasSuffix("signature=\(valid.value.withLock { $0 })") ? nil : .init(403)
        }
        server.put("real.img", .init(image.bytes))
        first.handle { [valid, url = server.url("real.img")] _, _ in
            .init(302, ["Location: \(url)?signature=\(valid.value.withLock { $0 })"])
        }
        let queue = TransferQueue(
            options: TransferOptions(stallSeconds: 2, connectSeconds: 2, writtenServers: [server.name]))
        let store = image.store(first.url("disk.img"), isOnly: false, queue: queue)
        for number in 0..<6 {
            #expect(try await store.block(image.request(number, ledger)).bytes == image.piece(number))
            valid.value.withLock { $0 += 1 }
        }
        #expect(first.requests.count == 6)
        // A token is nobody's to read.
        server.handle { _, _ in .init(403) }
        let failure = await store.failure(image.request(0, ledger))
        #expect(failure.map { !"\($0)".contains("signature") } == true, "\(String(describing: failure))")
    }

    @Test func whereNothingHelpsTheWayIsAskedForLessAndLess() async throws {
        let (first, store) = try redirecting(to: server)
        let end = ContinuousClock.now + .seconds(3)
        while ContinuousClock.now < end { _ = await store.failure(image.request(0, ledger)) }
        #expect((2...5).contains(first.requests.count), "\(first.requests.count) times")
    }

    @Test func aStaleMirrorThatTheWayLeadsToIsNotTakenAgain() async throws {
        let stale = try RangedServer(), first = try RangedServer()
        server.put("real.img", .init(image.bytes))
        stale.put("real.img", .init(RangedImage(seed: 2, in: folder).bytes))
        // What has been read before is known.
        for number in 0..<image.count {
            _ = try await image.store(server.url("disk.img")).block(image.request(number, ledger))
        }
        let turn = Shared(0)
        first.handle { [turn, urls = [stale.url("real.img"), server.url("real.img")]] _, _ in
            let number = turn.value.withLock { turn in
                turn += 1
                return turn
            }
            return .init(302, ["Location: \(urls[(number - 1) % 2])"])
        }
        let names: Set = [server.name, stale.name]
        let queue = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2, writtenServers: names))
        let store = image.store(first.url("disk.img"), isOnly: false, queue: queue)
        #expect(await store.failure(image.request(0, ledger))?.isCorrupt == true)
        for number in 0..<4 {
            #expect(try await store.block(image.request(number, ledger)).bytes == image.piece(number))
        }
        #expect(first.requests.count == 2 && stale.requests.count == 1)
    }

    /// Its other pieces would be the first of their kind, and kept.
    @Test(.timeLimit(.minutes(1))) func aMirrorThatLiedOnceGivesNoOtherPieceEither() async throws {
        let stale = try RangedServer(), first = try RangedServer()
        server.put("real.img", .init(image.bytes))
        stale.put("real.img", .init(RangedImage(seed: 2, in: folder).bytes))
        _ = try await image.store(server.url("disk.img")).block(image.request(0, ledger))
        let turn = Shared(0)
        first.handle { [turn, urls = [stale.url("real.img"), server.url("real.img")]] _, _ in
            let number = turn.value.withLock { turn in
                turn += 1
                return turn
            }
            return .init(302, ["Location: \(urls[number <= 2 ? 0 : 1])"])
        }
        let names: Set = [server.name, stale.name]
        let queue = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2, writtenServers: names))
        let store = image.store(first.url("disk.img"), isOnly: false, queue: queue)
        #expect(await store.failure(image.request(0, ledger))?.isCorrupt == true)
        var piece: [UInt8]?
        for _ in 0..<40 where piece == nil {
            // It may fail while the way leads to the one that lied.
            piece = try? await store.block(image.request(5, ledger)).bytes
            if piece == nil { try await Task.sleep(for: .milliseconds(250)) }
        }
        #expect(piece == image.piece(5))
    }

    @Test func noRedirectLeadsFromHTTPSToHTTPUnlessEachPieceIsSigned() async throws {
        let certificates = try TestCertificates()
        server.put("real.img", .init(image.bytes))
        let secure = try NginxServer(
            tree: folder.path, certificates: certificates,
            directives: "location /disk.img { return 302 \(server.url("real.img")); }")
        var host = HostAccess(name: "127.0.0.1:\(secure.port)")
        host.authorities = certificates.authority
        let queue = TransferQueue(
            options: TransferOptions(stallSeconds: 2, connectSeconds: 2, hosts: [host], writtenServers: [server.name]))
        let open = image.store(secure.url + "disk.img", isOnly: false, queue: queue)
        #expect(await open.failure(image.request(0, ledger))?.isUnreachable == true)
        #expect(server.requests.isEmpty && ledger.recordedCount == 0)
        await #expect(throws: TransferError.self) {
            try await RangeProbe.ask(
                TransferPlace(secure.url + "disk.img"), size: nil, isVerified: false, transfers: queue)
        }
        let signed = image.store(secure.url + "disk.img", isVerified: true, isOnly: false, queue: queue)
        #expect(try await signed.block(image.request(0, ledger)).bytes == image.piece(0))
    }

    @Test func whereARedirectLeadsNobodyIsToldWhoWeAre() async throws {
        server.put("real.img", .init(image.bytes))
        let first = try RangedServer()
        first.handle { [url = server.url("real.img")] _, _ in .init(302, ["Location: \(url)"]) }
        var host = HostAccess(name: server.name)
        host.bearerFile = try folder.write(Array("secret".utf8), to: "token")
        let queue = TransferQueue(options: TransferOptions(stallSeconds: 2, connectSeconds: 2, hosts: [host]))
        let place = RangedPlace(TransferPlace(first.url("disk.img"), reach: .named(by: .machine)))
        let store = RangeBlockStore(
            place, size: UInt64(image.bytes.count), pieces: image.places, isVerified: false, isOnly: false, queue: queue
        )
        for number in 0..<3 { _ = try await store.block(image.request(number, ledger)) }
        #expect(server.requests.count == 3 && first.requests.count == 1)
        #expect(server.requests.allSatisfy { $0.fields["authorization"] == nil })
    }

    @Test func aRedirectLeadsNowhereThatOnlyTheUserMayName() async throws {
        server.put("real.img", .init(image.bytes))
        // Nor does what an earlier session was told by one.
        let pinned = PinnedURL(url: server.url("real.img"), reach: .written, entityTag: "\"a\"")
        let told = image.store("https://vendor.invalid/disk.img", isOnly: false, pinned: pinned)
        #expect(await told.failure(image.request(0, ledger))?.isUnreachable == true)
        #expect(server.requests.isEmpty)
        let first = try RangedServer()
        first.handle { [url = server.url("real.img")] _, _ in .init(302, ["Location: \(url)"]) }
        let store = image.store(first.url("disk.img"), isOnly: false)
        #expect(await store.failure(image.request(0, ledger))?.isUnreachable == true)
        #expect(server.requests.isEmpty)
    }

    // MARK: Servers that want to be left alone

    @Test(arguments: [429, 503]) func retryAfterIsHonoured(_ status: Int) async throws {
        server.handle { _, _ in .init(status, ["Retry-After: 2"]) }
        let begin = ContinuousClock.now
        for _ in 0..<20 {
            #expect(
                await store.failure(image.request(0, ledger))?.fault == .busy(seconds: 2) || server.requests.count == 1)
        }
        #expect(server.requests.count == 1)
        server.handle(nil)
        // Whoever has no other place waits for it.
        server.handle { _, _ in .init(status, ["Retry-After: 2"]) }
        let only = image.store(server.url("disk.img"), isOnly: true)
        let fetched = Task { try await only.block(image.request(0, ledger)).bytes }
        #expect(await eventually { server.requests.count == 2 })
        server.handle(nil)
        #expect(try await fetched.value == image.piece(0))
        #expect(ContinuousClock.now - begin >= .seconds(2))
        #expect(server.requests.count == 3)
    }

    // MARK: Taking back

    @Test func aRequestThatNobodyWaitsForIsBrokenOff() async throws {
        _ = try await store.block(image.request(0, ledger))
        server.handle { request, file in
            var reply = RangedServer.usual(request, file)
            reply.milliseconds = 60_000
            return reply
        }
        let results = Recorder<Bool>()
        for number in [1, 2] {
            store.fetch(image.request(number, ledger)) { result in
                if case .failure(.closed) = result { results.append(true) } else { results.append(false) }
            }
        }
        #expect(await eventually { server.requests.count == 2 })
        store.cancel(image.key.id(of: 1))
        try await Task.sleep(for: .milliseconds(100))
        #expect(results.elements.isEmpty, "the other one is still wanted")
        store.cancel(image.key.id(of: 2))
        #expect(await eventually { results.elements == [true, true] })
        server.stop()
    }

    // MARK: The probe

    @Test func theProbeLearnsAllInOneRequest() async throws {
        let queue = TransferQueue()
        let answer = try await RangeProbe.ask(
            TransferPlace(server.url("disk.img")), size: nil, isVerified: false, transfers: queue)
        #expect(answer.size == UInt64(image.bytes.count))
        #expect(answer.head == Array(image.bytes.prefix(RangeProbe.length)))
        #expect(answer.place.pinned?.entityTag == "\"a\"")
        #expect(server.requests.count == 1)
        await #expect(throws: RangeFault.self) {
            try await RangeProbe.ask(
                TransferPlace(server.url("disk.img")), size: UInt64(image.bytes.count) + 1, isVerified: false,
                transfers: queue)
        }
        server.handle { _, file in .init(200, body: file?.bytes ?? []) }
        await #expect(throws: RangeFault.noRanges) {
            try await RangeProbe.ask(
                TransferPlace(server.url("disk.img")), size: nil, isVerified: false, transfers: queue)
        }
        server.handle { _, _ in .init(404) }
        await #expect(throws: (any Error).self) {
            try await RangeProbe.ask(
                TransferPlace(server.url("disk.img")), size: nil, isVerified: false, transfers: queue)
        }
    }

    @Test func aFileOfThisMachineIsProbedAndReadToo() async throws {
        let path = try folder.write(image.bytes, to: "disk image.img")
        let answer = try await RangeProbe.ask(
            TransferPlace(URLText.file(path)), size: nil, isVerified: false, transfers: TransferQueue())
        #expect(answer.size == UInt64(image.bytes.count))
        let store = FilePieceStore(path: path, size: answer.size, pieces: image.places)
        for number in 0..<image.count {
            #expect(try await store.block(image.request(number, ledger)).bytes == image.piece(number))
        }
        try AtomicFile.write(Array(image.bytes.dropLast()), to: path)
        if case .changed = await store.failure(image.request(0, ledger))?.fault {} else { Issue.record("not seen") }
    }
}

/// A value that closures share.
private final class Shared<Value: Sendable>: Sendable {
    let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }
}

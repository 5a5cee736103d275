import Curl
import Glibc
import Linux
import TestSupport
import Testing

@Suite struct TransferQueueTests {
    private let directory: TemporaryDirectory
    private let server: FaultyHTTPServer
    private let queue = TransferQueue(options: TransferOptions(stallSeconds: 1, connectSeconds: 2))

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write(Array("hello".utf8), to: "hello")
        server = try FaultyHTTPServer(folder: directory.path)
    }

    private func failure(
        _ url: String, maximumBytes: Int = 1000, on other: TransferQueue? = nil
    ) async -> TransferError? {
        do {
            _ = try await (other ?? queue).get(url, maximumBytes: maximumBytes)
            return nil
        } catch {
            return error as? TransferError
        }
    }

    @Test func givesStatusBodyAndURL() async throws {
        let result = try await queue.get(server.url + "hello", maximumBytes: 5)
        #expect(result.body.bytes == Array("hello".utf8))
        #expect(result.status == 200)
        #expect(result.effectiveURL == server.url + "hello")
    }

    @Test func readsFiles() async throws {
        let result = try await queue.get("file://\(directory.path)/hello", maximumBytes: 100)
        #expect(result.body.bytes == Array("hello".utf8))
        #expect(result.status == 200)
        let missing = "file://\(directory.path)/nothing"
        #expect(await failure(missing) == .notFound(url: missing))
    }

    @Test func aQueueThatIsClosedBeforeItsFirstTransferRefusesAll() async {
        let queue = TransferQueue()
        queue.close()
        #expect(await failure(server.url + "hello", on: queue) == .cancelled)
    }

    @Test func keepsConnectionsEvenAfterNotFound() async throws {
        for _ in 0..<5 {
            #expect(await failure(server.url + "nothing") == .notFound(url: server.url + "nothing"))
            _ = try await queue.get(server.url + "hello", maximumBytes: 100)
        }
        #expect(server.connectionCount == 1)
    }

    @Test func tellsStatusesApart() async {
        server.script("/hello", .status(503), .status(403), .status(410), .status(429))
        let url = server.url + "hello"
        let unavailable = await failure(url)
        #expect(unavailable == .http(url: url, status: 503))
        #expect(unavailable?.isTransient == true)
        let forbidden = await failure(url)
        #expect(forbidden == .http(url: url, status: 403))
        #expect(forbidden?.isTransient == false)
        #expect(await failure(url) == .notFound(url: url))
        #expect(await failure(url)?.isTransient == true)
    }

    @Test func breaksOffWhatIsTooLong() async {
        let url = server.url + "hello"
        #expect(await failure(url, maximumBytes: 4) == .tooLarge(url: url, limit: 4))
        // No length is announced here: the body itself tells.
        server.script("/hello", .endless)
        #expect(await failure(url, maximumBytes: 100_000) == .tooLarge(url: url, limit: 100_000))
    }

    @Test func saysThatABrokenConnectionMayWorkLater() async {
        server.script("/hello", .truncated(after: 2), .reset(after: 2), .hang)
        for _ in 0..<3 {
            let failure = await failure(server.url + "hello")
            guard case .connection = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(failure?.isTransient == true)
        }
    }

    @Test func saysThatNoServerMayWorkLater() async {
        server.stop()
        let failure = await failure(server.url + "hello")
        guard case .connection(_, 7, let message) = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(!message.isEmpty)
    }

    @Test(arguments: ["ftp://127.0.0.1/x", "gopher://127.0.0.1/x", "http://", "nonsense://x/y", "http://a b/"])
    func refusesOtherSchemesAndNonsense(url: String) async {
        let failure = await failure(url)
        guard case .unsupported = failure else {
            Issue.record("\(String(describing: failure))")
            return
        }
    }

    @Test func followsRedirectsButNotToFiles() async throws {
        server.script("/moved", .redirect(to: "/hello"))
        let result = try await queue.get(server.url + "moved", maximumBytes: 100)
        #expect(result.body.bytes == Array("hello".utf8))
        #expect(result.effectiveURL == server.url + "hello")
        server.script("/evil", .redirect(to: "file://\(directory.path)/hello"))
        guard case .unsupported = await failure(server.url + "evil") else {
            Issue.record("followed to a file")
            return
        }
        server.always("/loop", .redirect(to: "/loop"))
        guard case .unsupported = await failure(server.url + "loop") else {
            Issue.record("an endless redirect did not end")
            return
        }
    }

    @Test func showsNoPasswordInErrors() async {
        let failure = await failure("http://user:secret@127.0.0.1:\(server.port)/nothing")
        #expect(failure == .notFound(url: "http://127.0.0.1:\(server.port)/nothing"))
    }

    @Test func sendsHeaderFieldsAndItsName() async throws {
        let request = TransferRequest(
            url: server.url + "hello", maximumBytes: 100, headerFields: ["If-None-Match": "\"abc\""])
        await withCheckedContinuation { continuation in
            queue.start(request) { _ in continuation.resume() }
        }
        let header = try #require(server.requestHeaders.first)
        #expect(header.contains("If-None-Match: \"abc\""))
        #expect(header.contains("User-Agent: oscircular"))
        let evil = TransferRequest(url: server.url, maximumBytes: 1, headerFields: ["A": "b\r\nEvil: c"])
        let result = await withCheckedContinuation { continuation in
            queue.start(evil) { continuation.resume(returning: $0) }
        }
        guard case .failure(.unsupported) = result else {
            Issue.record("a header with a line break was sent")
            return
        }
    }

    @Test func whatThereIsNoRoomForIsTransferredInItsOrderOrCancelledWhereItWaits() async throws {
        let queue = TransferQueue(maximumInFlight: 1)
        defer { queue.close() }
        server.script("/first", .hang)
        let cancelled = Recorder<String>()
        func start(_ name: String) -> TransferTicket {
            queue.start(TransferRequest(url: server.url + name, maximumBytes: 100)) { result in
                if case .failure(.cancelled) = result { cancelled.append(name) }
            }
        }
        let first = start("first")
        #expect(await eventually { server.requests.count == 1 })
        let waiting = ["a", "b", "c", "d"].map(start)
        queue.cancel(waiting[1])
        #expect(await eventually { cancelled.elements == ["b"] })
        queue.cancel(first)
        #expect(await eventually { server.requests.count == 4 })
        #expect(server.requests == ["/first", "/a", "/c", "/d"])
        #expect(cancelled.elements == ["b", "first"])
    }

    @Test func cancelsOneAndClosesAll() async throws {
        // More patient than the machine is slow: the cancelling must come before the stall.
        let queue = TransferQueue()
        server.always("*", .hang)
        let ticket = TransferTicket()
        let url = server.url
        async let cancelled = withCheckedContinuation { continuation in
            _ = queue.start(TransferRequest(url: url + "a", maximumBytes: 1), as: ticket) {
                continuation.resume(returning: $0)
            }
        }
        async let closed = failure(url + "b", on: queue)
        try await Task.sleep(for: .milliseconds(200))
        queue.cancel(ticket)
        guard case .failure(.cancelled) = await cancelled else {
            Issue.record("not cancelled")
            return
        }
        queue.close()
        #expect(await closed == .cancelled)
        #expect(await failure(url + "c", on: queue) == .cancelled)
    }

    @Test func cancellingTheTaskCancelsTheTransfer() async throws {
        server.always("*", .hang)
        let (queue, url) = (TransferQueue(), server.url)
        let task = Task { try await queue.get(url, maximumBytes: 1) }
        try await Task.sleep(for: .milliseconds(100))
        task.cancel()
        await #expect(throws: TransferError.cancelled) { _ = try await task.value }
    }
}

/// Requests whose failure may pass are sent again by the queue itself.
@Suite struct TransferRetryTests {
    private let directory: TemporaryDirectory
    private let server: FaultyHTTPServer
    private let queue = TransferQueue(options: TransferOptions(stallSeconds: 1, connectSeconds: 2))
    private let retry = TransferRetry(attempts: 4, firstPause: 0.01, longestPause: 5)

    init() throws {
        directory = try TemporaryDirectory()
        try directory.write(Array("hello".utf8), to: "hello")
        server = try FaultyHTTPServer(folder: directory.path)
    }

    @Test(arguments: [
        [HTTPFault.status(503)], [.status(429), .status(500)], [.reset(after: 2), .truncated(after: 3), .status(502)],
        [.status(504), .hang, .status(408)],
    ])
    func whatMayPassIsAskedForAgain(faults: [HTTPFault]) async throws {
        for fault in faults { server.script("/hello", fault) }
        let result = try await queue.get(server.url + "hello", maximumBytes: 100, retry: retry)
        #expect(result.body.bytes == Array("hello".utf8))
        #expect(server.requests.count == faults.count + 1)
    }

    @Test func whatWillNotPassIsAskedForOnce() async throws {
        for status in [400, 401, 403, 404, 410] {
            server.script("/hello", .status(status))
            await #expect(throws: TransferError.self) {
                try await queue.get(server.url + "hello", maximumBytes: 100, retry: retry)
            }
        }
        await #expect(throws: TransferError.tooLarge(url: server.url + "hello", limit: 3)) {
            try await queue.get(server.url + "hello", maximumBytes: 3, retry: retry)
        }
        #expect(server.requests.count == 6)
        server.always("/hello", .status(503))
        await #expect(throws: TransferError.http(url: server.url + "hello", status: 503)) {
            try await queue.get(server.url + "hello", maximumBytes: 100, retry: retry)
        }
        #expect(server.requests.count == 6 + 4)
    }

    @Test func theServerSaysWhenWithinBounds() async throws {
        server.script("/hello", .statusRetry(503, afterSeconds: 1))
        let start = MonotonicClock.nanoseconds
        _ = try await queue.get(server.url + "hello", maximumBytes: 100, retry: retry)
        #expect(MonotonicClock.nanoseconds - start >= 1_000_000_000)
        #expect(TransferRetry.patient.pause(after: 1, asked: 100_000) == 60)
        #expect((0.75...1.25).contains(TransferRetry.patient.pause(after: 2, asked: 0)))
        #expect((45.0...75).contains(TransferRetry.patient.pause(after: 40)))
    }

    @Test func aServerThatIsNotThereIsWaitedForWhereNobodyWaitsForTheAnswer() async throws {
        server.stop()
        await #expect {
            try await queue.get(server.url + "hello", maximumBytes: 100, retry: .prompt)
        } throws: { error in
            guard let error = error as? TransferError else { return false }
            return error.isTransient && !TransferRetry.prompt.mayPass(error) && TransferRetry.patient.mayPass(error)
        }
    }

    /// A redirect may lead to a signed URL that is good for a minute.
    @Test func aFileBeginsAnewAtTheFirstURL() async throws {
        let file = try FileHandle(path: directory.path("kept"), flags: O_RDWR | O_CREAT)
        server.script("/start", .redirect(to: "/hello"), .redirect(to: "/hello"))
        server.script("/hello", .truncated(after: 3))
        _ = try await queue.send(
            TransferRequest(
                url: server.url + "start", maximumBytes: 100, file: TransferFile(file) { _, _ in }, retry: retry))
        #expect(try FileContents.read(directory.path("kept"), limit: 100) == Array("hello".utf8))
        #expect(server.requests == ["/start", "/hello", "/start", "/hello"])
    }

    @Test func whatWaitsToBeginAnewIsCancelled() async throws {
        server.always("/hello", .statusRetry(503, afterSeconds: 4))
        let url = server.url + "hello"
        let waiting = Task { [queue, retry] in try await queue.get(url, maximumBytes: 100, retry: retry) }
        #expect(await eventually { server.requests.count == 1 })
        waiting.cancel()
        await #expect(throws: TransferError.cancelled) { try await waiting.value }
        let another = Task { [queue, retry] in try await queue.get(url, maximumBytes: 100, retry: retry) }
        #expect(await eventually { server.requests.count == 2 })
        queue.close()
        await #expect(throws: TransferError.cancelled) { try await another.value }
    }
}

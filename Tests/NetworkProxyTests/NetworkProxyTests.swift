import Curl
import Glibc
import Linux
import NetworkProxy
import TestSupport
import Testing

/// Rates and delays are held to by ratio, with wide margins: the machine may be busy.
@Suite(.serialized) struct NetworkProxyTests {
    private let folder: TemporaryDirectory
    private let server: FaultyHTTPServer
    private let proxy: NetworkProxy
    private let queue = TransferQueue(maximumInFlight: 64, options: TransferOptions(stallSeconds: 20))

    init() throws {
        folder = try TemporaryDirectory()
        server = try FaultyHTTPServer(folder: folder.path)
        proxy = try NetworkProxy(server: Int(server.port))
    }

    private func publish(_ name: String, bytes: Int) throws -> [UInt8] {
        var random = SeededRandom(seed: UInt64(bytes))
        let contents = (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &random) }
        try folder.write(contents, to: name)
        return contents
    }

    /// Seconds that a piece of work takes.
    private func seconds(_ body: () async throws -> Void) async rethrows -> Double {
        let start = MonotonicClock.nanoseconds
        try await body()
        return Double(MonotonicClock.nanoseconds - start) / 1e9
    }

    private func get(_ name: String) async throws -> [UInt8] {
        try await queue.get(proxy.url + name, maximumBytes: 64 << 20).body.bytes
    }

    @Test func carriesBytesUnchangedOverManyConnections() async throws {
        let contents = try publish("file", bytes: 300_001)
        proxy.change { $0.roundTrip = 0.02 }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<200 { group.addTask { try await get("file") == contents } }
            for try await isRight in group { #expect(isRight) }
        }
        #expect(proxy.statistics.bytesDown >= 200 * contents.count)
        #expect(proxy.statistics.mostOpen > 10)
    }

    @Test(arguments: [5e6, 50e6, 1e9])
    func sharesItsRateAmongAllConnections(rate: Double) async throws {
        // Half a second's worth, in eight files at once.
        let size = Int(rate / 8 * 0.5 / 8)
        _ = try publish("file", bytes: size)
        proxy.change { $0.rate = rate }
        let time = try await seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { _ = try await get("file") } }
                try await group.waitForAll()
            }
        }
        let measured = Double(8 * size * 8) / time
        #expect(measured < 1.1 * rate, "\(measured) bit/s")
        // A gigabit is more than some busy machines can carry in a debug build.
        #expect(measured > (rate < 1e9 ? 0.7 : 0.2) * rate, "\(measured) bit/s")
    }

    @Test func givesEveryConnectionItsTurn() async throws {
        _ = try publish("long", bytes: 2_000_000)
        _ = try publish("short", bytes: 20_000)
        proxy.change { $0.rate = 20e6 }
        async let long = seconds { _ = try await get("long") }
        try await Task.sleep(for: .milliseconds(100))
        let short = try await seconds { _ = try await get("short") }
        #expect(try await long > 4 * short)
    }

    @Test func aRequestTakesItsRoundTripAndAConnectionOneMore() async throws {
        _ = try publish("file", bytes: 100)
        proxy.change { $0.roundTrip = 0.2 }
        let first = try await seconds { _ = try await get("file") }
        let second = try await seconds { _ = try await get("file") }
        #expect(first >= 0.39 && second >= 0.19, "\(first) s, \(second) s")
        #expect(first < 0.39 * 3 && second < 0.19 * 3, "\(first) s, \(second) s")
        #expect(server.connectionCount == 1)
    }

    @Test func requestsUnderWayDoNotWaitForEachOthersRoundTrip() async throws {
        _ = try publish("file", bytes: 100)
        proxy.change { $0.roundTrip = 0.2 }
        let time = try await seconds {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<30 { group.addTask { _ = try await get("file") } }
                try await group.waitForAll()
            }
        }
        #expect(time < 0.2 * 15, "\(time) s")
    }

    @Test func refusesAndServesAgain() async throws {
        let contents = try publish("file", bytes: 1000)
        #expect(try await get("file") == contents)
        proxy.change { $0.mode = .refuse }
        proxy.dropConnections()
        try await Task.sleep(for: .milliseconds(100))
        await #expect(throws: TransferError.self) { try await get("file") }
        proxy.change { $0.mode = .pass }
        try await Task.sleep(for: .milliseconds(200))
        #expect(try await get("file") == contents)
    }

    @Test func hangsInTheMiddleAndGoesOn() async throws {
        let contents = try publish("file", bytes: 500_000)
        proxy.change { $0.rate = 8e6 }
        async let body = get("file")
        try await Task.sleep(for: .milliseconds(150))
        proxy.change { $0.mode = .hang }
        try await Task.sleep(for: .milliseconds(100))
        let before = proxy.statistics.bytesDown
        #expect(before > 0 && before < contents.count)
        try await Task.sleep(for: .milliseconds(500))
        #expect(proxy.statistics.bytesDown == before)
        proxy.change { $0.mode = .pass }
        #expect(try await body == contents)
    }

    @Test func cutsConnectionsAfterSoManyBytes() async throws {
        let contents = try publish("file", bytes: 100_000)
        proxy.change { $0.cutAfter = 50_000 }
        await #expect(throws: TransferError.self) { try await get("file") }
        #expect(server.requests == ["/file"])
        proxy.change { $0.cutAfter = nil }
        #expect(try await get("file") == contents)
    }

    @Test func tellsTheClientThatTheServerIsGone() async throws {
        server.stop()
        await #expect(throws: TransferError.self) { try await get("file") }
    }

    @Test func theProgramObeysLines() async throws {
        let contents = try publish("file", bytes: 1000)
        let words = try await BuiltProgram.runAny(
            "sh",
            [
                "-c",
                """
                printf 'rate 1e6\\nround-trip 10\\nnonsense\\nstats\\n' | "$0" --server \(server.port)
                """, BuiltProgram.path("network-proxy"),
            ])
        let lines = words.stdout.split(separator: "\n")
        #expect(lines.count == 5 && lines.first.flatMap { Int($0) } != nil, "\(words)")
        #expect(lines.dropFirst().prefix(3) == ["ok", "ok", "error: 'nonsense'"])
        #expect(lines.last?.contains("\"connections\":0") == true)
        #expect(try await get("file") == contents)
    }
}

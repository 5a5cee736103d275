import Boot
import Glibc
import Linux
import NetworkProxy
import TestSupport
import Testing

/// Guests whose blocks come from two mirrors, each behind a network that can be broken.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct MirrorTests {
    /// The tree behind one line, and a copy of it as the user's mirror behind another.
    private struct Network {
        let main: NetworkProxy
        let mirror: NetworkProxy
        let copy: FaultyHTTPServer
    }

    private func withNetwork(
        rate: Double = 0, configuration: String = "", _ body: (Scenario, Network) async throws -> Void
    ) async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let shape = NetworkShape(roundTrip: 0.01, rate: rate)
            let copy = try FaultyHTTPServer(folder: scenario.tree)
            let network = Network(
                main: try NetworkProxy(server: scenario.server.port, shape: shape),
                mirror: try NetworkProxy(server: Int(copy.port), shape: shape), copy: copy)
            try await scenario.client("catalog", "remove", "test")
            try await scenario.follow("test", at: network.main.url)
            try scenario.folder.write(
                Array(
                    """
                    \(configuration)
                    [mirrors]
                    test = ["\(network.mirror.url)", "\(scenario.folder.path("no-such-stick"))"]
                    """.utf8), to: "config/oscircular/config.toml")
            try await body(scenario, network)
        }
    }

    @Test func aMirrorThatIsKilledInTheMiddleOfABootIsNotMissed() async throws {
        try await withNetwork(rate: 16e6, configuration: "[prefetch]\nrest = \"never\"") { scenario, network in
            async let session = scenario.boot("tiny")
            try #require(await eventually(within: .seconds(60)) { scenario.blockRequests.count >= 8 })
            network.main.change { $0.mode = .refuse }
            network.main.dropConnections()
            let killedAt = scenario.blockRequests.count
            _ = try await scenario.console(of: try await session, shows: "READY")
            #expect(scenario.blockRequests.count == killedAt)
            #expect(network.copy.requests.count > killedAt)
        }
    }

    @Test func theGuestWaitsWhileAllMirrorsAreAwayAndGoesOnWithTheFirstThatIsBack() async throws {
        // A cache smaller than the image: blocks are fetched again while it runs.
        let settings = "[read]\nbound = 1\n[cache]\nlimit = \"8MiB\"\n[prefetch]\nrest = \"never\""
        try await withNetwork(configuration: settings) { scenario, network in
            let session = try await scenario.boot("tiny")
            network.main.change { $0.mode = .hang }
            network.mirror.change { $0.mode = .refuse }
            network.mirror.dropConnections()
            var status: SessionStatus?
            for _ in 0..<150 where status?.state != .waiting || status?.lastError == nil {
                try await Task.sleep(for: .milliseconds(200))
                status = try await scenario.sessions().first
            }
            #expect(status?.state == .waiting)
            #expect(status?.lastError?.isEmpty == false, "the reason is in sessions --json")
            try await Task.sleep(for: .seconds(3))
            network.mirror.change { $0.mode = .pass }
            let log = try await scenario.console(of: session, shows: "READY")
            #expect(!log.contains("I/O error"), "the guest's kernel saw an error: \(log)")
            let kernel = try await scenario.attempt("ssh", session.id, "dmesg | grep -ci 'i/o error'")
            #expect(kernel.output == "0\n", "\(kernel.error)")
            #expect(try await scenario.sessions().first?.state == .running)
        }
    }

    @Test func aMirrorThatGivesWrongBytesIsNamedInTheSessionsLog() async throws {
        try await withNetwork { scenario, network in
            network.copy.always("*", .wrongBytes)
            let session = try await scenario.boot("tiny")
            _ = try await scenario.console(of: session, shows: "READY")
            let logs = scenario.folder.path("state/oscircular/logs")
            let text = Folder.namesIfAny(in: logs).map { name in
                (try? FileContents.readText("\(logs)/\(name)", limit: 1 << 20)) ?? ""
            }.joined()
            #expect(text.contains("from \(network.mirror.url)blocks/"), "\(text.suffix(2000))")
            #expect(text.contains("is damaged"))
        }
    }

    @Test func whatIsHereBootsAndIsListedWithoutWaitingForADeadNetwork() async throws {
        try await withNetwork { scenario, network in
            try await scenario.client("fetch", "tiny")
            for proxy in [network.main, network.mirror] { proxy.change { $0.mode = .hang } }
            // What was trusted a moment ago is not asked for again anyhow; this was long ago.
            utimes(scenario.folder.path("state/oscircular/catalogs/test/trust.json"), [timeval(), timeval()])
            let start = MonotonicClock.nanoseconds
            #expect(try await scenario.client("list", "--json").contains("\"offline\" : \"whole\""))
            let session = try await scenario.boot("tiny")
            // Less than the one stalled transfer that nobody may wait for.
            #expect(MonotonicClock.nanoseconds - start < 15_000_000_000)
            _ = try await scenario.console(of: session, shows: "READY")
        }
    }
}

import Boot
import FoundationEssentials
import Linux
import TestSupport
import Testing

/// How warm states come to be, with the real thing: libvirt, QEMU, the tiny guest that parks.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct WarmMakingGuestTests {
    private static let settings = "[guest]\naccel = \"tcg\"\n"

    private func with(
        _ more: String = "", options: [String] = ["--park"], _ body: (Scenario) async throws -> Void
    ) async throws {
        let image = try await TinyGuest.image()
        try await Scenario.with(
            images: [("2026-11-16", image)], options: options, configuration: Self.settings + more, body)
    }

    private func names(_ scenario: Scenario) -> [String] {
        TemporaryDirectory.names(scenario.folder.path("cache/oscircular/warm")).filter { $0 != "lock" }
    }

    /// What `cache status` says of states that are being made.
    private func isBeingMade(_ scenario: Scenario) async throws -> Bool {
        try await scenario.client("cache", "status").contains("is being made by session")
    }

    @Test(.timeLimit(.minutes(6)))
    func fetchMakesOneAndSaysSo() async throws {
        try await with("\n[warm]\nmake = \"never\"\n") { scenario in
            let begun = ContinuousClock.now
            let said = try await scenario.client("fetch", "--warm", "tiny")
            print("made in \((ContinuousClock.now - begun).components.seconds) s")
            #expect(said.contains("its guests start warm now"), "\(said)")
            let key = try #require(names(scenario).first)
            #expect(names(scenario) == [key] && key.utf8.count == 32)
            let folder = scenario.folder.path("cache/oscircular/warm/\(key)")
            let record = try WarmRecord.read(FileContents.read("\(folder)/record.json", limit: 1 << 20))
            print("\(record.memory.size) of \(record.memory.content) bytes, booted in \(record.bootSeconds) s")
            #expect(record.version == "2026-11-16" && record.guest.memoryMiB == 256 && record.guest.screen == nil)
            #expect(record.overlayDigest != nil && record.variablesDigest == nil && record.seedDigest == nil)
            #expect(try Paths.status("\(folder)/overlay.qcow2")?.permissions == 0o444)
            #expect(try Paths.status("\(folder)/memory")?.permissions == 0o600)
            // Nothing of the template is left.
            #expect(TemporaryDirectory.names(scenario.folder.path("state/oscircular/overlays")) == [])
            #expect(TemporaryDirectory.names(scenario.folder.path("state/oscircular/exchanges")) == [])
            #expect(try await scenario.sessions().isEmpty)

            let status = try await scenario.client("cache", "status")
            #expect(status.contains("warm states:") && status.contains("test/tiny@2026-11-16: "), "\(status)")
            let json = try await scenario.client("cache", "status", "--json")
            #expect(json.contains("\"warm\"") && json.contains("\"usable\" : true"), "\(json)")
            let again = try await scenario.client("fetch", "--warm", "tiny")
            #expect(again.contains("has its warm state already"), "\(again)")
            try await scenario.client("cache", "clear")
            #expect(names(scenario) == [])
        }
    }

    @Test(.timeLimit(.minutes(6)))
    func whereItCannotBeMadeNothingIsLeftAndItIsSaidWhy() async throws {
        // All of the disk is to stay free.
        try await with("reserve = \"1000TiB\"\n\n[warm]\nmake = \"never\"\n") { scenario in
            let full = try await scenario.attempt("fetch", "--warm", "tiny")
            #expect(full.status == 73, "\(full)")
            #expect(names(scenario) == [])
            #expect(TemporaryDirectory.names(scenario.folder.path("state/oscircular/overlays")) == [])
            // A start is what it was.
            let session = try await scenario.boot("tiny")
            #expect(session.start == .booted)
            try await scenario.client("stop", session.id, "--force")
        }
        try await with(options: []) { scenario in
            let result = try await scenario.attempt("fetch", "--warm", "tiny")
            #expect(result.status == 69 && result.error.contains("cannot start warm"), "\(result)")
            #expect(names(scenario) == [])
        }
        // The cache has room for the image, and for little more.
        try await with("\n[cache]\nlimit = \"100MiB\"\n") { scenario in
            let result = try await scenario.attempt("fetch", "--warm", "tiny")
            #expect(result.status == 69 && result.error.contains("no room"), "\(result)")
            #expect(names(scenario) == [])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func whatAKilledMakerLeavesIsRemoved() async throws {
        try await with("\n[warm]\nmake = \"never\"\n") { scenario in
            async let making = scenario.attempt("fetch", "--warm", "tiny")
            #expect(try await eventually(within: .seconds(60)) { try await isBeingMade(scenario) })
            #expect(await eventually(within: .seconds(60)) { names(scenario).contains { $0.hasSuffix(".new") } })
            let registry = SessionRegistry(places: places(scenario))
            let template = try #require(await registry.templates().first)
            #expect(await registry.statuses().isEmpty, "it is nobody's guest")
            #expect(Signal.kill.send(to: template.pid))
            let result = try await making
            #expect(result.status != 0, "\(result)")
            let session = try await scenario.boot("tiny")
            #expect(session.start == .booted)
            try await scenario.client("stop", session.id, "--force")
            #expect(names(scenario) == [])
            #expect(TemporaryDirectory.names(scenario.folder.path("state/oscircular/overlays")) == [])
        }
    }

    @Test(.timeLimit(.minutes(8)))
    func oneIsMadeAfterAGoodStartAndGivenUpForASession() async throws {
        try await with { scenario in
            // All of it is here.
            try await scenario.client("fetch", "tiny")
            var session = try await scenario.boot("tiny")
            _ = try await scenario.console(of: session, shows: "READY")
            // Its end is a good one.
            try await scenario.client("stop", session.id)
            #expect(try await eventually(within: .seconds(30)) { try await isBeingMade(scenario) })
            #expect(try await scenario.sessions().isEmpty, "it is nobody's guest")
            session = try await scenario.boot("tiny", "--cold")
            #expect(try await eventually(within: .seconds(30)) { try await !isBeingMade(scenario) })
            #expect(session.start == .booted && names(scenario).allSatisfy { $0.utf8.count != 32 })
            try await scenario.client("stop", session.id, "--force")
        }
    }

    private func places(_ scenario: Scenario) -> Places {
        Places(environment: { scenario.environment[$0] }, user: CurrentUser.id, home: scenario.folder.path)
    }
}

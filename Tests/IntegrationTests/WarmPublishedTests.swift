import Boot
import FoundationEssentials
import ImageIndex
import Linux
import TestSupport
import Testing

/// A publisher saves a guest asleep, and readers with nothing of the system go on from it: with libvirt, QEMU, a web server and the tiny guest.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct WarmPublishedTests {
    private static let settings = "[guest]\naccel = \"tcg\"\n\n[warm]\nmake = \"never\"\n"

    /// A tree with a published state of `tiny`, and a reader who has nothing of it but the catalog.
    private func withTree(_ body: (Scenario) async throws -> Void) async throws {
        let image = try await TinyGuest.image()
        try await Scenario.with(
            images: [("2026-11-16", image)], options: ["--park"], configuration: Self.settings
        ) { scenario in
            func folders() -> [String] { Folder.namesIfAny(in: "/tmp").filter { $0.hasPrefix("oscircular-record-") } }
            let before = folders().sorted()
            let words = try await scenario.publisher("warm", scenario.tree, "tiny", "2026-11-16", "--accel", "tcg")
            print(words)
            #expect(words.contains("warm: tiny@2026-11-16, pc-q35-"), "\(words)")
            #expect(folders().sorted() == before)
            try await scenario.publisher("verify", scenario.tree)
            try await scenario.client("catalog", "refresh")
            try await body(scenario)
        }
    }

    /// Its ssh server makes its key when the host has its answer.
    private func run(_ command: String, _ session: SessionStatus, _ scenario: Scenario) async throws -> String {
        var output = ""
        let isThere = try await eventually(within: .seconds(60)) {
            let answer = try await scenario.attempt("ssh", session.id, command)
            output = answer.output
            return answer.status == 0
        }
        try #require(isThere, "\(command): \(output)")
        return output
    }

    @Test(.timeLimit(.minutes(10)))
    func aReaderWithNothingStartsWarm() async throws {
        try await withTree { scenario in
            let begun = ContinuousClock.now
            let session = try await scenario.boot("tiny")
            let took = ContinuousClock.now - begun
            #expect(session.start == .warm, "\(session)")
            print("published: up after \(took), \(scenario.blockRequests.count) blocks")
            let log = try await scenario.console(of: session, shows: "OSCIRCULAR-AWAKE")
            #expect(!log.contains("READY"), "it has not booted")
            // It is its own system, with a network in both directions.
            let one = try await run("cat /etc/machine-id; head -c 16 /dev/urandom | base64", session, scenario)
            let back = try await run("ssh -o BatchMode=yes -l root 10.0.2.2 'echo to the host'", session, scenario)
            #expect(back == "to the host\n")
            // What was saved is in the library: the next one asks the server for no block of it. The first one's boot set comes behind it.
            var requests = -1
            while requests != scenario.blockRequests.count {
                requests = scenario.blockRequests.count
                try await Task.sleep(for: .seconds(2))
            }
            let second = try await scenario.boot("tiny")
            #expect(second.start == .warm)
            let two = try await run("cat /etc/machine-id; head -c 16 /dev/urandom | base64", second, scenario)
            #expect(one.split(separator: "\n").count == 2 && two.split(separator: "\n").count == 2)
            #expect(Set(one.split(separator: "\n")).isDisjoint(with: two.split(separator: "\n")), "\(one) \(two)")
            #expect(scenario.blockRequests.count - requests < 20, "\(scenario.blockRequests.count - requests)")
            for id in [session.id, second.id] { try await scenario.client("stop", id, "--force") }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func whoeverWantsNoneOfItBoots() async throws {
        try await withTree { scenario in
            let cold = try await scenario.boot("tiny", "--cold")
            #expect(cold.start == .booted, "\(cold)")
            try await scenario.client("stop", cold.id, "--force")
            // Other memory than the publisher's guest had: there is none for that.
            let other = try await scenario.boot("tiny", "--memory", "192")
            #expect(other.start == .booted, "\(other)")
            try await scenario.client("stop", other.id, "--force")
            func set(_ text: String) throws {
                try AtomicFile.write(
                    try Scenario.settings(text, .none), to: scenario.folder.path("config/oscircular/config.toml"))
            }
            try set(Self.settings + "published = \"never\"\n")
            let never = try await scenario.boot("tiny")
            #expect(never.start == .booted, "\(never)")
            try await scenario.client("stop", never.id, "--force")
            // The tree has lost the state's blocks: it boots, and does not wait for them.
            try set(Self.settings)
            try await WorkerThread.run(name: "blocks") { try loseBlocks(scenario.tree) }
            let lost = try await scenario.boot("tiny")
            #expect(lost.start == .booted, "\(lost)")
            _ = try await scenario.console(of: lost, shows: "READY")
            #expect(
                Folder.namesIfAny(in: scenario.folder.path("cache/oscircular/warm")).allSatisfy { $0.utf8.count != 32 })
            try await scenario.client("stop", lost.id, "--force")
        }
    }

    /// Removes the blocks of the published state.
    private func loseBlocks(_ tree: String) throws {
        let names = Folder.namesIfAny(in: "\(tree)/targets/tiny").filter { $0.hasSuffix(".qemu64.caibx") }
        let index = try ImageIndex(path: "\(tree)/targets/tiny/\(try #require(names.first))")
        try index.forEachBlock { if !$0.isHole { Paths.removeIfPossible("\(tree)/blocks/\($0.id.chunkStorePath)") } }
    }
}

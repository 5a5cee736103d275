import Glibc
import Linux
import TestSupport
import Testing

/// What is trusted, on disks that are full or cannot be written, and under kill -9.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct TrustFaultTests {
    private func withTiny(_ body: (Scenario) async throws -> Void) async throws {
        let folder = try TemporaryDirectory()
        let image = folder.path("tiny.img")
        try PublisherFixtures.writeImage([.random(200_000, seed: 5)], to: image)
        try await Scenario.with(images: [("2026-11-16", image)], body)
    }

    /// Makes the copy here so old that the server is asked again, and lists.
    private func ask(_ scenario: Scenario) async throws -> (status: Int32, output: String, error: String) {
        age(scenario)
        return try await scenario.attempt("list")
    }

    private func age(_ scenario: Scenario) {
        utimes(scenario.folder.path("state/oscircular/catalogs/test/trust.json"), [timeval(), timeval()])
    }

    private func timestamp(_ folder: String) throws -> [UInt8] {
        try FileContents.read("\(folder)/metadata/timestamp.json", limit: 1 << 20)
    }

    @Test func killedAtAnyMomentItTrustsAfterwardsWhatTheServerHas() async throws {
        try await withTiny { scenario in
            var random = SeededRandom(seed: 42)
            let catalog = scenario.folder.path("state/oscircular/catalogs/test")
            for _ in 0..<20 {
                try await scenario.publisher("timestamp", scenario.tree)
                age(scenario)
                let process = try ChildProcess(
                    BuiltProgram.path("oscircular"), ["list"],
                    environment: scenario.environment.map { "\($0)=\($1)" })
                try await Task.sleep(for: .milliseconds(Int.random(in: 5...250, using: &random)))
                kill(process.pid, SIGKILL)
                _ = try await WorkerThread.run(name: "list") { process.wait() }
                // Whatever it had written is whole.
                _ = try JSONValue.object(String(decoding: timestamp(catalog), as: UTF8.self))
            }
            let listed = try await ask(scenario)
            #expect(listed.status == 0 && listed.error.isEmpty, "\(listed.error)")
            #expect(try timestamp(catalog) == timestamp(scenario.tree))
            // Temporary files of the dead do not pile up.
            let left = Folder.namesIfAny(in: "\(catalog)/metadata")
            #expect(left.count < 12, "\(left)")
        }
    }

    @Test(.enabled(if: geteuid() == 0, "root mounts the file systems that cannot be written"))
    func aFullOrReadOnlyStateFolderKeepsWhatWasTrusted() async throws {
        try await withTiny { scenario in
            try await scenario.client("catalog", "remove", "test")
            // The publisher's keys lie beside it, in the state folder.
            let state = scenario.folder.path("state/oscircular/catalogs")
            let mounted = try await BuiltProgram.runAny("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", state])
            try #require(mounted.status == 0, "\(mounted.stderr)")
            try await scenario.follow("test", at: scenario.server.url)
            let catalog = "\(state)/test"
            let before = try timestamp(catalog)

            _ = try await BuiltProgram.runAny("dd", ["if=/dev/zero", "of=\(state)/filler", "bs=4k"])
            try await scenario.publisher("timestamp", scenario.tree)
            let full = try await ask(scenario)
            #expect(full.output.contains("tiny"), "\(full.error)")
            #expect(full.error.contains("No space left"), "\(full.error)")
            #expect(try timestamp(catalog) == before)

            unlink("\(state)/filler")
            #expect(try await ask(scenario).error.isEmpty)
            let after = try timestamp(catalog)
            #expect(after != before)

            try await scenario.publisher("timestamp", scenario.tree)
            age(scenario)
            let remounted = try await BuiltProgram.runAny("mount", ["-o", "remount,ro", state])
            try #require(remounted.status == 0, "\(remounted.stderr)")
            let readOnly = try await scenario.attempt("list")
            #expect(readOnly.output.contains("tiny"), "\(readOnly.error)")
            #expect(readOnly.error.contains("Read-only file system"), "\(readOnly.error)")
            #expect(try timestamp(catalog) == after)
        }
    }
}

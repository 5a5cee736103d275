import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

/// Publishing and pruning killed at random moments: whatever is left is a whole tree, and the next run goes on.
@Suite struct KilledPublisherTests {
    @Test func aFewKillsLeaveAWholeTree() async throws { try await drill(rounds: 6, seed: 6) }

    @Test(.enabled(if: getenv("OSCIRCULAR_DRILL") != nil, "only in 'make drill'"))
    func drillOfFiftyKillsLeavesAWholeTree() async throws {
        try await drill(
            rounds: getenv("OSCIRCULAR_DRILL_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 50, seed: 2009)
    }

    private func drill(rounds: Int, seed: UInt64) async throws {
        let folder = try TemporaryDirectory()
        let (tree, keys) = (folder.file("tree"), ["--keys", folder.file("keys")])
        let program = { (arguments: [String]) in
            try await BuiltProgram.run("oscircular-publish", arguments + keys)
        }
        try #require(try await program(["init", tree]).status == 0)
        var random = SeededRandom(seed: seed)
        var (published, kills, round) = (0, 0, 0)
        /// How long the last run that was not killed took: kills are spread over it.
        var milliseconds: UInt64 = 600
        while kills < rounds {
            round += 1
            let isPrune = round.isMultiple(of: 4) && published > 1
            let day = "20\(10 + published / 12)-\(published % 12 < 9 ? "0" : "")\(published % 12 + 1)-01"
            // A part of every image is the one's before it.
            try PublisherFixtures.writeImage(
                [
                    .random(1_500_000, seed: UInt64(published / 3)), .hole(300_000),
                    .random(2_500_000, seed: UInt64(1000 + published)),
                ], to: folder.file("image"))
            let arguments =
                isPrune
                ? ["prune", tree, "--keep-weeks", "9", "--grace-days", "0"]
                : ["add", tree, "d", day, folder.file("image"), "--compression", "15"]
            let delay = random.next() % max(20, milliseconds)
            let begun = MonotonicClock.nanoseconds
            let due = begun + delay * 1_000_000
            let ended = try await BuiltProgram.run(
                "oscircular-publish", arguments + keys, signal: SIGKILL, when: { MonotonicClock.nanoseconds >= due })
            let what = "round \(round): \(arguments[0]) killed after \(delay) ms"
            if ended.status == 128 + SIGKILL {
                kills += 1
            } else {
                #expect([0, 73].contains(ended.status), "\(what): \(ended.stderr)")
                if ended.status == 0 { milliseconds = (MonotonicClock.nanoseconds - begun) / 1_000_000 }
            }
            let verified = try await program(["verify", tree])
            try #require(verified.status == 0, "\(what): \(verified.stderr)")
            if isPrune { continue }
            // The next run goes on, or finds that the killed one had published it.
            let again = try await program(arguments)
            try #require([0, 73].contains(again.status), "\(what): \(again.stderr)")
            published += 1
            let left = folder.files(below: "tree").filter { $0.contains("/.") }
            #expect(again.status == 73 || left.isEmpty, "\(what): \(left)")
        }
        let late = try await program(["prune", tree, "--keep-weeks", "1"])
        #expect(late.status == 0, "\(late.stderr)")
        #expect(try await program(["verify", tree]).status == 0)
    }
}

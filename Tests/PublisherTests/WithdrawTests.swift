import Catalog
import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

/// Wrong days, versions that are taken back, and clocks that are behind.
@Suite struct WithdrawTests {
    private let folder: TemporaryDirectory
    private let tree: PublishedTree

    init() throws {
        folder = try TemporaryDirectory()
        tree = try PublishedTree.create(
            path: folder.file("tree"), name: "Tests", description: "",
            keys: SigningKeys(folder: folder.file("keys")))
    }

    private func add(_ version: String, seed: UInt64, _ edit: (inout NewVersion) -> Void = { _ in }) throws {
        try PublisherFixtures.writeRandomImage(size: 300_000, seed: seed, to: folder.file("a.img"))
        var new = try NewVersion(distribution: "d", version: version)
        edit(&new)
        _ = try tree.add(new, image: folder.file("a.img"), options: try PublishOptions())
    }

    private var distribution: Distribution {
        get throws { try #require(try tree.catalog().distribution("d")) }
    }

    private func id(_ text: String) throws -> VersionID { try #require(VersionID(text)) }

    private func run(_ arguments: String...) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.run("oscircular-publish", arguments + ["--keys", folder.file("keys")])
    }

    // MARK: Days

    @Test func aDayThatIsAheadOfTheClockIsRefusedUnlessItIsMeant() async throws {
        let today = tree.today
        func day(_ days: Int64) -> String { CalendarDate(dayNumber: today.dayNumber + days).description }
        try add(day(1), seed: 1)
        #expect(throws: PublisherError.self) { try add(day(2), seed: 2) }
        #expect(throws: PublisherError.self) {
            try add(day(0), seed: 2) { $0.published = Timestamp(seconds: $0.published.seconds + 3 * 86_400) }
        }
        try PublisherFixtures.writeRandomImage(size: 300_000, seed: 3, to: folder.file("b.img"))
        let typed = try await run("add", tree.path, "d", "2062-11-16", folder.file("b.img"))
        #expect(typed.status == 64)
        #expect(typed.stderr.contains("2062-11-16 lies in the future"), "\(typed.stderr)")
        #expect(typed.stderr.contains("--allow-future"))
        #expect(try await run("add", tree.path, "d", "2062-11-16", folder.file("b.img"), "--allow-future").status == 0)
        #expect(try distribution.versions.map(\.id.text) == ["2062-11-16", day(1)])
    }

    @Test func aVersionFromTheFutureRemovesNoOther() throws {
        try add("2026-11-02", seed: 1)
        try add("2026-11-09", seed: 2)
        try add("2062-11-16", seed: 3) { $0.isFutureAllowed = true }
        #expect(try tree.prune(PruneRule(keepWeeks: 26)).removed.isEmpty)
        #expect(try tree.prune(PruneRule(keepWeeks: 1)).removed.map(\.id.text) == ["2026-11-02"])
        #expect(try tree.prune(PruneRule(maxBytes: 1)).removed.isEmpty)
        #expect(try distribution.versions.map(\.id.text) == ["2062-11-16", "2026-11-09"])
    }

    // MARK: Withdrawing

    @Test func aWithdrawnVersionIsGoneAndTheCatalogSaysWhy() async throws {
        try add("2026-11-09", seed: 1)
        try add("2026-11-16", seed: 2)
        let digest = try #require(try distribution.versions.first?.digest)
        let done = try await run(
            "withdraw", tree.path, "d", "2026-11-16", "--why", "sshd lets\u{1b}[31m everybody in")
        #expect(done.status == 0, "\(done.stderr)")
        let recorded = try await run("record", tree.path, "d", "2026-11-16")
        #expect(recorded.status == 73 && recorded.stderr.contains("it was withdrawn on"), "\(recorded.stderr)")
        #expect(try distribution.versions.map(\.id.text) == ["2026-11-09"])
        let withdrawn = try #require(try distribution.withdrawn.first)
        #expect(withdrawn.id.text == "2026-11-16")
        #expect(withdrawn.why == "sshd lets\u{1b}[31m everybody in")
        #expect(withdrawn.digest == digest)
        // Not twice, not again under its name, and not pinned.
        for arguments in [
            ["withdraw", tree.path, "d", "2026-11-16"], ["pin", tree.path, "d", "2026-11-16"],
            ["add", tree.path, "d", "2026-11-16", folder.file("a.img")],
        ] {
            let refused = try await BuiltProgram.run(
                "oscircular-publish", arguments + ["--keys", folder.file("keys")])
            #expect(refused.status == 73)
            #expect(refused.stderr.contains("withdrawn on"), "\(refused.stderr)")
            #expect(!refused.stderr.contains("\u{1b}"))
        }
        #expect(try await run("withdraw", tree.path, "d", "2026-11-17").status == 66)
        #expect(try await run("withdraw", tree.path, "e", "2026-11-17").status == 66)
        // The image itself may come back under the right day, by hand.
        try add("2026-11-16.1", seed: 2)
        #expect(try await run("verify", tree.path).status == 0)
        // Also the last one goes.
        try tree.withdraw("d", try id("2026-11-16.1"), why: "")
        try tree.withdraw("d", try id("2026-11-09"), why: "")
        #expect(try distribution.versions.isEmpty)
        #expect(try distribution.withdrawn.map(\.id.text) == ["2026-11-16.1", "2026-11-16", "2026-11-09"])
        #expect(try await run("verify", tree.path).status == 0)
        #expect(try await run("stats", tree.path).status == 0)
        // Its blocks go with a later prune, when nobody can ask for them.
        var late = tree
        late.clock = { Timestamp(seconds: Timestamp.now.seconds + 40 * 86_400) }
        _ = try late.renew()
        #expect(try late.prune(PruneRule(keepWeeks: 1)).sweptBlocks > 0)
        #expect(!folder.files(below: "tree/blocks").contains { $0.hasSuffix(".cacnk") })
    }

    @Test func aPublisherOfOneDistributionWithdrawsItsOwn() throws {
        try add("2026-11-09", seed: 1)
        _ = try tree.delegate("d", passphrase: nil)
        try add("2026-11-16", seed: 2)
        try tree.withdraw("d", try id("2026-11-16"), why: "no")
        try tree.withdraw("d", try id("2026-11-09"), why: "no")
        #expect(try distribution.versions.isEmpty)
        #expect(try distribution.withdrawn.count == 2)
    }

    @Test func aTimerDoesNotBringBackWhatWasWithdrawn() async throws {
        try AtomicFile.write(
            "#!/bin/sh\necho \"$OSCIRCULAR_VERSION\" >> '\(folder.file("log"))'; cp '\(folder.file("image"))' \"$OSCIRCULAR_OUTPUT\"\n",
            to: folder.file("build"), mode: 0o755)
        try AtomicFile.write("[[distribution]]\nid = \"d\"\nbuild = \"./build\"\n", to: folder.file("r.toml"))
        func update() async throws -> String {
            let result = try await run(
                "update", tree.path, "--recipe", folder.file("r.toml"), "--work", folder.file("work"), "--date",
                "2026-11-16")
            #expect(result.status == 0, "\(result.stderr)")
            return result.stdout
        }
        try AtomicFile.write("one", to: folder.file("image"))
        #expect(try await update().contains("published d@2026-11-16\n"))
        try tree.withdraw("d", try id("2026-11-16"), why: "")
        #expect(try await update().contains("nothing new, the image is that of 2026-11-16"))
        try AtomicFile.write("two", to: folder.file("image"))
        #expect(try await update().contains("published d@2026-11-16.1\n"))
        #expect(
            try folder.bytes("log").split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
                == ["2026-11-16", "2026-11-16.1", "2026-11-16.1"])
    }

    @Test func upstreamsWithdrawnImageIsNotFetchedAgain() async throws {
        try Folder.make(folder.file("web/20261109"))
        try PublisherFixtures.writeRandomImage(size: 4000, seed: 1, to: folder.file("web/20261109/x.img"))
        let server = try FaultyHTTPServer(folder: folder.file("web"))
        defer { server.stop() }
        server.always("/", .replaced(Array("<a href=\"20261109/\">20261109/</a>".utf8)))
        try AtomicFile.write(
            "[[distribution]]\nid = \"d\"\nupstream = \"\(server.url)\"\nentry = \"{date}\"\nimage = \"{entry}/x.img\"\nsums = \"none\"\n",
            to: folder.file("r.toml"))
        let update = ["update", tree.path, "--recipe", folder.file("r.toml"), "--keys", folder.file("keys")]
        #expect(try await BuiltProgram.run("oscircular-publish", update).stdout.contains("published d@2026-11-09"))
        try tree.withdraw("d", try id("2026-11-09"), why: "")
        let again = try await BuiltProgram.run("oscircular-publish", update)
        #expect(again.stdout.contains("20261109, which was withdrawn as 2026-11-09"), "\(again.stdout)\(again.stderr)")
        #expect(try distribution.versions.isEmpty)
    }

    // MARK: Clocks

    @Test func aClockBehindTheLastSignatureSignsNothing() throws {
        try add("2026-11-09", seed: 1)
        let before = try folder.bytes("tree/metadata/timestamp.json")
        for seconds: Int64 in [7200, 30 * 86_400, Timestamp.now.seconds] {
            var behind = tree
            behind.clock = { Timestamp(seconds: Timestamp.now.seconds - seconds) }
            let version = try id("2026-11-09")
            let works: [(PublishedTree) throws -> Void] = [
                { _ = try $0.renew() }, { _ = try $0.rotate(.timestamp, passphrase: nil) },
                { _ = try $0.delegate("d", passphrase: nil) }, { try $0.resume() }, { try $0.pin("d", version, true) },
                { try $0.withdraw("d", version, why: "") }, { try $0.noteRecordingFailure("x", of: "d", version) },
                { _ = try $0.prune(PruneRule(keepWeeks: 1)) },
                { tree in
                    var new = try NewVersion(distribution: "d", version: "2026-11-10")
                    new.isFutureAllowed = true
                    _ = try tree.add(new, image: folder.file("a.img"), options: try PublishOptions())
                },
            ]
            for (number, work) in works.enumerated() {
                let error = #expect(throws: PublisherError.self, "\(number)") { try work(behind) }
                guard case .clockBehind = error else {
                    Issue.record("\(number): \(String(describing: error))")
                    continue
                }
            }
        }
        #expect(try folder.bytes("tree/metadata/timestamp.json") == before)
        #expect(TemporaryDirectory.names(folder.file("keys")).count == 3)
        // Two publishers' clocks differ by a little.
        var near = tree
        near.clock = { Timestamp(seconds: Timestamp.now.seconds - 600) }
        _ = try near.renew()
    }

    @Test func whoKnowsThatTheClockIsRightGoesOn() async throws {
        var ahead = tree
        ahead.clock = { Timestamp(seconds: Timestamp.now.seconds + 300 * 86_400) }
        _ = try ahead.renew()
        let refused = try await run("timestamp", tree.path)
        #expect(refused.status == 75)
        #expect(refused.stderr.contains("clock") && refused.stderr.contains("--trust-clock"), "\(refused.stderr)")
        #expect(try await run("timestamp", tree.path, "--trust-clock").status == 0)
        #expect(try await run("timestamp", tree.path).status == 0)
        #expect(throws: PublisherError.self) { try PublishedTree.checkClock(Timestamp(seconds: 86_400)) }
    }
}

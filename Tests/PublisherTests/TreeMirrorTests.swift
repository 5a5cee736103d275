import Catalog
import Glibc
import Linux
import TUF
import TestSupport
import Testing

/// Copies of trees in folders.
@Suite struct TreeMirrorTests {
    private let fixture: TreeFixture

    init() throws { fixture = try TreeFixture() }

    private var folder: TemporaryDirectory { fixture.folder }

    @Test func aCopyIsATreeLikeTheOther() async throws {
        try await fixture.make()
        let said = try await fixture.must("mirror", fixture.tree, fixture.copy)
        #expect(said.contains("versions:    3"))
        #expect(said.contains("blocks:      7 copied"), "\(said)")
        try await fixture.must("verify", fixture.copy)
        #expect(fixture.blocks("copy").map { $0.dropFirst(5) } == fixture.blocks().map { $0.dropFirst(5) })
        for name in fixture.blocks() + ["tree/metadata/timestamp.json", "tree/metadata/1.root.json"] {
            #expect(try folder.bytes(name) == (try folder.bytes("copy" + name.dropFirst(4))))
        }
        #expect(try await fixture.must("key", "list", fixture.copy).contains("fingerprint: "))
    }

    @Test func onlyWhatIsNewIsCopied() async throws {
        try await fixture.make()
        let server = try FaultyHTTPServer(folder: fixture.tree)
        try await fixture.must("mirror", server.url, fixture.copy)
        let first = server.requests.count
        let again = try await fixture.must("mirror", server.url, fixture.copy)
        #expect(again.contains("blocks:      0 copied"))
        #expect(!server.requests.dropFirst(first).contains { $0.hasPrefix("/blocks/") || $0.hasPrefix("/targets/") })
        try await fixture.must("add", fixture.tree, "debian", "2026-11-23", try fixture.image([1, 2, 6]))
        #expect(try await fixture.must("mirror", server.url, fixture.copy).contains("blocks:      1 copied"))
        try await fixture.must("verify", fixture.copy)
    }

    @Test func theTimestampIsWrittenLast() async throws {
        try await fixture.make()
        let server = try FaultyHTTPServer(folder: fixture.tree)
        let name = try #require(fixture.blocks().last).dropFirst(4)
        server.always(String(name), .wrongBytes)
        let spoiled = try await fixture.run("mirror", server.url, fixture.copy)
        #expect(spoiled.status == 65)
        #expect(spoiled.stderr.contains("is damaged"), "\(spoiled.stderr)")
        // All the other blocks came; nothing says that they are a tree.
        #expect(fixture.blocks("copy").count == fixture.blocks().count - 1)
        #expect(access("\(fixture.copy)/metadata/timestamp.json", F_OK) != 0)
        server.always(String(name), .none)
        #expect(try await fixture.must("mirror", server.url, fixture.copy).contains("blocks:      1 copied"))
        try await fixture.must("verify", fixture.copy)
    }

    @Test func aSourceThatFailsForAMomentIsAskedAgain() async throws {
        try await fixture.make()
        let server = try FaultyHTTPServer(folder: fixture.tree)
        for name in fixture.blocks().map({ String($0.dropFirst(4)) }).prefix(4) {
            server.script(name, .status(503), .truncated(after: 100))
        }
        for name in ["1.root.json", "timestamp.json"] { server.script("/metadata/\(name)", .status(503)) }
        for name in TemporaryDirectory.names("\(fixture.tree)/targets/debian") {
            server.script("/targets/debian/\(name)", .reset(after: 3))
        }
        try await fixture.must("mirror", server.url, fixture.copy)
        try await fixture.must("verify", fixture.copy)
    }

    @Test func aDamagedOrMissingBlockOfTheSourceIsNamed() async throws {
        try await fixture.make()
        let blocks = fixture.blocks()
        try fixture.damage(blocks[0])
        unlink(folder.file(blocks[1]))
        let result = try await fixture.run("mirror", fixture.tree, fixture.copy)
        #expect(result.status == 65)
        #expect(result.stderr.contains("and 1 more"), "\(result.stderr)")
        #expect(access("\(fixture.copy)/metadata/timestamp.json", F_OK) != 0)
    }

    @Test func aSourceThatWentBackInTimeIsRefused() async throws {
        try await fixture.make()
        try await fixture.copyFolder("tree", to: "old")
        try await fixture.must("add", fixture.tree, "debian", "2026-11-23", try fixture.image([7]))
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        let stamp = try folder.bytes("copy/metadata/timestamp.json")
        let result = try await fixture.run("mirror", folder.file("old"), fixture.copy)
        #expect(result.status == 65)
        #expect(result.stderr.contains("went back"), "\(result.stderr)")
        #expect(try folder.bytes("copy/metadata/timestamp.json") == stamp)
    }

    @Test func anotherTreeDoesNotTakeACopysPlace() async throws {
        try await fixture.make()
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        let other = folder.file("other")
        try await fixture.must("init", other, "--keys", folder.file("other-keys"))
        let result = try await fixture.run("mirror", other, fixture.copy)
        #expect(result.status == 65)
        #expect(result.stderr.contains("another tree"))
        try await fixture.must("verify", fixture.copy)
    }

    @Test func theRootThatIsWantedIsCompared() async throws {
        try await fixture.make()
        let wrong = String(repeating: "0", count: 64)
        #expect(try await fixture.run("mirror", fixture.tree, fixture.copy, "--fingerprint", wrong).status == 65)
        #expect(try await fixture.run("mirror", fixture.tree, fixture.copy, "--fingerprint", "12").status == 64)
        #expect(try await fixture.run("mirror", fixture.tree, fixture.copy, "--jobs", "0").status == 64)
        let root = "\(fixture.tree)/metadata/1.root.json"
        try await fixture.must("mirror", fixture.tree, fixture.copy, "--root", root)
    }

    @Test func someDistributionsAreCopiedAndTheRestIsNot() async throws {
        try await fixture.make()
        try await fixture.must("mirror", fixture.tree, fixture.copy, "--distribution", "tiny")
        #expect(fixture.blocks("copy").count == 4)
        try await fixture.must("verify", fixture.copy, "--distribution", "tiny")
        #expect(try await fixture.run("verify", fixture.copy).status == 65)
        #expect(try await fixture.run("mirror", fixture.tree, fixture.copy, "--distribution", "none").status == 66)
        // The others may come later.
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        try await fixture.must("verify", fixture.copy)
    }

    @Test func whatTheTreeNamesNoLongerGoesAfterAWhile() async throws {
        try await fixture.make()
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        // As a publisher's prune would: the other distribution alone is wanted.
        let few = ["mirror", fixture.tree, fixture.copy, "--distribution", "tiny", "--delete-after"]
        #expect(try await fixture.run(few + ["14"]).stdout.contains("removed:     0 files"))
        try await fixture.must("verify", fixture.copy)
        // Two weeks later.
        let record = "\(fixture.copy)/blocks/.unused"
        let lines = try FileContents.readText(record, limit: 1 << 20).split(separator: "\n")
        #expect(lines.count == 5, "\(lines)")
        let old = lines.map { line in
            let words = line.split(separator: " ")
            return "\((Int(words[0]) ?? 0) - 15 * 86_400) \(words[1])\n"
        }
        try AtomicFile.write(old.joined(), to: record)
        #expect(try await fixture.run(few + ["14"]).stdout.contains("removed:     \(lines.count) files"))
        try await fixture.must("verify", fixture.copy, "--distribution", "tiny")
        #expect(fixture.blocks("copy").count == 4)
        // What is wanted again comes again.
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        try await fixture.must("verify", fixture.copy)
    }

    @Test func metadataThatADiskSpoiledIsReplaced() async throws {
        try await fixture.make()
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        for name in folder.files(below: "copy/metadata") where !name.hasSuffix("1.root.json") {
            try fixture.damage(name)
        }
        #expect(try await fixture.run("verify", fixture.copy).status == 65)
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        try await fixture.must("verify", fixture.copy)
    }

    @Test func aDistributionWithItsOwnKeyIsCopied() async throws {
        try await fixture.make()
        try await fixture.must("key", "delegate", fixture.tree, "debian")
        try await fixture.must("add", fixture.tree, "debian", "2026-11-23", try fixture.image([1, 8]))
        try await fixture.must("key", "rotate", fixture.tree, "root")
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        try await fixture.must("verify", fixture.copy)
        #expect(try await fixture.must("key", "list", fixture.copy).contains("debian: 1 of 1"))
    }

    @Test func aCopyThatWasKilledGoesOn() async throws {
        try await fixture.must("init", fixture.tree)
        let image = folder.file("large.img")
        try PublisherFixtures.writeRandomImage(size: 60_000_000, seed: 3, to: image)
        try await fixture.must("add", fixture.tree, "debian", "2026-11-16", image)
        let copy = folder.file("copy/blocks")
        for signal in [SIGKILL, SIGTERM] {
            let ended = try await BuiltProgram.run(
                "oscircular-publish", ["mirror", fixture.tree, fixture.copy, "--jobs", "1"], signal: signal,
                when: { TemporaryDirectory.names(copy).count > 12 })
            // It may have been faster.
            #expect([128 + signal, 0].contains(ended.status), "\(ended.stderr)")
        }
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        try await fixture.must("verify", fixture.copy)
        #expect(!TemporaryDirectory.names(copy).contains { $0.hasPrefix(".ingest") })
    }

    @Test func whatExpiredIsNotCopied() async throws {
        var lifetimes = RepositoryLifetimes()
        lifetimes.timestamp = -1
        let expired = try SignedTree(path: fixture.tree, lifetimes: lifetimes)
        try expired.publish(CatalogDocument(name: "old", updated: .now))
        let result = try await fixture.run("mirror", fixture.tree, fixture.copy)
        #expect(result.status == 65)
        #expect(result.stderr.contains("timestamp expired"), "\(result.stderr)")
    }

    @Test(.enabled(if: geteuid() == 0, "a small file system takes root's rights"))
    func aFullDiskIsSaidAndTheCopyGoesOn() async throws {
        try await fixture.make()
        let program = BuiltProgram.path("oscircular-publish")
        try Folder.make(fixture.copy)
        let script = """
            mount -t tmpfs -o size=1m none \(fixture.copy) || exit 1
            \(program) mirror \(fixture.tree) \(fixture.copy)
            [ $? = 73 ] || exit 2
            [ ! -e \(fixture.copy)/metadata/timestamp.json ] || exit 3
            mount -o remount,size=20m \(fixture.copy) || exit 4
            \(program) mirror \(fixture.tree) \(fixture.copy) && \(program) verify \(fixture.copy)
            """
        let result = try await BuiltProgram.runAny(
            "unshare", ["-m", "--propagation", "private", "sh", "-c", script])
        #expect(result.status == 0, "\(result.stderr)")
        #expect(result.stderr.contains("make room"))
    }

    @Test(.enabled(if: ProgramPath.find("casync") != nil, "casync is not installed: apt-get install casync"))
    func casyncReadsACopysStore() async throws {
        try await fixture.make()
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        let index = try #require(
            folder.files(below: "copy/targets").first { $0.contains("/tiny/") && $0.hasSuffix(".caibx") })
        let extracted = try await BuiltProgram.runAny(
            "casync", ["extract", "--store=\(fixture.copy)/blocks", folder.file(index), folder.file("b.img")])
        #expect(extracted.status == 0, "\(extracted.stderr)")
        #expect(try folder.bytes("b.img") == (try folder.bytes("a.img")))
    }

    @Test func twoAtOnceOnOneCopyAreRefused() async throws {
        try await fixture.make()
        try await fixture.must("mirror", fixture.tree, fixture.copy)
        let lock = try FileHandle(path: "\(fixture.copy)/blocks", flags: O_RDONLY | O_DIRECTORY)
        try #require(try lock.lock(exclusive: true, wait: false))
        #expect(try await fixture.run("mirror", fixture.tree, fixture.copy).status == 75)
    }

    @Test func aSourceThatIsNoneSaysSo() async throws {
        #expect(try await fixture.run("mirror", folder.file("none"), fixture.copy).status == 66)
        #expect(try await fixture.run("mirror", folder.path, folder.file("copy2")).status == 65)
        let port = try FreePort.find()
        #expect(try await fixture.run("mirror", "http://127.0.0.1:\(port)/", fixture.copy).status == 69)
        #expect(try await fixture.run("mirror", folder.path, "s3://bucket").status == 64)
    }
}

import Glibc
import Linux
import Publisher
import TestSupport
import Testing

/// Publishing that is stopped, by a signal, a kill or a full disk, and what it leaves.
@Suite struct StopTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func make(_ name: String, store: String, _ options: String...) -> [String] {
        ["make", folder.file("a.img"), folder.file("\(name).caibx"), "--store", folder.file(store)] + options
    }

    /// True once some blocks have their names.
    private func hasBlocks(_ store: String) -> @Sendable () -> Bool {
        let path = folder.file(store)
        return { TemporaryDirectory.names(path).filter { $0.count == 4 }.count > 2 }
    }

    @Test func whatAKillLeftIsCleanedAndResumed() async throws {
        try PublisherFixtures.writeImage([.random(40_000_000, seed: 1), .hole(5)], to: folder.file("a.img"))
        // The slow level leaves time for the kill.
        let killed = try await BuiltProgram.run(
            "oscircular-publish", make("a", store: "a.castr", "--compression", "19"), signal: SIGKILL,
            when: hasBlocks("a.castr"))
        try #require(killed.status == 128 + SIGKILL)
        #expect(!folder.files().contains("a.caibx"))
        // What another kill might have left: a temporary index of a process that is gone.
        let ended = try ChildProgramEnded.processID()
        try AtomicFile.write("half", to: folder.file(".a.caibx.\(ended).x1.tmp"))
        let kept = folder.files(below: "a.castr").filter { $0.hasSuffix(".cacnk") }.count

        let resumed = try await BuiltProgram.run("oscircular-publish", make("a", store: "a.castr"))
        try #require(resumed.status == 0, "\(resumed.stderr)")
        #expect(resumed.stdout.contains("; \(kept) were there"))
        #expect(!folder.files().contains { $0.hasSuffix(".tmp") || $0.contains(".ingest-") })
        #expect(!TemporaryDirectory.names(folder.file("a.castr")).contains { $0.hasPrefix(".") })

        try #require(try await BuiltProgram.run("oscircular-publish", make("b", store: "b.castr")).status == 0)
        #expect(try folder.bytes("a.caibx") == folder.bytes("b.caibx"))
        let names = { (store: String) in folder.files(below: store).map { String($0.dropFirst(store.count)) } }
        #expect(names("a.castr") == names("b.castr"))
    }

    @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
    func aSignalStopsCleanly(signal: Int32, status: Int32) async throws {
        try PublisherFixtures.writeImage([.random(40_000_000, seed: 1)], to: folder.file("a.img"))
        let stopped = try await BuiltProgram.run(
            "oscircular-publish", make("a", store: "a.castr", "--compression", "19"), signal: signal,
            when: hasBlocks("a.castr"))
        #expect(stopped.status == status)
        #expect(stopped.stderr.contains("stopped"))
        #expect(!folder.files().contains { $0.hasSuffix(".tmp") || $0.contains(".ingest-") || $0 == "a.caibx" })
        #expect(!TemporaryDirectory.names(folder.file("a.castr")).contains { $0.hasPrefix(".") })
    }

    @Test func aLivePublishersFilesAreLeftAlone() async throws {
        try PublisherFixtures.writeImage([.random(1_000_000, seed: 1)], to: folder.file("a.img"))
        let ingest = folder.file("a.castr/.ingest-alive")
        mkdir(folder.file("a.castr"), 0o755)
        mkdir(ingest, 0o700)
        try AtomicFile.write("half", to: "\(ingest)/1")
        let lock = try FileHandle(path: ingest, flags: O_RDONLY | O_DIRECTORY)
        try #require(try lock.lock(exclusive: true, wait: false))
        #expect(try await BuiltProgram.run("oscircular-publish", make("a", store: "a.castr")).status == 0)
        #expect(folder.files().contains("a.castr/.ingest-alive/1"))
        lock.unlock()
        #expect(try await BuiltProgram.run("oscircular-publish", make("a", store: "a.castr")).status == 0)
        #expect(!folder.files().contains("a.castr/.ingest-alive/1"))
    }

    @Test(.enabled(if: getuid() == 0, "only root can mount the small file system"))
    func aFullDiskIsSaidAndLeavesNoHalfFiles() async throws {
        try PublisherFixtures.writeImage([.random(4_000_000, seed: 1)], to: folder.file("a.img"))
        let small = folder.file("small")
        mkdir(small, 0o755)
        let mounted = try await BuiltProgram.runAny("mount", ["-t", "tmpfs", "-o", "size=2m", "none", small])
        try #require(mounted.status == 0, "\(mounted.stderr)")
        defer { umount2(small, Int32(MNT_DETACH)) }
        let full = try await BuiltProgram.run("oscircular-publish", make("a", store: "small/a.castr"))
        #expect(full.status == 73)
        #expect(full.stderr.contains("No space left on device"))
        #expect(!folder.files().contains { $0.contains(".ingest-") || $0 == "a.caibx" })
        // With room it goes on where it stopped.
        let more = try await BuiltProgram.runAny("mount", ["-o", "remount,size=20m", small])
        try #require(more.status == 0, "\(more.stderr)")
        let resumed = try await BuiltProgram.run("oscircular-publish", make("a", store: "small/a.castr"))
        #expect(resumed.status == 0)
        #expect(!resumed.stdout.contains("; 0 were there"))
    }

    @Test func imagesOfNoUseAreSaid() async throws {
        try PublisherFixtures.writeImage([], to: folder.file("a.img"))
        #expect(try await BuiltProgram.run("oscircular-publish", make("a", store: "s")).status == 65)
        mkfifo(folder.file("fifo"), 0o600)
        for (image, status) in [("none", 66), ("", 66), ("fifo", 66)] as [(String, Int32)] {
            let ended = try await BuiltProgram.run(
                "oscircular-publish", ["make", folder.file(image), folder.file("a.caibx"), "--store", folder.file("s")])
            #expect(ended.status == status, "\(image): \(ended.stderr)")
        }
        #expect(folder.files() == ["a.img", "fifo"])
    }

    @Test func optionsOutOfBoundsAreUsageErrors() async throws {
        try PublisherFixtures.writeImage([.random(100, seed: 1)], to: folder.file("a.img"))
        for options in [
            ["--block-size", "0"], ["--block-size", "1000"], ["--block-size", "2048"], ["--block-size", "33554432"],
            ["--block-size", "x"], ["--compression", "0"], ["--compression", "23"], ["--digest", "md5"],
        ] {
            let ended = try await BuiltProgram.run("oscircular-publish", make("a", store: "s") + options)
            #expect(ended.status == 64, "\(options): \(ended.stderr)")
        }
        #expect(folder.files() == ["a.img"])
    }

    @Test func anIndexOrStoreThatCannotBeIsSaid() async throws {
        try PublisherFixtures.writeImage([.random(100, seed: 1)], to: folder.file("a.img"))
        #expect(try await BuiltProgram.run("oscircular-publish", make("none/a", store: "s")).status == 73)
        #expect(try await BuiltProgram.run("oscircular-publish", make("a", store: "a.img")).status == 73)
        #expect(try await BuiltProgram.run("oscircular-publish", make("a", store: "a.img/s")).status == 73)
        mkdir(folder.file("d.caibx"), 0o755)
        #expect(try await BuiltProgram.run("oscircular-publish", make("d", store: "s")).status == 73)
    }
}

/// The id of a process that has ended.
private enum ChildProgramEnded {
    static func processID() throws -> pid_t {
        let nothing = try ChildProgram.scratch()
        let process = try ChildProgram.start("true", [], output: nothing, errors: nothing)
        process.wait()
        return process.pid
    }
}

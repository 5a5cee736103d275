import Linux
import TUF
import TestSupport
import Testing

/// The public conformance suite's command line, against a server.
@Suite struct ProgramTests {
    /// A tree of ours behind a server, and the program's folders.
    private struct Setup {
        let publisher: PublisherFixture
        let server: FaultyHTTPServer
        var state: String { "\(publisher.folder.path)/state" }
        var out: String { "\(publisher.folder.path)/out" }

        init() throws {
            publisher = try PublisherFixture()
            try publisher.create()
            server = try FaultyHTTPServer(folder: publisher.path)
        }

        func run(_ arguments: String...) async throws -> (status: Int32, stderr: String) {
            let ended = try await BuiltProgram.run("tuf-client", ["--metadata-dir", state] + arguments)
            #expect(ended.stdout.isEmpty)
            return (ended.status, ended.stderr)
        }

        func initialize() async throws {
            #expect(try await run("init", "\(publisher.path)/metadata/1.root.json").status == 0)
        }

        func refresh() async throws -> (status: Int32, stderr: String) {
            try await run("--metadata-url", "\(server.url)metadata", "refresh")
        }

        func download(_ names: String...) async throws -> Int32 {
            let named = names.flatMap { ["--target-name", $0] }
            let places = ["--target-base-url", "\(server.url)targets", "--target-dir", out, "download"]
            let ended = try await BuiltProgram.run(
                "tuf-client", ["--metadata-dir", state, "--metadata-url", "\(server.url)metadata"] + named + places)
            return ended.status
        }
    }

    @Test func makesNoRequestForInit() async throws {
        let setup = try Setup()
        try await setup.initialize()
        #expect(setup.server.requests.isEmpty)
        #expect(try Folder(path: setup.state).names() == ["root.json"])
    }

    @Test func keepsMetadataUnderPlainNames() async throws {
        let setup = try Setup()
        try await setup.initialize()
        #expect(try await setup.refresh().status == 0)
        #expect(
            try Folder(path: setup.state).names().sorted() == [
                "root.json", "snapshot.json", "targets.json", "timestamp.json",
            ])
        #expect(
            setup.server.requests == [
                "/metadata/2.root.json", "/metadata/timestamp.json", "/metadata/1.snapshot.json",
                "/metadata/1.targets.json",
            ])
    }

    @Test func doesNotDownloadWhatIsThere() async throws {
        let setup = try Setup()
        try await setup.initialize()
        let repository = setup.publisher.repository
        let targets = [try repository.store([1], as: "a"), try repository.store([2], as: "b/c")]
        try repository.update(adding: targets, signers: setup.publisher.all)
        #expect(try await setup.download("a", "b/c") == 0)
        #expect(try Folder(path: setup.out).names().sorted() == ["a", "b%2Fc"])
        func downloads() -> Int { setup.server.requests.filter { $0.hasPrefix("/targets/") }.count }
        #expect(downloads() == 2)
        #expect(try await setup.download("a", "b/c") == 0)
        #expect(downloads() == 2)
        try AtomicFile.write([9], to: "\(setup.out)/a")
        #expect(try await setup.download("a") == 0)
        #expect(downloads() == 3)
        #expect(try FileContents.read("\(setup.out)/a", limit: 10) == [1])
    }

    @Test func failsWithOneForEverythingElse() async throws {
        let setup = try Setup()
        #expect(try await setup.refresh().status == 1)
        #expect(try await setup.run("init", "/nowhere/root.json").status == 1)
        #expect(try await setup.run("refresh").status == 1)
        #expect(try await setup.run("nonsense").status == 1)
        try await setup.initialize()
        #expect(try await setup.download("missing") == 1)
        #expect(!FileContents.isThere("\(setup.out)/missing"))
        setup.server.stop()
        let ended = try await setup.refresh()
        #expect(ended.status == 1 && ended.stderr.contains("2.root.json"))
    }

    @Test func storesNothingThatThePublisherDidNotName() async throws {
        let setup = try Setup()
        try await setup.initialize()
        let target = try setup.publisher.repository.store([1, 2, 3], as: "a")
        try setup.publisher.repository.update(adding: [target], signers: setup.publisher.all)
        try AtomicFile.write([1, 2, 4], to: "\(setup.publisher.path)/targets/\(target.sha256 ?? "").a")
        #expect(try await setup.download("a") == 1)
        #expect(!FileContents.isThere("\(setup.out)/a"))
    }
}

extension FileContents {
    /// Whether a file can be read.
    fileprivate static func isThere(_ path: String) -> Bool { (try? read(path, limit: 1 << 20)) != nil }
}

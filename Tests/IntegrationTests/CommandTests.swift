import Glibc
import Linux
import TestSupport
import Testing

/// The exit codes of oscircular(1), each provoked. The words on standard error are looked at where they must help.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct CommandTests {
    private static let small = [PublisherFixtures.Stretch.random(600_000, seed: 1), .hole(600_000)]

    /// A scenario with one version of a small image.
    private func withTiny(configuration: String = "", _ body: (Scenario) async throws -> Void) async throws {
        let sources = try TemporaryDirectory()
        try PublisherFixtures.writeImage(Self.small, to: sources.path("tiny.img"))
        try await Scenario.with(
            images: [("2026-11-16", sources.path("tiny.img"))], configuration: configuration, body)
    }

    @Test func wrongUsageIs64() async throws {
        try await Scenario.with { scenario in
            let directory = try scenario.emptyFolder("m")
            let wrong = [
                ["frobnicate"], ["list", "--frobnicate"], ["mount"], ["mount", "tiny"], ["boot", "tiny@"],
                ["boot", "/tiny"], ["boot", "tiny", "--memory", "1"], ["boot", "tiny", "--accel", "xen"],
                ["boot", "tiny", "--display", "hologram"], ["fetch", "@2026-11-16"], ["mount", "a@b/c/d", directory],
                ["catalog", "add", "Bad Name", scenario.server.url], ["catalog", "add", "x", "ftp://127.0.0.1/"],
                ["catalog", "add", "x", "relative/path"], ["cache", "prune", "--to", "many"], ["cache", "polish"],
            ]
            for arguments in wrong {
                let result = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
                #expect(result.status == 64, "\(arguments): \(result.stderr)")
                #expect(result.stdout.isEmpty, "\(arguments)")
                #expect(!result.stderr.isEmpty, "\(arguments)")
            }
            for arguments in [["--version"], ["--help"], ["boot", "--help"]] {
                let result = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
                #expect(result.status == 0 && !result.stdout.isEmpty && result.stderr.isEmpty, "\(arguments)")
            }
        }
    }

    @Test func withoutACatalogTheHintSaysHowToAddOne() async throws {
        try await Scenario.with { scenario in
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("catalog", "remove", "test")
            let commands = [
                ["boot", "tiny", "--detach"], ["fetch", "tiny"], ["mount", "tiny", directory], ["list", "x"],
            ]
            for arguments in commands {
                let result = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
                #expect(result.status == 66, "\(arguments): \(result.stderr)")
                #expect(result.stderr.contains("oscircular catalog add"), "\(arguments): \(result.stderr)")
                #expect(result.stdout.isEmpty)
            }
            #expect(try await scenario.attempt("list").status == 0, "an empty list is no error")
        }
    }

    @Test func whatIsNotThereIs66WithNearNames() async throws {
        try await withTiny { scenario in
            let directory = try scenario.emptyFolder("m")
            let wrong: [(arguments: [String], near: String)] = [
                (["boot", "tiby", "--detach"], "tiny"), (["fetch", "tyny"], "tiny"), (["list", "tinny"], "tiny"),
                (["boot", "tesr/tiny", "--detach"], "test"), (["mount", "tiny@2026-11-15", directory], "2026-11-16"),
                (["fetch", "tiny@1999-01-01"], "2026-11-16"), (["catalog", "remove", "tesd"], "test"),
                (["stop", "zz99"], "zz99"), (["ssh", "zz99"], "zz99"), (["console", "zz99"], "zz99"),
                (["mount", "\(directory)/none.caibx", directory], "none.caibx"),
            ]
            for (arguments, near) in wrong {
                let result = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
                #expect(result.status == 66, "\(arguments): \(result.stderr)")
                #expect(result.stderr.contains(near), "\(arguments): \(result.stderr)")
                #expect(result.stdout.isEmpty)
            }
        }
    }

    @Test func aCatalogThatNobodyConfirmsIsRefused() async throws {
        try await Scenario.with { scenario in
            let result = try await scenario.attempt("catalog", "add", "other", scenario.server.url)
            #expect(result.status == 65, "\(result.error)")
            #expect(result.error.contains("fingerprint"), "\(result.error)")
            let wrong = String(repeating: "ab", count: 32)
            let refused = try await scenario.attempt(
                "catalog", "add", "other", scenario.server.url, "--fingerprint", wrong)
            #expect(refused.status == 65, "\(refused.error)")
            #expect(try await !scenario.client("catalog", "list").contains("other"))
            let words = try await scenario.publisher("key", "list", scenario.tree)
            let line = try #require(words.split(separator: "\n").first { $0.hasPrefix("fingerprint: ") })
            try await scenario.client(
                "catalog", "add", "other", scenario.server.url, "--fingerprint", String(line.dropFirst(13)))
        }
    }

    @Test func aTreeWhoseMetadataIsGoneIs65() async throws {
        try await withTiny { scenario in
            try await scenario.client("fetch", "tiny")
            rename("\(scenario.tree)/metadata", "\(scenario.tree)/moved")
            let refreshed = try await scenario.attempt("catalog", "refresh")
            #expect(refreshed.status == 65, "\(refreshed.error)")
            #expect(try await scenario.attempt("fetch", "tiny").status == 65)
            let added = try await scenario.attempt("catalog", "add", "other", scenario.server.url)
            #expect(added.status == 65, "\(added.error)")
            #expect(added.error.contains("not signed"), "\(added.error)")
        }
    }

    @Test func aServerThatDoesNotAnswerIs69() async throws {
        try await withTiny { scenario in
            let directory = try scenario.emptyFolder("m")
            let port = try FreePort.find()
            let added = try await scenario.attempt(
                "catalog", "add", "other", "http://127.0.0.1:\(port)/", "--fingerprint",
                String(repeating: "0", count: 64))
            #expect(added.status == 69, "\(added.error)")
            scenario.server.stop()
            #expect(try await scenario.attempt("catalog", "refresh").status == 69)
            // The catalog is here, the index is not.
            #expect(try await scenario.attempt("fetch", "tiny").status == 69)
            #expect(try await scenario.attempt("mount", "tiny", directory).status == 69)
            #expect(
                try await scenario.attempt("mount", "http://127.0.0.1:\(port)/disk.caibx", directory).status == 69)
            #expect(scenario.mounts().isEmpty)
        }
    }

    @Test(arguments: ["", "{", "[]", "{\"format\": \"oscircular-catalog/9\"}", "<html>not this</html>"])
    func malformedMetadataIs65(_ text: String) async throws {
        try await withTiny { scenario in
            // Not by nginx, which may give a replaced file for a while.
            let server = try FaultyHTTPServer(folder: scenario.tree)
            try await scenario.client("catalog", "remove", "test")
            try await scenario.client("catalog", "add", "mine", server.url, "--root", scenario.trust[1])
            try AtomicFile.write(Array(text.utf8), to: "\(scenario.tree)/metadata/timestamp.json")
            let refreshed = try await scenario.attempt("catalog", "refresh")
            #expect(refreshed.status == 65, "\(refreshed.error)")
            let added = try await scenario.attempt("catalog", "add", "other", server.url, "--root", scenario.trust[1])
            #expect(added.status == 65, "\(added.error)")
            // The copy from before is still good.
            let listed = try await scenario.client("list")
            #expect(listed.contains("mine/tiny@2026-11-16"))
        }
    }

    @Test func anIndexThatIsNoneIs65() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 1_000_000, seed: 1)
            let index = try FileContents.read(try await scenario.make(image, as: "disk"), limit: 1 << 20)
            let directory = try scenario.emptyFolder("m")
            let server = try FaultyHTTPServer(folder: try scenario.emptyFolder("served"))
            let broken: [(name: String, bytes: [UInt8])] = [
                ("empty", []), ("magic", [index[0] ^ 1] + index[1...]), ("half", Array(index[..<(index.count / 2)])),
                ("cut", Array(index.dropLast())), ("text", Array("no index at all".utf8)), ("long", index + [0]),
            ]
            for (name, bytes) in broken {
                try scenario.folder.write(bytes, to: "served/\(name).caibx")
                let path = scenario.folder.path("served/\(name).caibx")
                for place in [path, "\(server.url)\(name).caibx"] {
                    let result = try await scenario.attempt("mount", place, directory)
                    #expect(result.status == 65, "\(place): \(result.error)")
                }
            }
            #expect(scenario.mounts().isEmpty)
            #expect(
                !Folder.namesIfAny(in: scenario.folder.path("run/oscircular")).contains { $0.contains("index") },
                "a refused index is not left in the runtime folder")
        }
    }

    @Test(arguments: ["[cache]\nlimitt = 3\n", "[read]\nbound = \"long\"\n", "[read\n", "[network]\nmode = \"all\"\n"])
    func aWrongConfigurationIs78(_ text: String) async throws {
        try await withTiny { scenario in
            try Folder.make(scenario.folder.path("config/oscircular"))
            try scenario.folder.write(Array(text.utf8), to: "config/oscircular/config.toml")
            for arguments in [["list", "--json"], ["boot", "tiny", "--detach"], ["cache", "status"]] {
                let result = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
                #expect(result.status == 78, "\(arguments): \(result.stderr)")
                #expect(result.stderr.contains("config.toml"))
                #expect(result.stdout.isEmpty)
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "root mounts the file systems that cannot be written"))
    func whatCannotBeWrittenIs73() async throws {
        try await withTiny { scenario in
            let directory = try scenario.emptyFolder("m")
            // A cache on a full disk: fetching fails, reading goes on without it.
            let cache = try scenario.emptyFolder("cache/oscircular")
            try await mount("size=256k", at: cache)
            let fetched = try await scenario.attempt("fetch", "tiny")
            #expect(fetched.status == 73, "\(fetched.error)")
            try await scenario.client("mount", "tiny", directory)
            let image = scenario.folder.path("tiny.img")
            try PublisherFixtures.writeImage(Self.small, to: image)
            #expect(try await scenario.areEqual(image, "\(directory)/2026-11-16"))
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded(except: cache))
            // State that is read-only.
            try await mount("ro", at: scenario.folder.path("state"))
            let added = try await scenario.attempt(
                "catalog", "add", "other", scenario.server.url, "--root", scenario.trust[1])
            #expect(added.status == 73, "\(added.error)")
        }
    }

    private func mount(_ options: String, at path: String) async throws {
        let mounted = try await BuiltProgram.runAny("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])
        try #require(mounted.status == 0, "\(mounted.stderr)")
    }

    @Test func aRuntimeFolderThatOthersCanWriteIs77() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 100_000, seed: 1)
            _ = try await scenario.make(image, as: "disk", in: "served")
            let server = try FaultyHTTPServer(folder: scenario.folder.path("served"))
            let directory = try scenario.emptyFolder("m")
            chmod(try scenario.emptyFolder("run/oscircular"), 0o777)
            let refused = try await scenario.attempt("mount", "\(server.url)disk.caibx", directory)
            #expect(refused.status == 77, "\(refused.error)")
        }
    }

    @Test func anInterruptedFetchIs130Or143AndGoesOnLater() async throws {
        try await withTiny { scenario in
            let server = try FaultyHTTPServer(folder: scenario.tree)
            try await scenario.client("catalog", "remove", "test")
            try await scenario.client("catalog", "add", "slow", server.url, "--root", scenario.trust[1])
            let blocks = try Scenario.blocks(of: scenario.publishedIndex("2026-11-16"))
            for block in blocks { server.always("/blocks/\(block.prefix(4))/\(block).cacnk", .hang) }
            for (signal, expected) in [(SIGINT, Int32(130)), (SIGTERM, 143)] {
                let seen = server.requests.count { $0.hasSuffix(".cacnk") }
                let process = try ChildProcess(
                    BuiltProgram.path("oscircular"), ["fetch", "tiny"],
                    environment: scenario.environment.map { "\($0)=\($1)" },
                    standardInput: STDIN_FILENO, standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO,
                    session: .own)
                for _ in 0..<200 where server.requests.count(where: { $0.hasSuffix(".cacnk") }) == seen {
                    try await Task.sleep(for: .milliseconds(50))
                }
                kill(process.pid, signal)
                let status = try await WorkerThread.run(name: "fetch") { process.wait().shellStatus }
                #expect(status == expected)
            }
            for block in blocks { server.always("/blocks/\(block.prefix(4))/\(block).cacnk", .none) }
            try await scenario.client("fetch", "tiny")
        }
    }

    @Test func aBootInterruptedBeforeItsSessionListensIs130() async throws {
        try await withTiny { scenario in
            let server = try FaultyHTTPServer(folder: scenario.tree)
            try await scenario.client("catalog", "remove", "test")
            try await scenario.client("catalog", "add", "slow", server.url, "--root", scenario.trust[1])
            let blocks = try Scenario.blocks(of: scenario.publishedIndex("2026-11-16"))
            for block in blocks { server.always("/blocks/\(block.prefix(4))/\(block).cacnk", .hang) }
            // The program and its session read the configuration, and wait for it where it is a pipe.
            let configuration = scenario.folder.path("config/oscircular/config.toml")
            Paths.removeIfPossible(configuration)
            try #require(mkfifo(configuration, 0o600) == 0)
            let process = try ChildProcess(
                BuiltProgram.path("oscircular"), ["boot", "tiny", "--detach", "--accel", "tcg"],
                environment: scenario.environment.map { "\($0)=\($1)" },
                standardInput: STDIN_FILENO, standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO, session: .own)
            // If nobody hears the signal, the guest would start.
            let watchdog = Task {
                try await Task.sleep(for: .seconds(60))
                kill(process.pid, SIGKILL)
            }
            _ = try await reader(of: configuration)
            for _ in 0..<200
            where Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")).isEmpty {
                try await Task.sleep(for: .milliseconds(50))
            }
            let held = try await reader(of: configuration)
            kill(process.pid, SIGINT)
            // Until it has been tried, which nothing shows.
            try await Task.sleep(for: .milliseconds(500))
            unlink(configuration)
            _ = consume held
            let status = try await WorkerThread.run(name: "boot") { process.wait().shellStatus }
            watchdog.cancel()
            #expect(status == 130)
            #expect(try await scenario.sessions().isEmpty)
        }
    }

    /// Waits until a program reads from a pipe.
    /// - Returns: the other end; without it the program goes on.
    private func reader(of pipe: String) async throws -> FileHandle {
        for _ in 0..<400 {
            // Without a reader it cannot be opened.
            if let end = try? FileHandle(path: pipe, flags: O_WRONLY | O_NONBLOCK) { return end }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Scenario.Failure("nobody reads \(pipe)")
    }
}

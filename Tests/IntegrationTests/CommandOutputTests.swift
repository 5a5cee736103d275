import Glibc
import Linux
import TestSupport
import Testing

/// What scripts read: `--json`, and what is here and what was fetched.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct CommandOutputTests {
    private func withWeeks(
        _ body: (Scenario, _ weeks: [(version: String, path: String)]) async throws -> Void
    ) async throws {
        let sources = try TemporaryDirectory()
        let weeks = try TwoWeeks.make(in: sources)
        try await Scenario.with(images: weeks) { try await body($0, weeks) }
    }

    @Test func aPasswordInACatalogsAddressIsNeverShown() async throws {
        try await Scenario.with { scenario in
            // As an earlier version took it.
            let file = scenario.folder.path("state/oscircular/catalogs/test/source.json")
            let words = try FileContents.readText(file, limit: 4096).split(separator: "http://")
            try #require(words.count == 2)
            try AtomicFile.write(words.joined(separator: "http://me:s3cret@"), to: file)
            for isServed in [true, false] {
                if !isServed { scenario.server.stop() }
                for command in ["catalog list", "catalog list --json", "catalog refresh --json", "list --json"] {
                    let result = try await BuiltProgram.run(
                        "oscircular", command.split(separator: " ").map(String.init), environment: scenario.environment)
                    #expect(!(result.stdout + result.stderr).contains("s3cret"), "\(command): \(result)")
                }
            }
            #expect(try await scenario.client("catalog", "list").contains(scenario.server.url))
            let added = try await scenario.attempt("catalog", "add", "other", "http://me:s3cret@127.0.0.1:1/")
            #expect(added.status == 64)
            #expect(added.error.contains("[[host]]") && !added.error.contains("s3cret"), "\(added.error)")
        }
    }

    @Test func jsonIsOneObjectAndNothingElse() async throws {
        try await withWeeks { scenario, _ in
            let commands: [(arguments: [String], keys: Set<String>)] = [
                (["list"], ["catalogs", "distributions"]), (["list", "tiny"], ["catalogs", "distributions"]),
                (["sessions"], ["sessions"]), (["catalog", "list"], ["catalogs"]),
                (["catalog", "refresh"], ["catalogs"]), (["cache", "verify"], ["checked", "removed"]),
                (["cache", "prune"], ["freed"]), (["cache", "clear"], ["freed"]),
                (["cache", "status"], ["directory", "limit", "used", "blocks", "pinned", "repaired"]),
            ]
            for (arguments, keys) in commands {
                let result = try await BuiltProgram.run(
                    "oscircular", arguments + ["--json"], environment: scenario.environment)
                #expect(result.status == 0, "\(arguments): \(result.stderr)")
                let object = try? JSONValue.object(result.stdout)
                #expect(object.map { Set($0.keys) } == keys, "\(arguments): \(result.stdout)")
                #expect(result.stderr.isEmpty, "\(arguments): \(result.stderr)")
            }
            // A machine may lack something: that is in the findings and in the exit code.
            let doctor = try await scenario.attempt("doctor", "--json")
            #expect(doctor.status == 0 || doctor.status == 69)
            let findings = try #require(try JSONValue.object(doctor.output)["findings"]).array
            #expect(findings.contains { $0["subject"]?.string == "FUSE" && $0["result"]?.string == "good" })
            #expect(findings.allSatisfy { $0.keys == ["subject", "result", "words", "cure"] })
        }
    }

    @Test func anErrorLeavesStandardOutputEmpty() async throws {
        try await withWeeks { scenario, _ in
            let wrong = [
                ["list", "none", "--json"], ["boot", "none", "--detach", "--json"],
                ["boot", "tiny@1999-01-01", "--detach", "--json"], ["cache", "prune", "--to", "x", "--json"],
                ["list", "--json", "--nonsense"],
            ]
            for arguments in wrong {
                let result = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
                #expect(result.status != 0)
                #expect(result.stdout.isEmpty, "\(arguments): \(result.stdout)")
                #expect(!result.stderr.isEmpty)
            }
        }
    }

    @Test func aStateFolderOfANewerProgramIsRefusedByEveryCommand() async throws {
        try await withWeeks { scenario, _ in
            try scenario.folder.write(Array("oscircular-state 2\n".utf8), to: "state/oscircular/format")
            for arguments in [["list"], ["boot", "tiny"], ["sessions"], ["catalog", "list"], ["doctor"]] {
                let result = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
                #expect(result.status == 78, "\(arguments)")
                #expect(result.stderr.contains("written by a newer oscircular"), "\(arguments): \(result.stderr)")
            }
        }
    }

    @Test func listHasEveryKeyAndNullWhereNothingIsKnown() async throws {
        try await withWeeks { scenario, weeks in
            let list = try JSONValue.object(try await scenario.client("list", "--json"))
            let catalog = try #require(list["catalogs"]?.array.first)
            #expect(catalog.keys.isSuperset(of: ["name", "url", "state", "updated", "expires", "error"]))
            #expect(catalog["name"]?.string == "test")
            #expect(catalog["url"]?.string == scenario.server.url)
            #expect(catalog["state"]?.string == "fresh")
            #expect(catalog["updated"]?.string?.hasSuffix("Z") == true)
            #expect(catalog["expires"]?.string?.hasSuffix("Z") == true)
            #expect(catalog["error"] == JSONValue.null)
            let tiny = try #require(list["distributions"]?.array.first)
            #expect(tiny.keys == ["id", "catalog", "title", "architecture", "versions"])
            #expect(tiny["title"]?.string == "Tiny")
            let versions = try #require(tiny["versions"]).array
            #expect(versions.map { $0["id"]?.string } == [TwoWeeks.newer, TwoWeeks.older])
            for (version, week) in zip(versions, weeks.reversed()) {
                #expect(
                    version.keys
                        == ["id", "published", "size", "toBoot", "here", "new", "offline", "running", "pinned"])
                var status = stat()
                stat(week.path, &status)
                #expect(version["size"]?.integer == Int(status.st_size))
                #expect(version["here"]?.integer == 0)
                #expect(version["toBoot"] == JSONValue.null)
                #expect(version["new"] == JSONValue.null)
                #expect(version["offline"]?.string == "no")
                #expect(version["running"] == .boolean(false))
                #expect(version["pinned"] == .boolean(false))
            }
        }
    }

    @Test func aWithdrawnVersionIsSaidByListAndRefusedByName() async throws {
        try await withWeeks { scenario, _ in
            // Its index comes here, so that it is here for list.
            let folder = try scenario.emptyFolder("m")
            try await scenario.client("mount", "tiny@\(TwoWeeks.newer)", folder)
            try await scenario.client("umount", folder)
            try await scenario.publisher(
                "withdraw", scenario.tree, "tiny", TwoWeeks.newer, "--why", "it lets\u{1b}[31m everybody in")
            try await scenario.client("catalog", "refresh")
            let row = try JSONValue.object(try await scenario.client("list", "--json"))["distributions"]?.array.first
            #expect(row?["versions"]?.array.map { $0["id"]?.string } == [TwoWeeks.older])
            let gone = try #require(row?["withdrawn"]?.array.first)
            #expect(gone.keys == ["id", "when", "why", "here", "running"])
            #expect(gone["id"]?.string == TwoWeeks.newer)
            #expect(gone["here"] == .boolean(true))
            #expect(gone["running"] == .boolean(false))
            let text = try await scenario.client("list")
            #expect(text.contains("tiny@\(TwoWeeks.newer)  withdrawn on "), "\(text)")
            #expect(!text.contains("\u{1b}"))
            for arguments in [["boot"], ["fetch"], ["mount"]] {
                let name = "tiny@\(TwoWeeks.newer)"
                let end = arguments == ["mount"] ? [name, folder] : [name]
                let refused = try await BuiltProgram.run(
                    "oscircular", arguments + end, environment: scenario.environment)
                #expect(refused.status == 66)
                #expect(refused.stderr.contains("was withdrawn on"), "\(refused.stderr)")
                #expect(refused.stderr.contains("the newest is \(TwoWeeks.older)"), "\(refused.stderr)")
            }
        }
    }

    @Test func theOlderVersionFetchesOnlyWhatTheNewerHasNot() async throws {
        try await withWeeks { scenario, _ in
            let newer = try Scenario.blocks(of: scenario.publishedIndex(TwoWeeks.newer))
            let older = try Scenario.blocks(of: scenario.publishedIndex(TwoWeeks.older))
            try #require(!older.isSubset(of: newer) && !older.isDisjoint(with: newer))
            try await scenario.client("fetch", "tiny")
            let first = Scenario.blocks(inRequests: scenario.blockRequests)
            #expect(first.count == newer.count)
            #expect(Set(first) == newer)
            try await scenario.client("fetch", "tiny@\(TwoWeeks.older)")
            let second = Scenario.blocks(inRequests: scenario.blockRequests.dropFirst(first.count))
            #expect(second.count == older.subtracting(newer).count)
            #expect(Set(second) == older.subtracting(newer))
            // And once more: nothing.
            try await scenario.client("fetch", "tiny")
            #expect(scenario.blockRequests.count == first.count + second.count)
        }
    }

    @Test func whatWasFetchedIsMountedWithoutTheServer() async throws {
        try await withWeeks { scenario, weeks in
            try await scenario.client("fetch", "tiny")
            scenario.server.stop()
            // Older than the seconds for which a copy counts as fresh.
            let copy = scenario.folder.path("state/oscircular/catalogs/test/trust.json")
            var times = [timespec(tv_sec: 1000, tv_nsec: 0), timespec(tv_sec: 1000, tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, copy, &times, 0) == 0)
            let listed = try await scenario.attempt("list")
            #expect(listed.status == 0)
            #expect(listed.output.contains("test/tiny@\(TwoWeeks.newer)"))
            #expect(listed.error.contains("unreachable"))
            let list = try JSONValue.object(try await scenario.client("list", "--json"))
            let catalog = try #require(list["catalogs"]?.array.first)
            #expect(catalog["state"]?.string == "unreachable")
            #expect(catalog["error"]?.string?.isEmpty == false)
            let versions = try #require(list["distributions"]?.array.first?["versions"]).array
            #expect(versions.map { $0["offline"]?.string } == ["whole", "no"])

            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", "tiny", directory)
            #expect(try await scenario.areEqual(weeks[1].path, "\(directory)/\(TwoWeeks.newer)"))
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func theCacheIsCountedVerifiedPrunedAndCleared() async throws {
        try await withWeeks { scenario, _ in
            let blocks = try Scenario.blocks(of: scenario.publishedIndex(TwoWeeks.newer))
            try await scenario.client("fetch", "tiny")
            var status = try JSONValue.object(try await scenario.client("cache", "status", "--json"))
            #expect(status["directory"]?.string == scenario.folder.path("cache/oscircular"))
            #expect(status["blocks"]?.integer == blocks.count)
            #expect(status["repaired"]?.integer == 0)
            let used = try #require(status["used"]?.integer)

            // One block is damaged: found, removed, counted, fetched again.
            let victim = try #require(blocks.sorted().first)
            let path = scenario.folder.path("cache/oscircular/v1/\(victim.prefix(2))/\(victim)")
            var bytes = try FileContents.read(path, limit: 1 << 20)
            bytes[bytes.count / 2] ^= 1
            try AtomicFile.write(bytes, to: path)
            let verified = try JSONValue.object(try await scenario.client("cache", "verify", "--json"))
            #expect(verified["checked"]?.integer == blocks.count)
            #expect(verified["removed"]?.integer == 1)
            #expect(access(path, F_OK) != 0)
            status = try JSONValue.object(try await scenario.client("cache", "status", "--json"))
            #expect(status["repaired"]?.integer == 1)
            let before = scenario.blockRequests.count
            try await scenario.client("fetch", "tiny")
            #expect(Scenario.blocks(inRequests: scenario.blockRequests.dropFirst(before)) == [victim])

            let pruned = try JSONValue.object(
                try await scenario.client("cache", "prune", "--to", "1MiB", "--json"))
            status = try JSONValue.object(try await scenario.client("cache", "status", "--json"))
            let left = try #require(status["used"]?.integer)
            #expect(left <= 1 << 20 && left > 0)
            #expect(pruned["freed"]?.integer == used - left)
            let cleared = try JSONValue.object(try await scenario.client("cache", "clear", "--json"))
            #expect(cleared["freed"]?.integer == left)
            status = try JSONValue.object(try await scenario.client("cache", "status", "--json"))
            #expect(status["blocks"]?.integer == 0)
            #expect(status["used"]?.integer == 0)
        }
    }
}

import FoundationEssentials
import Glibc
import Linux
import TestSupport
import Testing

/// `oscircular homes` as users and scripts call it.
@Suite(
    .serialized, .timeLimit(.minutes(5)),
    .enabled(
        if: ProgramPath.find("mkfs.ext4") != nil && ProgramPath.find("bwrap") != nil,
        "SKIPPED: needs e2fsprogs and bubblewrap"))
struct HomesCommandTests {
    private struct User: ProgramUser {
        let folder: TemporaryDirectory
        let environment: [String: String]

        init() throws {
            folder = try TemporaryDirectory()
            environment = try Self.makePlaces(in: folder, configuration: "")
        }

        var homes: String { folder.path("state/oscircular/homes") }
    }

    private struct List: Decodable {
        struct Home: Decodable {
            struct Backup: Decodable { let name: String }
            let name, user: String
            let size: UInt64
            let usedBy, trouble: String?
            let backups: [Backup]
        }
        let homes: [Home]
    }

    private func list(_ user: User) async throws -> [List.Home] {
        try JSONDecoder().decode(List.self, from: Data(try await user.client("homes", "--json").utf8)).homes
    }

    @Test func aHomesLife() async throws {
        let user = try User()
        #expect(try await user.attempt("homes").error.contains("There is no home"))
        #expect(try await list(user).isEmpty)
        #expect(try await user.client("homes", "create", "work", "--size", "64MiB").contains("'work' was made"))
        let text = try await user.client("homes", "list", "--json")
        for key in ["allocated", "backups", "lastUsed", "name", "size", "systems", "trouble", "usedBy", "user"] {
            #expect(text.contains("\"\(key)\" : "), "\(text)")
        }
        #expect(try await user.client("homes", "check", "work").contains("in order"))
        let backup = try await user.client("homes", "backup", "work").trimmingLast
        _ = try await user.client("homes", "grow", "work", "128MiB")
        #expect(try await list(user).first?.size == 128 << 20)
        _ = try await user.client("homes", "restore", "work", String(backup.prefix(10)))
        let home = try #require(try await list(user).first)
        #expect(home.size == 64 << 20 && home.backups.count == 2 && home.trouble == nil)
        #expect(try await user.client("homes").contains("backup \(backup)"))

        let refused = try await user.attempt("homes", "forget", "work")
        #expect(refused.status == 64 && refused.error.contains("--yes"), "\(refused)")
        _ = try await user.client("homes", "forget", "work", "--yes")
        #expect(Folder.namesIfAny(in: user.homes).isEmpty)
    }

    @Test func wrongWordsGetHelp() async throws {
        let user = try User()
        try await user.client("homes", "create", "work", "--size", "64MiB")
        let cases: [([String], Int32, String)] = [
            (["homes", "check", "none"], 66, "there are: work"), (["homes", "create", "work"], 73, "already"),
            (["homes", "create", "../x"], 64, "a to z"), (["homes", "create", "my home"], 64, "a to z"),
            (["homes", "create", "x", "--size", "much"], 64, "20GiB"),
            (["homes", "create", "x", "--size", "1"], 64, "MiB"),
            (["homes", "grow", "work", "1MiB"], 64, "may have"), (["homes", "grow", "work", "64MiB"], 64, "larger"),
            (["homes", "restore", "work"], 66, "homes backup work"),
            (["homes", "forget", "work", "--backup", "x"], 66, "no backup"),
            (["boot", "x", "--home", "../x"], 64, "a to z"),
        ]
        for (arguments, status, word) in cases {
            let result = try await BuiltProgram.run("oscircular", arguments, environment: user.environment)
            #expect(result.status == status && result.stderr.contains(word), "\(arguments): \(result)")
        }
        #expect(try await list(user).map(\.name) == ["work"])
    }

    /// Each command is killed at many moments: the home is the old one or the new one, and the next command clears up.
    @Test(arguments: ["create", "backup", "restore", "grow"])
    func aKilledCommandLeavesAHomeWhole(_ command: String) async throws {
        let user = try User()
        try await user.client("homes", "create", "work", "--size", "64MiB")
        try await user.client("homes", "backup", "work")
        let arguments =
            ["homes", command, command == "create" ? "new" : "work"] + (command == "grow" ? ["128MiB"] : [])
        let environment = user.environment.map { "\($0.key)=\($0.value)" }
        var (killed, ended) = (0, 0)
        // A command of some milliseconds is killed at several of them, too.
        for delay: UInt32 in [0, 5, 10, 15, 25, 50, 100, 250] {
            let ending = try await WorkerThread.run(name: "kill") {
                let process = try ChildProcess(
                    BuiltProgram.path("oscircular"), arguments, environment: environment, session: .own)
                MonotonicClock.pause(milliseconds: delay)
                process.send(.kill)
                return process.wait()
            }
            if ending == .killed(signal: SIGKILL) { killed += 1 } else { ended += 1 }
            // bubblewrap and what it started end with it.
            let homes = try await list(user)
            let home = try #require(homes.first { $0.name == "work" })
            #expect(home.trouble == nil, "after \(delay) ms: \(home)")
            #expect([64 << 20, 128 << 20].contains(home.size))
            for home in homes { #expect(try await user.client("homes", "check", home.name).contains("in order")) }
            #expect(homes.allSatisfy { ["work", "new"].contains($0.name) })
            if homes.count == 2 { try await user.client("homes", "forget", "new", "--yes") }
            if home.size != 64 << 20 { try await user.client("homes", "restore", "work") }
        }
        #expect(killed > 1, "\(killed) killed, \(ended) ended before")
        let left = user.folder.files(below: "state/oscircular/homes").filter {
            $0.hasSuffix(".tmp") && !$0.contains(".new.raw.")
        }
        #expect(left.isEmpty, "\(left)")
    }
}

extension String {
    fileprivate var trimmingLast: String { hasSuffix("\n") ? String(dropLast()) : self }
}

import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// `bisect` with real guests: five weeks of the tiny guest, of which the last two have a file that the others lack.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct BisectGuestTests {
    static let weeks = ["2026-10-05", "2026-10-12", "2026-10-19", "2026-10-26", "2026-11-02"]
    private static let first = weeks[3]

    /// Publishes the weeks. Those that are bad have a file `/etc/fault`.
    private static func publish(_ scenario: Scenario) async throws {
        let image = try await TinyGuest.image()
        // What no guest reads, and nobody should fetch.
        let ballast = scenario.folder.path("ballast")
        try PublisherFixtures.writeImage([.random(4 << 20, seed: 1)], to: ballast)
        for (place, week) in weeks.enumerated() {
            let disk = scenario.folder.path("\(week).raw")
            try await plant(place >= 3 ? "/etc/fault" : nil, week, of: image, as: disk)
            try await write(ballast, to: "/etc/ballast", of: disk)
            let notes = [
                "as released", "upgraded: a; new: b", "", "upgraded: libfault (1.0 -> 1.1), openssl; new: tree",
                "removed: b",
            ]
            try await scenario.publisher(
                "add", scenario.tree, "tiny", week, disk, "--memory", "256", "--notes", notes[place])
        }
        try await scenario.client("catalog", "refresh")
    }

    /// A copy of an image with a file that says which week it is, and perhaps another one.
    static func plant(_ file: String?, _ week: String, of image: String, as copy: String, folder: String = "/etc")
        async throws
    {
        let copied = try await BuiltProgram.runAny("cp", ["--sparse=always", "--reflink=auto", image, copy])
        #expect(copied.status == 0, "\(copied.stderr)")
        let text = copy + ".week"
        try AtomicFile.write("\(week)\n", to: text)
        for place in ["\(folder)/week", file].compactMap(\.self) {
            try await write(text, to: place, of: copy)
        }
    }

    private static func write(_ file: String, to place: String, of disk: String) async throws {
        let written = try await BuiltProgram.runAny(
            "debugfs", ["-w", "-R", "write \(file) \(place)", "\(disk)?offset=1048576"])
        #expect(written.status == 0, "\(written.stderr)")
    }

    private static func test(_ text: String, _ scenario: Scenario) throws -> String {
        let path = scenario.folder.path("test.sh")
        try AtomicFile.write("#!/bin/sh\n\(text)\n", to: path)
        try Paths.setPermissions(path, 0o755)
        return path
    }

    @Test(.timeLimit(.minutes(8)))
    func theWeekOfARegressionIsFoundAfterAKillAndOnlyWhatIsReadTravels() async throws {
        try await Scenario.with { scenario in
            try await Self.publish(scenario)
            let test = try Self.test(
                """
                echo "in $(cat /etc/week), which is $OSCIRCULAR_VERSION of $OSCIRCULAR_SYSTEM"
                [ "$(cat /etc/week)" = "$OSCIRCULAR_VERSION" ] || exit 125
                printf '\\033[2Jscreen'
                [ ! -e /etc/fault ]
                """, scenario)
            try await expectRefusals(scenario, test)
            let arguments = [
                "bisect", "tiny", "--good", Self.weeks[0], "--bad", Self.weeks[4], "--accel", "tcg", "--run", test,
            ]
            let left = try await killInTheMiddle(arguments, scenario)
            // A week that appears meanwhile does not count.
            try await scenario.publisher(
                "add", scenario.tree, "tiny", "2026-11-09", scenario.folder.path("\(Self.weeks[0]).raw"), "--memory",
                "256")
            try await scenario.client("catalog", "refresh")

            let run = try await BuiltProgram.run(
                "oscircular", arguments + ["--json"], environment: scenario.environment)
            #expect(run.status == 0, "\(run.stderr)")
            let result = try JSONValue.object(run.stdout)
            #expect(result["state"]?.string == "found" && result["bad"]?.string == Self.first, "\(run)")
            #expect(result["good"]?.string == Self.weeks[2] && result["boots"]?.integer == 2)
            #expect(result["notes"]?.array.first?["version"]?.string == Self.first)
            let packages = result["packages"]
            #expect(packages?["upgraded"]?.array.compactMap(\.string) == ["libfault (1.0 -> 1.1)", "openssl"])
            #expect(packages?["installed"]?.array.compactMap(\.string) == ["tree"])
            #expect(
                run.stderr.contains("    | in \(Self.weeks[2]), which is \(Self.weeks[2]) of test/tiny"),
                "\(run.stderr)")
            #expect(run.stderr.contains("    | screen") && !run.stderr.contains("\u{1b}[2J"))
            #expect(run.stderr.contains("\(Self.first): bad (exit code 1)"))
            #expect(try await scenario.sessions().isEmpty, "the guest \(left) that was left is ended")
            // What the weeks share came once.
            let requests = scenario.blockRequests
            #expect(Set(requests).count == requests.count, "a block was fetched twice")
            let log = scenario.folder.path("state/oscircular/bisect/test/tiny/\(Self.first).log")
            #expect(try FileContents.readText(log, limit: 10_000).contains("in \(Self.first)"))

            // The same command shows what was found, and boots nothing.
            let again = try await BuiltProgram.run("oscircular", arguments, environment: scenario.environment)
            #expect(again.status == 0 && again.stdout.contains("\(Self.first) is the first bad version"), "\(again)")
            #expect(again.stdout.contains("2 boots, "))
            try await byHand(scenario)
            try await hangs(scenario)
        }
    }

    /// What is wrong is said before anything is booted.
    private func expectRefusals(_ scenario: Scenario, _ test: String) async throws {
        let (good, bad) = (Self.weeks[0], Self.weeks[4])
        for (arguments, status, words) in [
            (["--good", good, "--bad", good], 64, "both good and bad"),
            (["--good", bad, "--bad", good], 64, "newer than the bad one"),
            (["--good", "2026-01-01", "--bad", bad], 66, "no version '2026-01-01'"), (["--bad", bad], 64, "--good"),
            ([], 66, "begins one"),
            (["--good", good, "--bad", bad, "--run", test + ".no"], 66, "there is no such file"),
            (["--good", good, "--bad", bad, "--run", test, "--no-boot", "maybe"], 64, "no-boot"),
        ] as [([String], Int32, String)] {
            let result = try await BuiltProgram.run(
                "oscircular", ["bisect", "tiny"] + arguments, environment: scenario.environment)
            #expect(result.status == status && result.stderr.contains(words), "\(arguments): \(result)")
        }
        for command in ["good", "status", "reset"] {
            let result = try await scenario.attempt("bisect", command)
            #expect(command == "status" ? result.status == 0 : result.status == 66, "\(result)")
        }
        #expect(scenario.blockRequests.isEmpty)
    }

    /// Kills the program while its first guest runs.
    /// - Returns: the guest's session.
    private func killInTheMiddle(_ arguments: [String], _ scenario: Scenario) async throws -> String {
        let process = try ChildProcess(
            BuiltProgram.path("oscircular"), arguments,
            environment: scenario.environment.map { "\($0.key)=\($0.value)" },
            session: .own)
        var left: SessionStatus?
        for _ in 0..<600 where left?.phase != .up {
            try await Task.sleep(for: .milliseconds(100))
            left = try await scenario.sessions().first
        }
        process.signal(SIGKILL)
        _ = try await WorkerThread.run(name: "wait") { process.wait() }
        let session = try #require(left)
        #expect(session.version == Self.weeks[2])
        let busy = try await scenario.attempt("bisect", "status", "--json")
        let open = try JSONValue.object(busy.output)["bisects"]?.array.first
        #expect(open?["state"]?.string == "open" && open?["next"]?.string == Self.weeks[2], "\(busy)")
        return session.id
    }

    private func byHand(_ scenario: Scenario) async throws {
        let begun = try await scenario.attempt(
            "bisect", "tiny", "--good", Self.weeks[0], "--bad", Self.weeks[2], "--detach", "--accel", "tcg")
        #expect(begun.status == 0 && begun.output.contains("next \(Self.weeks[1])"), "\(begun)")
        let guest = try #require(try await scenario.sessions().first)
        #expect(guest.version == Self.weeks[1])
        let other = try await scenario.attempt("bisect", "tiny", "--good", Self.weeks[1], "--bad", Self.weeks[4])
        #expect(other.status == 75 && other.error.contains("reset"), "\(other)")
        let twice = try await scenario.attempt("bisect", "tiny", "--detach")
        #expect(twice.status == 0 && twice.error.contains("runs as session \(guest.id)"), "\(twice)")
        let wrong = try await scenario.attempt("bisect", "bad", Self.weeks[0])
        #expect(wrong.status == 64 && wrong.error.contains("begins anew"), "\(wrong)")
        let answer = try await scenario.attempt("bisect", "bad")
        #expect(answer.status == 0 && answer.output.contains("\(Self.weeks[1]) is the first bad version"), "\(answer)")
        #expect(try await scenario.sessions().isEmpty)
        let over = try await scenario.attempt("bisect", "good")
        #expect(over.status == 66 && over.error.contains("has ended"), "\(over)")
        try await scenario.client("bisect", "reset", "tiny")
        #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/bisect/test")).isEmpty)
    }

    private func hangs(_ scenario: Scenario) async throws {
        let hanging = try Self.test("sleep 1000", scenario)
        let range = [
            "bisect", "tiny", "--good", Self.weeks[0], "--bad", Self.weeks[2], "--accel", "tcg", "--run", hanging,
        ]
        let hung = try await BuiltProgram.run(
            "oscircular", range + ["--timeout", "3"], environment: scenario.environment)
        #expect(hung.status == 0 && hung.stderr.contains("bad (the test ran for more than 3 s)"), "\(hung)")
        #expect(try await scenario.sessions().isEmpty)
    }
}

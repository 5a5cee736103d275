import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// Long: warm states, while what makes or uses them is killed, the disk is full and the cache is cleared. `make drill` runs it.
@Suite(
    .serialized,
    .enabled(if: getenv("OSCIRCULAR_DRILL") != nil && LibvirtDaemon.isReady(), "only in 'make drill', with libvirt"))
struct WarmDrillTests {
    enum Victim: String, CaseIterable, Sendable {
        case session, emulator

        func kill(in drill: WarmDrill) {
            let processes = self == .session ? drill.sessionProcesses : drill.emulators
            processes.forEach { Glibc.kill($0, SIGKILL) }
        }
    }

    enum Step: String, CaseIterable, Sendable {
        /// Its folder is there, its guest is not.
        case starting
        /// The template boots.
        case booting
        /// Its memory is being saved.
        case saving
        /// Its memory is there, and its disk follows.
        case storing

        func isReached(in drill: WarmDrill) -> Bool {
            let files = drill.halfMade.flatMap { Folder.namesIfAny(in: "\(drill.folder)/\($0)") }
            return switch self {
            case .starting: !drill.sessionProcesses.isEmpty
            case .booting: !drill.emulators.isEmpty
            case .saving: files.contains("memory")
            case .storing: files.contains("overlay.qcow2")
            }
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: Step.allCases.flatMap { step in Victim.allCases.map { (step, $0) } }
            .filter { $0 != (.starting, .emulator) })
    func aTemplateThatIsKilledLeavesNothing(_ step: Step, _ victim: Victim) async throws {
        try await WarmDrill.with { drill in
            let others = try await WarmDrill.domains()
            async let making = drill.scenario.attempt("fetch", "--warm", "tiny")
            let isReached = try await WarmDrill.soon { step.isReached(in: drill) }
            victim.kill(in: drill)
            let made = try await making
            #expect(isReached, "\(made)")
            let left = try await drill.leftOvers(except: others)
            #expect(left.isEmpty)
            // The last step may have been over when its process was killed.
            let isLate = step == .storing && drill.states.count == 1
            #expect(made.status != 0 || isLate, "\(made)")
            if !isLate {
                #expect(!made.error.isEmpty)
                #expect(drill.states.isEmpty)
                #expect(try await drill.startAndStop() == "booted")
            }
            try await drill.makeState()
            #expect(drill.halfMade.isEmpty, "the next maker removes what a killed one left")
            #expect(drill.states.count == 1)
            #expect(try await drill.startAndStop() == "warm")
        }
    }

    @Test(.timeLimit(.minutes(20)))
    func startsThatAreKilledLeaveNothingAndTheStateIsGoodAfterwards() async throws {
        let rounds = getenv("OSCIRCULAR_DRILL_ROUNDS").flatMap { Int(String(cString: $0)) } ?? 40
        try await WarmDrill.with { drill in
            try await drill.makeState()
            var random = SeededRandom(seed: 2109)
            let others = try await WarmDrill.domains()
            for round in 0..<rounds {
                let victim = Victim.allCases[round % 2]
                let milliseconds = Int(random.next() % 2000)
                async let boot = drill.scenario.attempt("boot", "tiny", "--detach", "--accel", "tcg")
                try await Task.sleep(for: .milliseconds(milliseconds))
                victim.kill(in: drill)
                // It may have been up, or have booted in its own place.
                _ = try await boot
                for session in try await drill.scenario.sessions() {
                    // One whose guest was killed may end by itself meanwhile.
                    _ = try await drill.scenario.attempt("stop", session.id, "--force")
                }
                let left = try await drill.leftOvers(except: others)
                #expect(left.isEmpty, "round \(round), \(victim) killed after \(milliseconds) ms: \(left)")
                #expect(drill.states.count == 1 && drill.halfMade.isEmpty, "round \(round)")
                let start = try await drill.startAndStop()
                #expect(start == "warm", "round \(round), \(victim) killed after \(milliseconds) ms")
            }
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aFullDiskLeavesNothingOfATemplate() async throws {
        try await WarmDrill.with { drill in
            let others = try await WarmDrill.domains()
            try Folder.make(drill.folder, mode: 0o700)
            // As a disk that fills up while the memory is written: more than a reserve, less than a memory.
            #expect(mount("tmpfs", drill.folder, "tmpfs", 0, "size=8m,mode=700") == 0)
            let full = try await drill.scenario.attempt("fetch", "--warm", "tiny")
            #expect(full.status != 0 && full.error.contains("space"), "\(full)")
            #expect(drill.states.isEmpty && drill.halfMade.isEmpty)
            let taken = try await BuiltProgram.runAny("du", ["-sk", drill.folder])
            #expect(Int(taken.stdout.prefix { $0.isNumber }) ?? .max < 100, "\(taken.stdout)")
            #expect(umount2(drill.folder, Int32(MNT_DETACH)) == 0)
            #expect(try await drill.leftOvers(except: others).isEmpty)
            #expect(try await drill.startAndStop() == "booted")
            try await drill.makeState()
            #expect(try await drill.startAndStop() == "warm")
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func aCloneGoesOnWhenTheCacheIsClearedUnderIt() async throws {
        try await WarmDrill.with { drill in
            let scenario = drill.scenario
            try await drill.makeState()
            let session = try await scenario.boot("tiny")
            #expect(try await drill.start(of: session) == "warm")
            let question = "cat /proc/sys/kernel/random/boot_id"
            #expect(
                try await eventually(
                    within: .seconds(60), { try await scenario.attempt("ssh", session.id, question).status == 0 }))
            let boot = try await scenario.attempt("ssh", session.id, question)
            try await scenario.client("cache", "clear")
            #expect(drill.states.isEmpty && drill.halfMade.isEmpty)
            // All of its disk: what is frozen, what it writes itself, and the image, which comes again.
            let read = try await scenario.attempt(
                "ssh", session.id,
                "echo 3 > /proc/sys/vm/drop_caches; cat /dev/vda > /dev/null && echo x > /mark && sync && cat /mark")
            #expect(read.status == 0 && read.output == "x\n", "\(read)")
            let same = try await scenario.attempt("ssh", session.id, question)
            #expect(same.output == boot.output && same.status == 0, "\(same)")
            try await scenario.client("stop", session.id, "--force")
            #expect(try await drill.startAndStop() == "booted")
        }
    }

    @Test(.timeLimit(.minutes(5)))
    func twoTemplatesAtOnceAreOne() async throws {
        try await WarmDrill.with { drill in
            let others = try await WarmDrill.domains()
            async let first = drill.scenario.attempt("fetch", "--warm", "tiny")
            async let second = drill.scenario.attempt("fetch", "--warm", "tiny")
            async let most = largestNumberOfGuests(drill)
            let results = [try await first, try await second]
            #expect(results.contains { $0.status == 0 }, "\(results)")
            // Whoever does not wait says why.
            #expect(results.allSatisfy { $0.status == 0 || $0.status == 75 && !$0.error.isEmpty }, "\(results)")
            #expect(try await most == 1)
            #expect(drill.states.count == 1 && drill.halfMade.isEmpty)
            #expect(try await drill.leftOvers(except: others).isEmpty)

            // What is there is not made again.
            let record = "\(drill.folder)/\(drill.states.first ?? "")/record.json"
            let before = try FileContents.readText(record, limit: 1 << 20)
            try await drill.makeState()
            #expect(try FileContents.readText(record, limit: 1 << 20) == before)
            #expect(try await drill.startAndStop() == "warm")
        }
    }

    /// Until a state is there and no guest runs.
    private func largestNumberOfGuests(_ drill: WarmDrill) async throws -> Int {
        var most = 0
        _ = try await WarmDrill.soon(within: 120) {
            let now = drill.emulators.count
            most = max(most, now)
            return now == 0 && !drill.states.isEmpty && drill.sessionIDs.isEmpty
        }
        return most
    }
}

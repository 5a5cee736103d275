import Boot
import FoundationEssentials
import Glibc
import Linux
import TestSupport
import Testing

/// Long: a guest that attacks. A real guest, started by the real program, in a network that is watched. OSCIRCULAR_DRILL_SECONDS says how
/// long it sends random frames (360), and its floods take a sixth of that each.
@Suite(
    .serialized,
    .enabled(
        if: getenv("OSCIRCULAR_DRILL") != nil && LibvirtDaemon.isReady() && OwnNetwork.isPossible
            && ["gcc", "nsenter"].allSatisfy { ProgramPath.find($0) != nil },
        "only in 'make drill', as root with libvirt, iproute2 and gcc"))
struct AttackDrillTests {
    private let seconds = getenv("OSCIRCULAR_DRILL_SECONDS").flatMap { Int(String(cString: $0)) } ?? 360
    /// How long a guest may use network and login after what it did, on a machine that emulates it.
    private static let patience = Duration.seconds(60)

    @Test func aGuestReachesNothingOfTheHostButItsLoginAndTheResolver() async throws {
        try await attack { guest, network in
            network.traffic.watch()
            let hosts = AttackedNetwork.hosts + AttackedNetwork.hostsOfSix + [AttackedNetwork.internet]
            let said = try await guest.run(
                "ip -6 addr add fec0::15/64 dev eth0; ip -6 route add default via fec0::2; /tmp/attack reach "
                    + hosts.joined(separator: " "))
            let lines = said.split(separator: "\n").map(String.init)
            let tries = lines.last.flatMap { Int($0.dropFirst("tries ".count)) } ?? 0
            let reached = lines.filter { $0.hasPrefix("REACHED ") }
            let outside = Set(reached.filter { $0.hasPrefix("REACHED \(AttackedNetwork.internet) ") })
            let near = Set(reached).subtracting(outside)
            #expect(tries >= 220, "\(said)")
            #expect(outside.isSuperset(of: ["tcp 80", "udp 80"].map { "REACHED \(AttackedNetwork.internet) \($0)" }))
            let login = "REACHED 10.0.2.2 tcp 22"
            var allowed: Set = [login, "REACHED 10.0.2.3 udp 53", "REACHED 10.0.2.3 tcp 53"]
            #expect(near.contains(login))
            // libslirp itself answers these.
            for address in ["10.0.2.2", "10.0.2.3", "10.0.2.254"] { allowed.insert("REACHED \(address) icmp 0") }
            #expect(near.isSubset(of: allowed), "\(near.subtracting(allowed))")
            expectNothing(network)
            report(
                "reach: \(tries) tries, answered near the host: \(near.sorted()); \(outside.count) of the internet's")
        }
    }

    @Test func noCraftedFrameArrives() async throws {
        try await attack { guest, network in
            network.traffic.watch()
            let hosts = AttackedNetwork.hosts + AttackedNetwork.unroutable
            let said = try await guest.run("/tmp/attack frames " + hosts.joined(separator: " "))
            // What waits somewhere for a second part, or is sent again.
            try await Task.sleep(for: .seconds(3))
            #expect(said.frames >= 308, "\(said)")
            #expect(network.traffic.controls > 0, "the frame that must arrive has not")
            expectNothing(network)
            try await guest.expectLogins()
            report("frames: \(said.split(separator: "\n").joined(separator: ", "))")
        }
    }

    @Test func floodsLeaveTheLoginsAtWork() async throws {
        try await attack { guest, network in
            for kind in ["udp", "syn", "arp", "dns"] {
                let said = try await guest.run("/tmp/attack flood \(kind) \(max(seconds / 6, 1))")
                #expect(said.frames > 0)
                let (inwards, outwards) = try await guest.expectLogins()
                report(
                    "flood \(kind): \(said.frames) frames; \(try guest.use()); login after \(inwards), back after \(outwards)"
                )
            }
            try guest.expectSameProcess()
            _ = network
        }
    }

    @Test func randomFramesLeaveTheLoginsAtWork() async throws {
        try await attack { guest, network in
            network.traffic.watch()
            for seed in 1...6 {
                let said = try await guest.run("/tmp/attack fuzz \(seed) \(max(seconds / 6, 1))")
                #expect(said.frames > 0)
                let (inwards, outwards) = try await guest.expectLogins()
                report(
                    "fuzz \(seed): \(said.frames) frames; \(try guest.use()); login after \(inwards), back after \(outwards)"
                )
            }
            try guest.expectSameProcess()
            let services = network.services.all.filter { !$0.hasSuffix(" 53") }
            #expect(services.isEmpty, "\(services)")
        }
    }

    private func expectNothing(_ network: AttackedNetwork) {
        #expect(network.traffic.wrong.isEmpty, "\(network.traffic.wrong)")
        // The resolver may be this host.
        let isResolver = AttackedNetwork.nameservers.contains { $0.hasPrefix("127.") }
        let services = network.services.all.filter { !isResolver || !$0.hasSuffix(" 53") }
        #expect(services.isEmpty, "\(services)")
    }

    private func report(_ text: String) { StandardError.write("drill: \(text)\n") }

    private func attack(_ body: (AttackingGuest, AttackedNetwork) async throws -> Void) async throws {
        let network = try await AttackedNetwork()
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            // The web server is in another network than the session.
            try await scenario.client("fetch", "tiny")
            try await body(try await AttackingGuest(scenario, network), network)
        }
        withExtendedLifetime(network) {}
    }

    /// One guest with the program that attacks in it.
    private struct AttackingGuest {
        let scenario: Scenario
        let session: SessionStatus
        private let network: Set<pid_t>

        init(_ scenario: Scenario, _ network: AttackedNetwork) async throws {
            self.scenario = scenario
            let program = scenario.folder.path("attack")
            let source = #filePath.prefix(
                upTo: #filePath.range(of: "Tests/IntegrationTests")?.lowerBound ?? #filePath.endIndex)
            let made = try await BuiltProgram.runAny(
                "gcc",
                ["-O1", "-static", "-Wall", "-Wextra", "-Werror", "-o", program, source + "Tests/Attacks/attack.c"])
            try #require(made.status == 0, "\(made.stderr)")
            let boot = ["boot", "tiny", "--detach", "--json", "--accel", "tcg", "--network", "user"]
            let booted = try await BuiltProgram.runAny(
                "nsenter", ["--net=\(network.host)", BuiltProgram.path("oscircular")] + boot,
                environment: scenario.environment)
            try #require(booted.status == 0, "\(booted.stderr)")
            session = try JSONDecoder().decode(SessionStatus.self, from: Data(booted.stdout.utf8))
            _ = try await scenario.console(of: session, shows: "READY")
            let carried = try await BuiltProgram.runAny(
                "sh",
                [
                    "-c", "\"$0\" ssh \(session.id) 'cat > /tmp/attack; chmod +x /tmp/attack' < \(program)",
                    BuiltProgram.path("oscircular"),
                ],
                environment: scenario.environment)
            try #require(carried.status == 0, "\(carried.stderr)")
            self.network = Set(ProcessTable.pids(running: "run-network", naming: scenario.folder.path))
        }

        /// Runs a command, and expects success.
        func run(_ command: String) async throws -> String {
            let result = try await scenario.attempt("ssh", session.id, command)
            #expect(result.status == 0, "\(command): \(result.output) \(result.error)")
            return result.output
        }

        /// The guest is logged in to, and logs in to the host.
        /// - Returns: how long each took.
        @discardableResult
        func expectLogins() async throws -> (Duration, Duration) {
            var times: [Duration] = []
            for (command, answer) in [
                ("echo in", "in\n"), ("ssh -o BatchMode=yes -l root 10.0.2.2 'echo out'", "out\n"),
            ] {
                let began = ContinuousClock.now
                let result = try await BuiltProgram.run(
                    "oscircular", ["ssh", session.id, command], environment: scenario.environment, within: patience)
                #expect(result.stdout == answer, "\(result.stderr)")
                times.append(ContinuousClock.now - began)
            }
            return (times[0], times[1])
        }

        /// The process was never replaced: it neither died nor hung.
        func expectSameProcess() throws {
            #expect(Set(ProcessTable.pids(running: "run-network", naming: scenario.folder.path)) == network)
        }

        /// The most memory that the network's process has had, which its bound is far above, and its descriptors now.
        func use() throws -> String {
            let serving = try #require(network.max())
            let status = try FileContents.readText("/proc/\(serving)/status", limit: 65_536)
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
            let kibibytes = try #require(line.split(separator: " ").compactMap { Int($0) }.first)
            #expect(kibibytes < 256 << 10)
            return "\(kibibytes >> 10) MiB, \(Folder.namesIfAny(in: "/proc/\(serving)/fd").count) descriptors"
        }

        private var patience: Duration { AttackDrillTests.patience }
    }
}

extension String {
    /// From the attack's last line.
    fileprivate var frames: Int {
        split(separator: "\n").last.flatMap { Int($0.dropFirst("frames ".count)) } ?? 0
    }
}

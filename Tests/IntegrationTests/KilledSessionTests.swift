import Glibc
import Linux
import TestSupport
import Testing

/// kill -9 of a session at known moments: the server holds back what the session must have to go on.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct KilledSessionTests {
    enum Moment: CaseIterable, Sendable {
        /// It waits for the catalog, the index, the image's first block.
        case catalog, index, blocks
        /// The overlay is there, the guest not or just so.
        case guest
        case up
    }

    @Test(arguments: Moment.allCases)
    func aSessionKilledInAnyPhaseLeavesNothingButItsLog(_ moment: Moment) async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let server = try FaultyHTTPServer(folder: scenario.tree)
            try await scenario.client("catalog", "remove", "test")
            try await scenario.client("catalog", "add", "slow", server.url, "--root", scenario.trust[1])
            let before = try await files(of: scenario)
            try holdBack(moment, server, scenario)
            let asked = server.requests.count
            async let boot = scenario.attempt("boot", "tiny", "--detach", "--accel", "tcg")
            if moment == .up { #expect(try await boot.status == 0) }
            let isReached = try await soon { has(moment, server.requests.dropFirst(asked), scenario) }
            #expect(isReached, "the session is where it is to be killed")
            let id = try #require(Folder.namesIfAny(in: scenario.folder.path(Self.sessions)).first)
            let processes = ProcessTable.pids(running: "run-session", under: scenario.folder.path(Self.sessions))
            // A program that it is just starting looks like the session until its exec.
            #expect((1...2).contains(processes.count))
            processes.forEach { kill($0, SIGKILL) }
            if moment != .up { #expect(try await boot.status != 0, "whoever started it hears of its end") }

            // The next start. libvirt ends a guest whose start it was in the middle of when that is done.
            let isOver = try await soon { processesOf(id, scenario).isEmpty }
            #expect(isOver, "\(processesOf(id, scenario)) go on")
            #expect(try await scenario.sessions().isEmpty)
            #expect(scenario.mounts().isEmpty)
            for folder in ControlGroup(name: "oscircular-\(id)", in: .current())?.folders ?? [] {
                #expect(!Folder.isFolder(folder), "\(folder)")
            }
            let new = try await files(of: scenario).subtracting(before)
            #expect(new.filter { !Self.mayStay($0) }.isEmpty)
            #expect(new.contains { $0.contains("/logs/\(id).") }, "the log stays")
            // libvirt clears its folders a little after QEMU has ended.
            var ofLibvirt = ""
            for _ in 0..<50 {
                let find = ["/etc/libvirt", "/run/libvirt", "/var/lib/libvirt", "-name", "*oscircular-\(id)*"]
                ofLibvirt = try await BuiltProgram.runAny("find", find).stdout
                if ofLibvirt.isEmpty { break }
                try await Task.sleep(for: .milliseconds(200))
            }
            #expect(ofLibvirt == "")
            if !isOver {
                _ = try await BuiltProgram.runAny("virsh", ["-c", LibvirtDaemon.uri, "destroy", "oscircular-\(id)"])
            }
        }
    }

    private static let sessions = "run/oscircular/sessions"
    private static let overlays = "state/oscircular/overlays"

    /// What every start keeps: logs, what the catalog says, which blocks a start needs and when it was; and empty folders.
    private static func mayStay(_ path: String) -> Bool {
        let kept = ["logs", "catalogs", "boot-sets", "runs", "health", "exchange"].map { "/state/oscircular/\($0)" }
        let folders = ["/run/oscircular", "/\(sessions)", "/\(overlays)"]
        return !path.hasSuffix(".tmp") && kept.contains { path.contains($0) } || folders.contains { path.hasSuffix($0) }
    }

    private func holdBack(_ moment: Moment, _ server: FaultyHTTPServer, _ scenario: Scenario) throws {
        switch moment {
        case .catalog: server.always("*", .hang)
        case .index: server.always(String(scenario.publishedIndex("2026-11-16").dropFirst(scenario.tree.count)), .hang)
        case .blocks:
            for block in try Scenario.blocks(of: scenario.publishedIndex("2026-11-16")) {
                server.always("/blocks/\(block.prefix(4))/\(block).cacnk", .hang)
            }
        case .guest, .up: break
        }
    }

    private func has(_ moment: Moment, _ requests: some Sequence<String>, _ scenario: Scenario) -> Bool {
        switch moment {
        case .catalog: requests.contains { !$0.isEmpty }
        case .index: requests.contains { $0.hasSuffix(".caibx") }
        case .blocks: !scenario.mounts().isEmpty && requests.contains { $0.hasSuffix(".cacnk") }
        case .guest, .up: !Folder.namesIfAny(in: scenario.folder.path(Self.overlays)).isEmpty
        }
    }

    /// Looks often: some moments are short.
    private func soon(_ condition: () -> Bool) async throws -> Bool {
        for _ in 0..<10_000 {
            if condition() { return true }
            try await Task.sleep(for: .milliseconds(3))
        }
        return false
    }

    /// All that there is in the state and runtime folders.
    private func files(of scenario: Scenario) async throws -> Set<String> {
        let folders = ["state", "run"].map { scenario.folder.path($0) }
        let found = try await BuiltProgram.runAny("find", folders)
        #expect(found.status == 0, "\(found.stderr)")
        return Set(found.stdout.split(separator: "\n").map(String.init))
    }

    /// The session, its guest, its sandbox: processes with its number or our folder among their words.
    private func processesOf(_ id: String, _ scenario: Scenario) -> [String] {
        Folder.namesIfAny(in: "/proc").filter { pid_t($0) != nil && $0 != "\(getpid())" }.compactMap { pid in
            let words = (try? FileContents.readText("/proc/\(pid)/cmdline", limit: 1 << 20)) ?? ""
            // A sandbox's words name no folder of ours; its mounts do.
            let mounts = (try? FileContents.readText("/proc/\(pid)/mountinfo", limit: 1 << 20)) ?? ""
            guard
                words.contains("oscircular-\(id)") || words.contains("\(scenario.folder.path)/")
                    || mounts.contains("/exchanges/\(id)")
            else { return nil }
            return "\(pid): \(words.prefix(200).map { $0 == "\0" ? " " : String($0) }.joined())"
        }
    }
}

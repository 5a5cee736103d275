import Linux
import TestSupport
import Testing

/// What a session costs while nothing happens: its guest sleeps most of the time, and so must it.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct IdleSessionTests {
    private static let seconds = 20
    /// The pool that Swift's tasks run on looks at its threads once a second, which makes half of the first; libvirt's daemon asks every
    /// five seconds whether we are there. libslirp has a timer of half a second as long as the network was used in the last minute and a half.
    private static let most = (session: 40, network: 50)

    @Test(.timeLimit(.minutes(5))) func aSessionAtRestHardlyWakesUp() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let session = try await scenario.boot("tiny")
            _ = try await scenario.console(of: session, shows: "READY")
            // Then the start is over, too, and has been recorded.
            try await scenario.whole(session)
            try await Task.sleep(for: .seconds(12))
            let network = ProcessTable.pids(running: "run-network", naming: scenario.folder.path)
            #expect(!network.isEmpty)
            var counts = (session: WakeUps([session.pid]), network: WakeUps(network))
            for _ in 0..<Self.seconds {
                try await Task.sleep(for: .seconds(1))
                counts.session.look()
                counts.network.look()
            }
            #expect(counts.session.total <= Self.most.session, "\(counts.session.names)")
            #expect(counts.network.total <= Self.most.network, "\(counts.network.names)")
            #expect(counts.session.total > 0, "nothing was counted")
            // And it is there.
            #expect(try await scenario.sessions().first?.state == .running)
            try await scenario.client("stop", session.id, "--force")
        }
    }
}

/// How often the threads of some processes have begun to wait since this was made. A thread that lives for less than the time between two
/// looks is not seen.
private struct WakeUps {
    private(set) var total = 0
    /// By the threads' names.
    private(set) var names: [String: Int] = [:]
    private let processes: [ProcessID]
    private var last: [String: Int] = [:]

    init(_ processes: [ProcessID]) {
        self.processes = processes
        for thread in threads() { last[thread.path] = thread.count }
    }

    mutating func look() {
        for thread in threads() {
            let new = thread.count - (last[thread.path] ?? 0)
            last[thread.path] = thread.count
            total += new
            if new > 0 { names[thread.name, default: 0] += new }
        }
    }

    private func threads() -> [(path: String, name: String, count: Int)] {
        processes.flatMap { process in
            Folder.namesIfAny(in: "/proc/\(process)/task").compactMap { thread in
                let path = "/proc/\(process)/task/\(thread)/status"
                // One that has ended meanwhile has none.
                guard let text = try? FileContents.readText(path, limit: 65_536) else { return nil }
                var fields: [Substring: Substring] = [:]
                for line in text.split(separator: "\n") {
                    let parts = line.split(separator: ":\t", maxSplits: 1)
                    if parts.count == 2 { fields[parts[0]] = parts[1] }
                }
                guard let count = fields["voluntary_ctxt_switches"].flatMap({ Int($0) }) else { return nil }
                return (path, String(fields["Name"] ?? ""), count)
            }
        }
    }
}

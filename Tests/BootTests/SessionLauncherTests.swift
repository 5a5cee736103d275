import Glibc
import Linux
import TestSupport
import Testing

@testable import Boot

/// The process of a session, as the program that starts it sees it.
@Suite struct SessionLauncherTests {
    /// Processes of this name whose parent we are, in any state.
    private func children(named name: String) -> Int {
        Folder.namesIfAny(in: "/proc").compactMap { Int32($0) }.count { pid in
            // A process that ends while we look has no such file any more.
            guard let text = try? FileContents.readText("/proc/\(pid)/stat", limit: 4096) else { return false }
            return text.contains("(\(name)) ") && text.contains(" \(getpid()) ")
        }
    }

    @Test func aSessionThatEndsLeavesNoZombie() async throws {
        let folder = try TemporaryDirectory()
        let places = Places(
            environment: { ["XDG_RUNTIME_DIR": folder.path, "XDG_STATE_HOME": folder.path("state")][$0] },
            user: geteuid(), home: folder.path)
        // One that ends without a word, under a name of its own.
        let program = folder.path("osc-ends")
        let child = try ChildProcess("cp", ["/bin/true", program])
        #expect(child.wait() == .exited(0))
        let launcher = SessionLauncher(places: places, program: program)
        for id in ["first1", "second2"] {
            let request = BootRequest(
                id: id, name: "x", memoryMiB: nil, cpus: nil, display: .none, network: "none", accel: "tcg",
                connect: nil)
            let report = try await launcher.start(request)
            #expect(report.failure != nil && !report.isUp)
        }
        #expect(await eventually { children(named: "osc-ends") == 0 })
    }

    @Test(
        arguments: [
            ("{\"isUp\": true}", nil),
            ("{\"isUp\": false, \"failure\": {\"exitCode\": 66, \"message\": \"no\"}}", "no"),
            ("no report at all", "ended without"),
        ] as [(String, String?)])
    func aStartEndsWithWhatTheProcessReports(_ line: String, _ failure: String?) async throws {
        let folder = try TemporaryDirectory()
        let places = Places(
            environment: { ["XDG_RUNTIME_DIR": folder.path, "XDG_STATE_HOME": folder.path("state")][$0] },
            user: geteuid(), home: folder.path)
        let program = folder.path("reports")
        try folder.write(Array("#!/bin/sh\necho '\(line)' >&3\n".utf8), to: "reports")
        #expect(chmod(program, 0o700) == 0)
        let request = BootRequest(
            id: "abcdefgh", name: "x", memoryMiB: nil, cpus: nil, display: .none, network: "none", accel: "tcg",
            connect: nil)
        let report = try await SessionLauncher(places: places, program: program).start(request)
        #expect(report.isUp == (failure == nil))
        if let failure {
            #expect(report.failure?.message.contains(failure) == true)
        } else {
            #expect(report.failure == nil)
        }
    }
}

import Glibc
import Linux
import TestSupport
import Testing

/// The commands of the OS Circular guide of 2009, typed as it shows them.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct GuideTests {
    /// Programs under the names of 2009, and `kvm` for a QEMU that emulates and shows its serial port in a file.
    private func programs(_ scenario: Scenario) throws -> String {
        let folder = try scenario.folder.makeFolder("bin")
        for name in ["httpstored", "httpstoraged", "httpstaged", "vmmenu.sh"] {
            symlink(BuiltProgram.path("oscircular"), "\(folder)/\(name)")
        }
        symlink(BuiltProgram.path("oscircular-publish"), "\(folder)/mksha1files")
        let kvm = "#!/bin/sh\nexec qemu-system-x86_64 -accel tcg -display none -serial file:serial.log \"$@\"\n"
        try AtomicFile.write(kvm, to: "\(folder)/kvm", mode: 0o755)
        return folder
    }

    /// A CD that boots, larger than a few blocks.
    private func writeCD(to path: String) throws {
        var random = SeededRandom(seed: 5)
        try AtomicFile.write(BootSector.cdrom(BootSector.echo) + random.bytes(3_000_000 / 2048 * 2048), to: path)
    }

    /// Types lines into one shell, in a mount namespace whose /var/tmp is its own.
    private func shell(
        _ scenario: Scenario, in folder: String, _ lines: String
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        let path = "\(try programs(scenario)):\(scenario.environment["PATH"] ?? "")"
        let script = "mount -t tmpfs none /var/tmp && cd \(folder) && set -ex\n\(lines)"
        return try await BuiltProgram.runAny(
            "unshare", ["-m", "--propagation", "private", "sh", "-c", script],
            environment: scenario.environment.merging(["PATH": path]) { $1 })
    }

    private static let isRoot = geteuid() == 0
    private static let rootReason: Comment = "the guide's commands are root's: /var/tmp/blocks and the mount"

    @Test(.enabled(if: isRoot, rootReason), arguments: ["httpstaged", "httpstoraged"])
    func theFiveCommandsBootAGuest(_ daemon: String) async throws {
        try await Scenario.with { scenario in
            let folder = try scenario.emptyFolder("guide")
            try writeCD(to: "\(folder)/knoppix.iso")
            let typed = try await shell(
                scenario, in: folder,
                """
                mksha1files knoppix.iso knoppix.idx 262144
                cp knoppix.idx /var/tmp/blocks/
                mkdir lbcas
                \(daemon) -f lbcas/ file://\(folder)/knoppix.idx
                timeout 60 kvm -m 64 -cdrom lbcas/knoppix &
                for i in $(seq 300); do grep -q READY serial.log && break; sleep 0.2; done
                kill $! || true
                grep READY serial.log
                cmp knoppix.iso lbcas/knoppix
                ls /var/tmp/blocks/v1 | wc -l
                oscircular=\(BuiltProgram.path("oscircular"))
                for i in 1 2 3 4 5 6 7 8 9 10; do $oscircular umount lbcas && break; sleep 1; done
                """)
            #expect(typed.status == 0, "\(typed.stderr)")
            #expect(typed.stdout.contains("READY"))
            #expect(typed.stderr.contains("not authenticated"))
            // The blocks were kept where they lay in 2009.
            let kept = typed.stdout.split(whereSeparator: \.isNewline).last.flatMap { Int($0) } ?? 0
            #expect(kept > 5, "\(typed.stdout)")
        }
    }

    @Test func anIndexOfAServerIsMountedAndDamageIsAnError() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 3_000_001, seed: 6)
            let bin = try programs(scenario)
            let base = try scenario.emptyFolder("old")
            let made = try await BuiltProgram.runAny("\(bin)/mksha1files", [image, "\(base)/disk.idx", "65536"])
            try #require(made.status == 0, "\(made.stderr)")
            let server = try FaultyHTTPServer(folder: base)
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", "\(server.url)disk.idx", directory)
            #expect(Folder.namesIfAny(in: directory) == ["disk"])
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            try await scenario.client("umount", directory)
            // Everything is in the cache now: no server is needed.
            server.stop()
            try await scenario.client("mount", "\(base)/disk.idx", directory)
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            try await scenario.client("umount", directory)
            try await scenario.client("cache", "clear")
            for name in Folder.namesIfAny(in: "\(base)/blockfile") {
                try AtomicFile.write("no zlib", to: "\(base)/blockfile/\(name)")
            }
            try await scenario.client("mount", "\(base)/disk.idx", directory)
            #expect(try await !scenario.areEqual(image, "\(directory)/disk"))
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func theDaemonMountsACasyncIndexToo() async throws {
        try await Scenario.with { scenario in
            let bin = try programs(scenario)
            let image = try scenario.image("a.img", bytes: 2_000_000, seed: 8)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            let mounted = try await BuiltProgram.runAny(
                "\(bin)/httpstored", ["-f", directory, "file://\(index)"], environment: scenario.environment)
            #expect(mounted.status == 0, "\(mounted.stderr)")
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            try await scenario.client("umount", directory)
            let none = try await BuiltProgram.runAny(
                "\(bin)/httpstaged", ["-f", directory, "file:///none.idx"], environment: scenario.environment)
            #expect(none.status == 69, "\(none.stderr)")
            let usage = try await BuiltProgram.runAny(
                "\(bin)/httpstaged", ["-f", directory], environment: scenario.environment)
            #expect(usage.status == 64)
            // The menu needs a terminal, and says so under its old name too.
            let menu = try await BuiltProgram.runAny("\(bin)/vmmenu.sh", [], environment: scenario.environment)
            #expect(menu.stderr.contains("terminal"), "\(menu.stderr)")
        }
    }
}

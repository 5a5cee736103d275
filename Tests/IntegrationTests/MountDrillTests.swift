import Glibc
import Linux
import TestSupport
import Testing

/// Long: programs killed while they mount. `make drill` runs it.
@Suite(
    .serialized,
    .enabled(if: getenv("OSCIRCULAR_DRILL") != nil && access("/dev/fuse", R_OK | W_OK) == 0, "only in 'make drill'"))
struct MountDrillTests {
    /// A process that is killed while it waits for an answer of its own mount never ends, and nor does anybody who looks at that mount.
    @Test func aProgramKilledWhileItMountsEnds() async throws {
        let folder = try TemporaryDirectory()
        let (image, index, blocks) = (folder.path("disk.img"), folder.path("disk.caibx"), folder.path("blocks"))
        let mountPoint = try folder.makeFolder("mount")
        var random = SeededRandom(seed: 2009)
        try folder.write(random.bytes(1 << 20), to: "disk.img")
        let made = try await BuiltProgram.run("oscircular-publish", ["make", image, index, "--store", blocks])
        try #require(made.status == 0)
        let pauses = (0..<400).map { _ in UInt32(random.next() % 400) }
        let lasting = try await WorkerThread.run(name: "program") {
            var lasting: [Int] = []
            for (round, pause) in pauses.enumerated() {
                let process = try ChildProcess(
                    BuiltProgram.path("oscircular"), ["mount", "--foreground", index, mountPoint, "--store", blocks],
                    environment: nil)
                // Without a pause: what it does next takes some 100 microseconds.
                let isMounted = Self.soon(pause: 0) { Self.mounts().contains(" \(mountPoint) ") }
                usleep(pause)
                process.signal(SIGKILL)
                let hasEnded = Self.soon { process.reap() != nil }
                // Breaks the connection too, so that nothing hangs where this test fails.
                umount2(mountPoint, CInt(MNT_FORCE))
                umount2(mountPoint, CInt(MNT_DETACH))
                if !hasEnded { _ = process.wait() }
                if !isMounted || !hasEnded { lasting.append(round) }
            }
            return lasting
        }
        #expect(lasting.isEmpty, "rounds in which the program did not mount, or did not end")
    }

    private static func mounts() -> String {
        (try? FileContents.readText("/proc/self/mountinfo", limit: 1 << 20)) ?? ""
    }

    /// - Parameter pause: microseconds between two looks.
    private static func soon(pause: UInt32 = 100, _ condition: () -> Bool) -> Bool {
        let end = MonotonicClock.nanoseconds + 10_000_000_000
        while MonotonicClock.nanoseconds < end {
            if condition() { return true }
            if pause > 0 { usleep(pause) }
        }
        return condition()
    }
}

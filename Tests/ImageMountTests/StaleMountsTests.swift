import FUSE
import Glibc
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import ImageMount

/// The folder that ``servesUntilItIsKilled()`` mounts at, when another run of the tests asks for it.
private let servedFolder = getenv("OSCIRCULAR_TEST_SERVE").map { String(cString: $0) }

/// Not a test: the process that ``StaleMountsTests`` starts and kills. What it makes lies beside the folder and goes with it.
@Test(.enabled(if: servedFolder != nil, "a part of StaleMountsTests"))
private func servesUntilItIsKilled() async throws {
    let served = try #require(servedFolder)
    let folder = try TemporaryFolder(in: served + "/..")
    let image = try TestImage.fixed(in: folder)
    let mounted = try MountedImage.mount(index: image.index, store: image.store(), at: served, fileName: "disk")
    await mounted.waitUntilUnmounted()
}

@Suite(
    .serialized, .enabled(if: mayMount, "NOT TESTED: FUSE mounts need /dev/fuse, and fusermount3 for others than root"))
struct StaleMountsTests {
    private let folder: TemporaryFolder
    private let directory: String

    init() throws {
        folder = try TemporaryFolder()
        directory = try folder.makeFolder("mount point")
    }

    /// Leaves what a session that was killed leaves.
    private func leaveStaleMount() async throws {
        let program = try #require(realpath("/proc/self/exe", nil).map { String(cString: $0) })
        let server = try TestProcess(
            [program] + TestRun.bundleArguments + [
                "--testing-library", "swift-testing", "--filter", "servesUntilItIsKilled",
            ],
            environment: ["OSCIRCULAR_TEST_SERVE=\(directory)"])
        let directory = directory
        try #require(await eventually(within: .seconds(30)) { (try? MountTable.entry(at: directory)) ?? nil != nil })
        // The kernel has the folder's attributes from now on, and would still give them when nobody serves it.
        #expect(try await exitCode("cat '\(directory)/disk' > /dev/null; ls -l '\(directory)'") == 0)
        #expect(!StaleMounts.isStale(directory))
        #expect(try StaleMounts.clear(under: folder.path).isEmpty, "it is alive")
        server.kill()
        #expect(try await server.wait() == -SIGKILL)
    }

    @Test func findsAndClearsTheMountOfAKilledProcess() async throws {
        try await leaveStaleMount()
        #expect(StaleMounts.isStale(directory))
        #expect(StaleMounts.isStale(directory + "/"))
        #expect(!StaleMounts.isStale(folder.path))
        #expect(try StaleMounts.clear(under: folder.path) == [directory])
        #expect(!StaleMounts.isStale(directory))
        #expect(try MountTable.entry(at: directory) == nil)
    }

    @Test func mountsOverAStaleMount() async throws {
        try await leaveStaleMount()
        let image = try TestImage.fixed(in: folder)
        let (store, directory) = (image.store(), directory)
        let index = image.index
        let mounted = try await WorkerThread.run(name: "test-mount") {
            try MountedImage.mount(index: index, store: store, at: directory, fileName: "disk.raw")
        }
        #expect(try await exitCode("cat '\(mounted.path)' > /dev/null") == 0)
        #expect(try MountTable.entries().filter { $0.mountPoint == directory }.count == 1)
        try mounted.unmount()
        await mounted.waitUntilUnmounted()
    }

    @Test func aFolderThatIsNotThereHasNoStaleMounts() throws {
        #expect(try StaleMounts.clear(under: folder.path("missing")).isEmpty)
        #expect(!StaleMounts.isStale(folder.path("missing")))
    }
}

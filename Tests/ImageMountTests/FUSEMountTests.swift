import FUSE
import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@Suite(
    .serialized, .enabled(if: mayMount, "NOT TESTED: FUSE mounts need /dev/fuse, and fusermount3 for others than root"))
struct FUSEMountTests {
    /// Keeps requests, or drops them.
    private final class KeepingReader: FileReader {
        let kept = Mutex<[ReadRequest]>([])
        let keeps: Bool

        init(keeps: Bool) { self.keeps = keeps }

        func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer? {
            { request in if self.keeps { self.kept.withLock { $0.append(request) } } }
        }
    }

    private let folder: TemporaryFolder
    private let directory: String

    init() throws {
        folder = try TemporaryFolder()
        directory = try folder.makeFolder("mount")
    }

    private func withMount(
        _ reader: KeepingReader, parallelDirectReads: Bool = true, _ body: (FUSEMount) async throws -> Void
    ) async throws {
        let directory = directory
        let mount = try await WorkerThread.run(name: "test-mount") {
            try FUSEMount(
                mountingAt: directory, fileName: "file", size: 1 << 20, modified: 1_000_000_000,
                options: FUSEMount.Options(parallelDirectReads: parallelDirectReads), reader: reader)
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body(mount)) } catch { result = .failure(error) }
        try mount.unmount(force: true)
        await mount.waitUntilUnmounted()
        try result.get()
    }

    @Test func aKilledReaderIsAnsweredAtOnce() async throws {
        let reader = KeepingReader(keeps: true)
        try await withMount(reader, parallelDirectReads: false) { (mount: FUSEMount) async throws in
            let child = try TestProcess([
                "dd", "if=\(directory)/file", "of=/dev/null", "bs=4096", "count=1", "iflag=direct",
            ])
            #expect(await eventually { reader.kept.withLock { $0.count } == 1 })
            #expect(reader.kept.withLock { $0.first?.isAnswered } == false)
            child.kill()
            #expect(try await child.wait(seconds: 3) == -SIGKILL)
            #expect(reader.kept.withLock { $0.first?.isAnswered } == true)
            // Too late, and harmless.
            reader.kept.withLock { $0.first?.fail(.inputOutput) }
        }
    }

    @Test func aRequestThatIsDroppedIsAnError() async throws {
        try await withMount(KeepingReader(keeps: false)) { (mount: FUSEMount) async throws in
            #expect(try await exitCode("cat '\(directory)/file' > /dev/null") == 1)
        }
    }

    @Test func answersAfterTheEndAreHarmless() async throws {
        let reader = KeepingReader(keeps: true)
        try await withMount(reader) { (mount: FUSEMount) async throws in
            let child = try TestProcess(["cat", "\(directory)/file"])
            #expect(await eventually { reader.kept.withLock { !$0.isEmpty } })
            try mount.unmount(force: true)
            await mount.waitUntilUnmounted()
            #expect(try await child.wait(seconds: 5) == 1)
        }
        let requests = reader.kept.withLock { $0 }
        #expect(requests.filter { !$0.isAnswered }.isEmpty)
        for request in requests { [UInt8](repeating: 1, count: request.size).withUnsafeBytes { request.reply($0) } }
    }

    @Test(.enabled(if: geteuid() == 0, "only root may raise the read-ahead"))
    func theKernelReadsAheadOneMebibyte() async throws {
        try await withMount(KeepingReader(keeps: true)) { (mount: FUSEMount) async throws in
            let device = try #require(try MountTable.entry(at: directory)?.device)
            #expect(try await exitCode("[ $(cat /sys/class/bdi/\(device)/read_ahead_kb) = 1024 ]") == 0)
        }
    }

    @Test func libfusesWordsAreInTheErrorAndInTheLog() async throws {
        let log = Log()
        LibraryLog.setHandler { _, text in log.lines.withLock { $0.append(text) } }
        defer { LibraryLog.setHandler(nil) }
        let missing = folder.path("missing")
        let error = #expect(throws: MountError.self) {
            try FUSEMount(
                mountingAt: missing, fileName: "file", size: 1, modified: 0, reader: KeepingReader(keeps: true))
        }
        guard case .mountFailed(missing, let message) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(message.contains(missing))
        #expect(log.lines.withLock { $0 }.contains(message))
    }

    private final class Log: Sendable {
        let lines = Mutex<[String]>([])
    }
}

import BlockStore
import ContentAddress
import FUSE
import Glibc
import ImageIndex
import ImageMount
import Linux
import TestSupport
import Testing

/// Whether this process may mount: a FUSE device that it may open, and a plain user needs fusermount3 too.
let mayMount =
    access("/dev/fuse", R_OK | W_OK) == 0 && (geteuid() == 0 || access("/usr/bin/fusermount3", X_OK) == 0)

@Suite(
    .serialized, .enabled(if: mayMount, "NOT TESTED: FUSE mounts need /dev/fuse, and fusermount3 for others than root"))
struct MountedImageTests {
    private let folder: TemporaryFolder
    private let image: TestImage
    private let store: InMemoryBlockStore
    private let directory: String

    init() throws {
        folder = try TemporaryFolder()
        image = try TestImage.fixed(blockSize: 262_144, count: 60, last: 12345, in: folder)
        store = image.store()
        directory = try folder.makeFolder("mount point")
    }

    /// Mounts, and unmounts whatever happens.
    private func withMount(
        _ options: MountOptions = MountOptions(), observer: RecordingObserver? = nil,
        _ body: (MountedImage) async throws -> Void
    ) async throws {
        let (index, store, directory) = (image.index, store, directory)
        let mounted = try await WorkerThread.run(name: "test-mount") {
            try MountedImage.mount(
                index: index, store: store, at: directory, fileName: "disk.raw", options: options, observer: observer)
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body(mounted)) } catch { result = .failure(error) }
        if !mounted.isUnmounted { try mounted.unmount(force: true) }
        await mounted.waitUntilUnmounted()
        store.release()
        try result.get()
    }

    /// The image as a plain file beside the mount, for `cmp`.
    private func reference() throws -> String {
        let path = folder.path("reference")
        try AtomicFile.write(image.bytes, to: path)
        return path
    }

    private func bounded(_ seconds: Double) -> MountOptions {
        MountOptions(read: ReadOptions(bound: .milliseconds(Int(seconds * 1000)), retryDelay: .milliseconds(20)))
    }

    @Test func theFileIsTheImage() async throws {
        let digest = image.bytes.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0).hex }
        try await withMount { (mounted: MountedImage) async throws in
            #expect(mounted.path == "\(directory)/disk.raw")
            let sum = try TestProcess.shell("[ $(sha256sum < '\(mounted.path)' | cut -c -64) = \(digest) ]")
            #expect(try await sum.wait() == 0)
            let only = try TestProcess.shell("[ \"$(ls -A '\(directory)')\" = disk.raw ] && ! ls '\(directory)/other'")
            #expect(try await only.wait() == 0)
            let status = try TestProcess.shell("[ \"$(stat -c %s:%a '\(mounted.path)')\" = \(image.bytes.count):444 ]")
            #expect(try await status.wait() == 0)
        }
        #expect(try MountTable.entry(at: directory) == nil)
    }

    @Test(
        .enabled(if: geteuid() == 0, "only root can mount for another user"),
        arguments: [(.ownUser, []), (.user(61_184), [61_184]), (.everyone, [61_184, 61_185])]
            as [(MountOptions.Readers, Set<UserID>)])
    func onlyWhoIsNamedReadsTheFile(readers: MountOptions.Readers, expected: Set<UserID>) async throws {
        // Nothing but the mount keeps them away.
        for path in [folder.path, directory] { try Paths.setPermissions(path, 0o755) }
        try await withMount(MountOptions(readers: readers)) { mounted in
            for user in [61_184, 61_185] as [UserID] {
                for command in ["head -c 1", "ls", "stat"] {
                    let path = command == "ls" ? directory : mounted.path
                    let code = try await exitCode(
                        "setpriv --reuid=\(user) --regid=65534 --clear-groups \(command) '\(path)' > /dev/null 2>&1")
                    #expect((code == 0) == expected.contains(user), "\(command) as \(user)")
                }
            }
            #expect(try await exitCode("head -c 1 '\(mounted.path)' > /dev/null") == 0)
        }
    }

    @Test func eightProcessesReadAtRandomOffsets() async throws {
        let reference = try reference()
        try await withMount { (mounted: MountedImage) async throws in
            var random = SeededRandom(seed: 5)
            let children = try (0..<8).map { _ in
                let lines = (0..<15).map { _ in
                    let offset = Int.random(in: 0..<image.bytes.count, using: &random)
                    let count = Int.random(in: 1...700_000, using: &random)
                    return "cmp -n \(count) -i \(offset) '\(mounted.path)' '\(reference)'"
                }
                return try TestProcess.shell("set -e\n" + lines.joined(separator: "\n"))
            }
            for child in children { #expect(try await child.wait(seconds: 60) == 0) }
            #expect(mounted.reader.statistics.reads > 0)
        }
    }

    @Test func directReadsAreTheImageToo() async throws {
        let reference = try reference()
        try await withMount { (mounted: MountedImage) async throws in
            for block in ["4096", "1M"] {
                let child = try TestProcess.shell(
                    "dd if='\(mounted.path)' bs=\(block) iflag=direct 2>/dev/null | cmp - '\(reference)'")
                #expect(try await child.wait(seconds: 60) == 0, "bs=\(block)")
            }
        }
    }

    @Test func aSecondReadNeverReachesTheServer() async throws {
        try await withMount { (mounted: MountedImage) async throws in
            #expect(try await exitCode("cat '\(mounted.path)' > /dev/null") == 0)
            let reads = mounted.reader.statistics.reads
            #expect(try await exitCode("cat '\(mounted.path)' > /dev/null") == 0)
            #expect(mounted.reader.statistics.reads == reads)
        }
    }

    @Test func writingIsRefused() async throws {
        try await withMount { (mounted: MountedImage) async throws in
            let path = mounted.path
            let errors = try await WorkerThread.run(name: "test-write") {
                [O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC].map { open(path, $0) == -1 ? errno : 0 }
                    + [open(path + ".new", O_WRONLY | O_CREAT, 0o644), unlink(path)].map { $0 == -1 ? errno : 0 }
            }
            #expect(errors == [EROFS, EROFS, EROFS, EROFS, EROFS])
        }
    }

    @Test func aKilledReaderDoesNotHang() async throws {
        store.hang(image.blocks[0].id)
        try await withMount { (mounted: MountedImage) async throws in
            let child = try TestProcess(["cat", mounted.path])
            #expect(await eventually { mounted.reader.statistics.waitingReads > 0 })
            child.kill()
            #expect(try await child.wait(seconds: 3) == -SIGKILL)
        }
    }

    @Test func aWaitThatIsTooLongIsAnErrorAndTheNextReadIsRight() async throws {
        let observer = RecordingObserver()
        let reference = try reference()
        store.hang(image.blocks[0].id)
        try await withMount(bounded(2), observer: observer) { (mounted: MountedImage) async throws in
            let start = MonotonicClock.nanoseconds
            let read = "dd if='\(mounted.path)' bs=4096 count=1 2>/dev/null | cmp -n 4096 - '\(reference)'"
            #expect(try await exitCode(read) == 1)
            // The kernel repeats the failed read; that must not cost another bound.
            #expect(MonotonicClock.nanoseconds - start < 3_800_000_000)
            #expect(observer.events == [.stalled([0])])
            store.release()
            #expect(await eventually { observer.events.last == .ended })
            #expect(try await exitCode(read) == 0)
        }
    }

    @Test func releasingWaitingReadsEndsTheProcessesRead() async throws {
        store.hang(image.blocks[0].id)
        try await withMount { (mounted: MountedImage) async throws in
            let child = try TestProcess(["cat", mounted.path])
            #expect(await eventually { mounted.reader.statistics.waitingReads > 0 })
            mounted.reader.refuseWaiting()
            #expect(try await child.wait(seconds: 3) == 1)
            mounted.reader.allowWaiting()
        }
    }

    @Test func othersAreServedWhileManyReadsOfOneBlockHang() async throws {
        let reference = try reference()
        store.hang(image.blocks[0].id)
        try await withMount { (mounted: MountedImage) async throws in
            let stuck = try (0..<20).map { position in
                try TestProcess.shell(
                    "exec dd if='\(mounted.path)' of=/dev/null bs=4096 skip=\(position) count=1 iflag=direct")
            }
            #expect(await eventually { mounted.reader.statistics.waitingReads >= 20 })
            let others = try (1..<9).map { position in
                try TestProcess.shell("cmp -n 700000 -i \(position * 1_000_000) '\(mounted.path)' '\(reference)'")
            }
            for child in others { #expect(try await child.wait(seconds: 20) == 0) }
            #expect(mounted.reader.statistics.waitingReads >= 20)
            store.release()
            for child in stuck { #expect(try await child.wait(seconds: 20) == 0) }
        }
    }

    @Test func unmountingWhatIsInUseIsRefused() async throws {
        try await withMount { (mounted: MountedImage) async throws in
            let path = mounted.path
            var file: FileHandle? = try await WorkerThread.run(name: "test-open") {
                try FileHandle(path: path, flags: O_RDONLY)
            }
            #expect(throws: ImageMountError.busy(directory)) { try mounted.unmount() }
            #expect(file != nil)
            file = nil
            // The kernel tells the server of the close on its own time.
            #expect(await eventually { (try? mounted.unmount()) != nil })
            try mounted.unmount()
            await mounted.waitUntilUnmounted()
            #expect(mounted.isUnmounted)
            try mounted.unmount()
        }
    }

    @Test func forcedUnmountEndsReadsThatWait() async throws {
        store.hang(image.blocks[0].id)
        try await withMount { (mounted: MountedImage) async throws in
            let child = try TestProcess(["cat", mounted.path])
            let direct = try TestProcess(["dd", "if=\(mounted.path)", "of=/dev/null", "bs=4096", "iflag=direct"])
            #expect(await eventually { mounted.reader.statistics.waitingReads >= 2 })
            try mounted.unmount(force: true)
            #expect(try await child.wait(seconds: 5) == 1)
            #expect(try await direct.wait(seconds: 5) == 1)
            await mounted.waitUntilUnmounted()
            #expect(try MountTable.entry(at: directory) == nil)
            // Blocks that come too late find nobody.
            store.release()
        }
    }

    @Test func endsWhenSomebodyElseUnmounts() async throws {
        try await withMount { (mounted: MountedImage) async throws in
            #expect(try await exitCode("fusermount3 -u '\(directory)'") == 0)
            await mounted.waitUntilUnmounted()
            #expect(mounted.isUnmounted)
        }
    }

    @Test func refusesFoldersThatCannotBeMountedOver() throws {
        func mount(_ directory: String, _ name: String = "disk") throws {
            _ = try MountedImage.mount(index: image.index, store: store, at: directory, fileName: name)
        }
        #expect(throws: ImageMountError.notEmpty(folder.path)) { try mount(folder.path) }
        let missing = folder.path("missing")
        #expect(
            throws: ImageMountError.notADirectory(
                missing, SystemCallError(code: ENOENT, call: "realpath", subject: missing))
        ) {
            try mount(missing)
        }
        let file = folder.path("image.caibx")
        #expect(
            throws: ImageMountError.notADirectory(file, SystemCallError(code: ENOTDIR, call: "open", subject: file))
        ) {
            try mount(file)
        }
        for name in ["", ".", "..", "a/b", String(repeating: "x", count: 256)] {
            #expect(throws: ImageMountError.unusableName(name)) { try mount(directory, name) }
        }
    }

    @Test func refusesToMountTwice() async throws {
        try await withMount { (mounted: MountedImage) async throws in
            let (index, store, directory) = (image.index, store, directory)
            await #expect(throws: ImageMountError.busy(directory)) {
                try await WorkerThread.run(name: "test-mount") {
                    _ = try MountedImage.mount(index: index, store: store, at: directory, fileName: "disk")
                }
            }
            #expect(!mounted.isUnmounted)
        }
    }
}

import BlockStore
import ContentAddress
import DiskImage
import FUSE
import Formats
import ImageIndex
import ImageMount
import Linux
import TestSupport
import Testing

/// Disks in files of other shapes, through a real mount, with stores that are late or fail underneath.
@Suite(
    .serialized, .enabled(if: mayMount, "NOT TESTED: FUSE mounts need /dev/fuse, and fusermount3 for others than root"),
    .enabled(
        if: BuiltProgram.isInstalled("qemu-img"), "NOT TESTED: qemu-img is not installed: apt-get install qemu-utils"))
struct DecodedImageTests {
    enum Kind: String, CaseIterable, Sendable {
        case deflate = "qemu-img convert -f raw -O qcow2 -c disk file"
        case zstd = "qemu-img convert -f raw -O qcow2 -c -o compression_type=zstd disk file"
        case small = "qemu-img convert -f raw -O qcow2 -c -o cluster_size=4096 disk file"
        case large = "qemu-img convert -f raw -O qcow2 -c -o cluster_size=2M disk file"
        case uncompressed = "qemu-img convert -f raw -O qcow2 disk file"
        case mixed = """
            qemu-img convert -f raw -O qcow2 -c disk file && qemu-io -f qcow2 -c 'write -P 7 5M 70k' -c 'write -z 2M 1M' file &&
            qemu-img convert -f qcow2 -O raw file disk
            """
        case xz = "xz -T2 -1 --block-size=3MiB -c disk > file"

        var format: DiskFormat { self == .xz ? .rawXZ : .qcow2 }
    }

    private let folder: TemporaryFolder
    private let directory: String

    init() throws {
        folder = try TemporaryFolder()
        directory = try folder.makeFolder("mount point")
    }

    /// A disk, and the image that it lies in.
    private struct Made {
        let disk: [UInt8]
        let image: TestImage
    }

    private func make(_ kind: Kind) async throws -> Made {
        var random = SeededRandom(seed: 9)
        var disk: [UInt8] = []
        for part in 0..<12 {
            switch part % 4 {
            case 0: disk += random.bytes(700_000)
            case 3: disk += [UInt8](repeating: 0, count: 900_000)
            default:
                while disk.count < (part + 1) * 750_000 {
                    disk += Array("A line of text, and its number: \(disk.count). ".utf8)
                }
            }
        }
        disk += [UInt8](repeating: 1, count: 512 - disk.count % 512)
        try AtomicFile.write(disk, to: folder.path("disk"))
        try #require(try await exitCode("cd '\(folder.path)' && { \(kind.rawValue); } > /dev/null") == 0)
        return Made(
            disk: try FileContents.read(folder.path("disk"), limit: 1 << 30),
            image: try TestImage.holding(try FileContents.read(folder.path("file"), limit: 1 << 30), in: folder))
    }

    /// Mounts, and unmounts whatever happens.
    private func withMount(
        _ made: Made, _ kind: Kind, _ store: InMemoryBlockStore, _ options: ReadOptions = ReadOptions(),
        observer: RecordingObserver? = nil, _ body: (MountedImage, MountedImage) async throws -> Void
    ) async throws {
        let (index, directory) = (made.image.index, directory)
        let mounted = try await WorkerThread.run(name: "test-mount") {
            try MountedImage.mount(
                index: index, store: store, at: directory, fileName: "disk.raw", options: MountOptions(read: options),
                observer: observer, format: kind.format)
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(mounted, mounted))
        } catch {
            result = .failure(error)
        }
        if !mounted.isUnmounted { try mounted.unmount(force: true) }
        await mounted.waitUntilUnmounted()
        store.release()
        try result.get()
    }

    /// Reads without the kernel, which would wait for this very process; nil when the read fails.
    private func read(_ image: MountedImage, _ offset: Int, _ length: Int) async throws -> [UInt8]? {
        // Nil says so.
        try? await image.read(UInt64(offset)..<UInt64(offset + length))
    }

    private func compare(_ file: MountedImage, _ disk: [UInt8], reads: Int, seed: UInt64) async throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<reads {
            let offset = Int.random(in: 0..<disk.count / 512, using: &random) * 512
            let most = Int.random(in: 0..<4, using: &random) == 0 ? 4096 : 64
            let length = min(Int.random(in: 1...most, using: &random) * 512, disk.count - offset)
            let isEqual = try await read(file, offset, length) == Array(disk[offset..<offset + length])
            #expect(isEqual, "\(length) bytes at \(offset)")
        }
    }

    @Test(arguments: Kind.allCases) func readsAnywhereAreTheRawDisks(_ kind: Kind) async throws {
        let made = try await make(kind)
        try await withMount(made, kind, made.image.store()) { mounted, file in
            #expect(mounted.size == UInt64(made.disk.count))
            try await compare(file, made.disk, reads: 60, seed: 1)
            // All at once, and all of it.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seed in 2..<8 as Range<UInt64> {
                    group.addTask { try await compare(file, made.disk, reads: 20, seed: seed) }
                }
                try await group.waitForAll()
            }
            #expect(try await exitCode("cmp '\(mounted.path)' '\(folder.path("disk"))'") == 0)
            let end = UInt64(made.disk.count)
            #expect(try await mounted.read(end - 700..<end + 512) == Array(made.disk.suffix(700)))
            // What was decoded is decoded again.
            mounted.forgetHeld()
            #expect(try await mounted.read(end - 700..<end) == Array(made.disk.suffix(700)))
        }
    }

    /// Pieces come late, in any order, and some only at the second try.
    @Test(arguments: Kind.allCases) func lateAndFailedPiecesAreWaitedFor(_ kind: Kind) async throws {
        let made = try await make(kind)
        let store = made.image.store()
        for block in made.image.blocks where block.position % 3 == 1 {
            store.fail(block.id, .unreachable(place: "test", cause: CancellationError()))
        }
        try await withMount(made, kind, store, ReadOptions(retryDelay: .milliseconds(10), readAhead: 1 << 20)) {
            mounted, file in
            store.hold()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seed in 20..<30 as Range<UInt64> {
                    group.addTask { try await compare(file, made.disk, reads: 4, seed: seed) }
                }
                #expect(await eventually { mounted.reader.statistics.waitingReads >= 2 })
                store.release()
                try await group.waitForAll()
            }
        }
    }

    /// The paused guest's logic is the image reader's: it hears of the stall and of its end.
    @Test(arguments: [Kind.deflate, .uncompressed, .large, .xz]) func aPieceThatDoesNotComeStallsItsReads(
        _ kind: Kind
    ) async throws {
        let made = try await make(kind)
        let store = made.image.store()
        let observer = RecordingObserver()
        let options = ReadOptions(bound: .milliseconds(300), retryDelay: .milliseconds(20))
        try await withMount(made, kind, store, options, observer: observer) { mounted, file in
            // Of the data: tables come first.
            let piece = made.image.blocks.count * 7 / 8
            store.hang(made.image.blocks[piece].id)
            var failed: [Int] = []
            for offset in stride(from: 0, to: made.disk.count, by: 65_536) {
                let length = min(65_536, made.disk.count - offset)
                if let bytes = try await read(file, offset, length) {
                    let isEqual = bytes == Array(made.disk[offset..<offset + length])
                    #expect(isEqual, "at \(offset)")
                } else {
                    failed.append(offset)
                }
            }
            #expect(!failed.isEmpty && failed.count < made.disk.count / 65_536)
            #expect(observer.events.contains(.stalled([piece])))
            #expect(mounted.reader.stalledBlocks.map(\.position) == [piece])
            store.release()
            #expect(await eventually { observer.events.last == .ended })
            for offset in failed {
                let length = min(65_536, made.disk.count - offset)
                let isEqual = try await read(file, offset, length) == Array(made.disk[offset..<offset + length])
                #expect(isEqual, "at \(offset)")
            }
        }
    }

    @Test func releasingWaitingReadsEndsThem() async throws {
        let made = try await make(.deflate)
        let store = made.image.store()
        try await withMount(made, .deflate, store) { mounted, file in
            store.hold()
            async let first = read(file, 0, 131_072)
            async let second = read(file, 65_536, 4096)
            #expect(await eventually { mounted.reader.statistics.waitingReads > 0 })
            mounted.reader.refuseWaiting()
            let released = try await (first, second)
            #expect(released.0 == nil && released.1 == nil)
            mounted.reader.allowWaiting()
            store.release()
            #expect(await eventually { mounted.reader.stalledBlocks.isEmpty })
            #expect(try await read(file, 0, 131_072) == Array(made.disk[0..<131_072]))
        }
    }

    /// Tables, and then what they point to: all of it within one bound.
    @Test func oneReadWaitsForNoLongerThanItsBound() async throws {
        let made = try await make(.deflate)
        let store = made.image.store()
        let observer = RecordingObserver()
        try await withMount(made, .deflate, store, ReadOptions(bound: .seconds(2)), observer: observer) {
            mounted, file in
            store.hold()
            let start = ContinuousClock.now
            async let bytes = read(file, 1_000_000, 4096)
            #expect(await eventually { mounted.reader.statistics.waitingReads == 1 })
            let tables = store.fetched.count
            try await Task.sleep(for: .milliseconds(1500))
            store.releaseHeld()
            #expect(try await bytes == nil)
            let elapsed = ContinuousClock.now - start
            #expect(store.fetched.count > tables, "nothing was behind the tables")
            #expect(elapsed >= .seconds(2) && elapsed < .seconds(3), "\(elapsed)")
            // A guest that pauses for it is told when it may go on.
            #expect(!mounted.reader.stalledBlocks.isEmpty)
            store.release()
            #expect(await eventually { observer.events.last == .ended })
            #expect(try await read(file, 1_000_000, 4096) == Array(made.disk[1_000_000..<1_004_096]))
        }
    }

    /// The guest has heard of the failure and goes on: what else the read wanted must not count as a wait of the guest.
    @Test(arguments: [(Kind.xz, 3 << 20), (.large, 2 << 20)]) func whatAFailedReadNoLongerNeedsStallsNothing(
        _ kind: Kind, _ boundary: Int
    ) async throws {
        let made = try await make(kind)
        let store = made.image.store()
        let observer = RecordingObserver()
        let options = ReadOptions(bound: .milliseconds(1500), retryDelay: .milliseconds(20))
        try await withMount(made, kind, store, options, observer: observer) { mounted, file in
            let decoded = try #require(mounted.decoded)
            // The tables.
            if kind == .large { _ = try await read(file, made.disk.count - 512, 512) }
            let range = boundary - 4096..<boundary + 4096
            guard case .parts(let parts) = try decoded.layout.find(UInt64(range.lowerBound)..<UInt64(range.upperBound))
            else { return #expect(Bool(false), "no tables") }
            let units = parts.compactMap { part in if case .unit(let unit, _) = part.source { unit } else { nil } }
            try #require(units.count == 2)
            // The first is here with the header.
            let missing = try made.image.index.block(containing: units[0].stored.lowerBound + 70_000)
            let late = try made.image.index.block(containing: units[1].stored.lowerBound + 70_000)
            store.fail(missing.id, .missing(missing.id, place: "memory"))
            store.hang(late.id)
            #expect(try await read(file, range.lowerBound, range.count) == nil)
            #expect(await eventually { observer.events.last == .ended })
            try await Task.sleep(for: .seconds(2))
            #expect(observer.events == [.stalled([missing.position]), .arrived(missing.position), .ended])
            #expect(mounted.reader.stalledBlocks.isEmpty)
            // Whoever wants it now waits for it, and is told.
            #expect(try await read(file, boundary, 4096) == nil)
            #expect(await eventually { mounted.reader.stalledBlocks.map(\.position) == [late.position] })
            store.release()
            #expect(await eventually { mounted.reader.stalledBlocks.isEmpty })
            #expect(await eventually { observer.events.last == .ended })
            let isEqual = try await read(file, range.lowerBound, range.count) == Array(made.disk[range])
            #expect(isEqual)
        }
    }

    /// Without a cache, too, a slow link brings what must be decoded as a whole: what has come is kept for the next read.
    @Test func aLongUnitGoesOnWhenItsReadsHaveFailed() async throws {
        let made = try await make(.xz)
        let store = InMemoryBlockStore(answersAtOnce: false)
        for block in made.image.blocks {
            store.put(Array(made.image.bytes[Int(block.offset)..<Int(block.end)]), as: block.id)
        }
        let observer = RecordingObserver()
        try await withMount(made, .xz, store, ReadOptions(bound: .milliseconds(500)), observer: observer) {
            mounted, file in
            store.hold()
            #expect(try await read(file, 1_000_000, 4096) == nil)
            // Until it has come nobody waits once more.
            let start = ContinuousClock.now
            #expect(try await read(file, 2_000_000, 4096) == nil)
            #expect(ContinuousClock.now - start < .milliseconds(400))
            // As a session does before it pauses the guest.
            mounted.reader.refuseWaiting()
            store.releaseHeld()
            #expect(await eventually { observer.events.last == .ended })
            mounted.reader.allowWaiting()
            let asked = store.fetched.count
            for offset in [1_000_000, 2_000_000] {
                let isEqual = try await read(file, offset, 4096) == Array(made.disk[offset..<offset + 4096])
                #expect(isEqual)
            }
            #expect(store.fetched.count == asked)
        }
    }

    /// Only what is damaged cannot be read.
    @Test func aDamagedClusterIsAnErrorOfItsOwn() async throws {
        let made = try await make(.deflate)
        var bytes = made.image.bytes
        // The clusters' data begins here; the first part of the disk is noise, which is not compressed.
        let middle = 0x50000 + 0xB0000 + 40_000
        for offset in middle..<middle + 2000 { bytes[offset] = 0xFF }
        let damaged = Made(disk: made.disk, image: try TestImage.holding(bytes, in: folder))
        try await withMount(damaged, .deflate, damaged.image.store()) { mounted, file in
            var failed = 0
            for offset in stride(from: 0, to: made.disk.count, by: 65_536) {
                let length = min(65_536, made.disk.count - offset)
                let bytes = try await read(file, offset, length)
                if bytes == nil { failed += 1 }
                let isRight = bytes == nil || bytes == Array(made.disk[offset..<offset + length])
                #expect(isRight, "at \(offset)")
            }
            #expect((1...3).contains(failed))
            // It is known what to blame when a guest's read fails.
            #expect(mounted.decoded?.damage == nil)
            #expect(try await exitCode("cat '\(mounted.path)' > /dev/null 2>&1") != 0)
            #expect(mounted.decoded?.damage != nil)
            #expect(mounted.reader.stalledBlocks.isEmpty)
        }
    }

    @Test func whatIsNoDiskIsNotMounted() async throws {
        let made = try await make(.deflate)
        let store = made.image.store()
        #expect(throws: ImageMountError.self) {
            try MountedImage.mount(index: made.image.index, store: store, at: directory, fileName: "d", format: .rawXZ)
        }
        store.remove(made.image.blocks[0].id)
        let empty = InMemoryBlockStore()
        let error = #expect(throws: ImageMountError.self) {
            try MountedImage.mount(
                index: made.image.index, store: empty, at: directory, fileName: "d",
                options: MountOptions(read: ReadOptions(bound: .seconds(2))), format: .qcow2)
        }
        guard case .unreadableDisk(.block) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(try MountTable.entry(at: directory) == nil)
    }
}

import ContentAddress
import Glibc
import ImageIndex
import Linux
import TestSupport
import Testing

/// Publishing what has changed: the index is the one that reading everything gives, or there is none.
@Suite struct ChangedSinceTests {
    private static let block = TreeFixture.block
    private static let seeds = (1...40).map { UInt64($0) }

    private let fixture: TreeFixture
    private var folder: TemporaryDirectory { fixture.folder }
    private var tree: String { fixture.tree }

    init() throws { fixture = try TreeFixture() }

    private func write(_ seeds: [UInt64], to path: String) throws {
        try PublisherFixtures.writeImage(
            seeds.map { .random(Self.block, seed: $0) } + [.hole(3 * Self.block), .random(1024, seed: 9)], to: path)
    }

    /// Overwrites a block in place.
    private func change(_ path: String, block: Int, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let file = try FileHandle(path, for: .writing)
        try random.bytes(5000).withBytes { (bytes) throws(SystemCallError) in
            try file.write(bytes, at: block * Self.block + 70_000)
        }
    }

    private func index(_ version: String, of tree: String = "tree") throws -> [UInt8] {
        let name = try #require(
            folder.files(below: "\(tree)/targets/d").first { $0.hasSuffix(".\(version).caibx") })
        return try folder.bytes(name)
    }

    /// Expects that a version has the index of an image that is read as a whole.
    private func expectWhole(_ version: String, _ image: String) async throws {
        try await fixture.must("make", image, folder.file("whole.caibx"), "--store", folder.file("whole.castr"))
        #expect(try index(version) == folder.bytes("whole.caibx"))
        try await fixture.must("verify", tree)
    }

    private func add(_ version: String, _ image: String, _ options: String...) async throws -> String {
        let result = try await fixture.run(["add", tree, "d", version, image] + options)
        try #require(result.status == 0, "\(result.stderr)")
        return result.stdout
    }

    private func refusal(_ image: String, _ options: String...) async throws -> (Int32, String) {
        try await refusal(image, options)
    }

    private func refusal(_ image: String, _ options: [String]) async throws -> (Int32, String) {
        let before = folder.files(below: "tree/targets").sorted()
        let result = try await fixture.run(["add", tree, "d", "2026-11-16", image, "--changed-since"] + options)
        #expect(folder.files(below: "tree/targets").sorted() == before)
        return (result.status, result.stderr)
    }

    // MARK: A raw image

    private func published(on disk: ReflinkFolder) async throws {
        try await fixture.must("init", tree)
        try write(Self.seeds, to: disk.file("first"))
        _ = try await add("2026-11-09", disk.file("first"))
        try disk.clone("first", to: "second")
    }

    @Test(.enabled(if: ReflinkFolder.isPossible, Comment(rawValue: ReflinkFolder.reason)))
    func whatTwoFilesShareIsNotRead() async throws {
        let disk = try ReflinkFolder()
        try await published(on: disk)
        try change(disk.file("second"), block: 17, seed: 100)
        let output = try await add("2026-11-16", disk.file("second"), "--changed-since", disk.file("first"))
        // Among 40 are no more than the blocks that are compared, and one that changed.
        #expect(output.contains("stored:  1 new blocks"), "\(output)")
        try await expectWhole("2026-11-16", disk.file("second"))

        // From one to the next, with holes that come and go, and another end.
        try disk.clone("second", to: "third")
        let third = try FileHandle(disk.file("third"), for: .writing)
        try third.truncate(to: 20 * Self.block)
        try third.truncate(to: 50 * Self.block + 512)
        try change(disk.file("third"), block: 41, seed: 101)
        _ = try await add("2026-11-23", disk.file("third"), "--changed-since", disk.file("second"))
        try await expectWhole("2026-11-23", disk.file("third"))
    }

    /// More blocks than are compared.
    @Test(.enabled(if: ReflinkFolder.isPossible, Comment(rawValue: ReflinkFolder.reason)))
    func mostBlocksAreTakenFromTheEarlierIndex() async throws {
        let disk = try ReflinkFolder()
        try await fixture.must("init", tree)
        try write((1...200).map { UInt64($0) }, to: disk.file("first"))
        _ = try await add("2026-11-09", disk.file("first"))
        try disk.clone("first", to: "second")
        for block in [0, 3, 199] { try change(disk.file("second"), block: block, seed: UInt64(block) + 300) }
        let output = try await add("2026-11-16", disk.file("second"), "--changed-since", disk.file("first"))
        // 197 of 200, and the image's last, but for 64.
        #expect(output.contains("changed: 134 blocks"), "\(output)")
        #expect(output.contains("stored:  3 new blocks"), "\(output)")
        try await expectWhole("2026-11-16", disk.file("second"))
    }

    @Test(.enabled(if: ReflinkFolder.isPossible, Comment(rawValue: ReflinkFolder.reason)))
    func aBlockThatTheStoreHasLostIsReadAgain() async throws {
        let disk = try ReflinkFolder()
        try await fixture.must("init", tree)
        try write((1...200).map { UInt64($0) }, to: disk.file("first"))
        _ = try await add("2026-11-09", disk.file("first"))
        try disk.clone("first", to: "second")
        for block in fixture.blocks().prefix(150) { try #require(unlink(folder.file(block)) == 0) }
        let output = try await add("2026-11-16", disk.file("second"), "--changed-since", disk.file("first"))
        #expect(output.contains("stored:  150 new blocks"), "\(output)")
        try await expectWhole("2026-11-16", disk.file("second"))
    }

    @Test(.enabled(if: ReflinkFolder.isPossible, Comment(rawValue: ReflinkFolder.reason)))
    func anEarlierFileMustBeWhatWasPublished() async throws {
        let disk = try ReflinkFolder()
        try await published(on: disk)
        func expectRefusal(_ earlier: String, _ words: String, line: Int = #line) async throws {
            let (status, errors) = try await refusal(disk.file("second"), disk.file(earlier))
            #expect(status == 64 && errors.contains(words), "line \(line): \(status), \(errors)")
        }
        // A copy that is another file, with other bytes for all that is known.
        try disk.clone("first", to: "copy")
        try await expectRefusal("copy", "not known")
        // The image itself has no mark yet; with one it would say nothing.
        try await expectRefusal("second", "not known")
        // Cut, and written to.
        try FileHandle(disk.file("first"), for: .writing).truncate(to: 30 * Self.block)
        try await expectRefusal("first", "not known")
        let (status, errors) = try await refusal(disk.file("second"), disk.file("none"))
        #expect(status == 66, "\(errors)")
        // What it was published as is in another tree.
        try change(disk.file("second"), block: 1, seed: 7)
        try await fixture.must("init", folder.file("other"))
        try await fixture.must("add", folder.file("other"), "d", "2026-11-09", disk.file("second"))
        try disk.clone("second", to: "third")
        let other = try await refusal(disk.file("third"), disk.file("second"))
        #expect(other.0 == 64 && other.1.contains("does not have now"), "\(other.1)")
    }

    @Test(.enabled(if: ReflinkFolder.isPossible, Comment(rawValue: ReflinkFolder.reason)))
    func theImageItselfIsNoEarlierOne() async throws {
        let disk = try ReflinkFolder()
        try await published(on: disk)
        let (status, errors) = try await refusal(disk.file("first"), disk.file("first"))
        #expect(status == 64 && errors.contains("the image itself"), "\(errors)")
        // Another file system: places on it say nothing here.
        try write(Self.seeds, to: folder.file("elsewhere"))
        let elsewhere = try await refusal(folder.file("elsewhere"), disk.file("first"))
        #expect(elsewhere.0 == 64 && elsewhere.1.contains("another file system"), "\(elsewhere.1)")
    }

    /// Where files share nothing all is read, and the index is right.
    @Test func filesThatShareNothingAreRead() async throws {
        try await fixture.must("init", tree)
        let (first, second) = (folder.file("first"), folder.file("second"))
        try write(Self.seeds, to: first)
        _ = try await add("2026-11-09", first)
        try write(Self.seeds, to: second)
        try change(second, block: 5, seed: 50)
        let result = try await fixture.run(["add", tree, "d", "2026-11-16", second, "--changed-since", first])
        // A file system without such notes, or one that does not say where files lie, is refused.
        guard result.status == 0 else {
            #expect(result.status == 64, "\(result.stderr)")
            return
        }
        #expect(!result.stdout.contains("changed:"))
        try await expectWhole("2026-11-16", second)
    }

    @Test(.enabled(if: ReflinkFolder.isPossible, Comment(rawValue: ReflinkFolder.reason)))
    func theWholeCheckReadsAll() async throws {
        let disk = try ReflinkFolder()
        try await published(on: disk)
        try change(disk.file("second"), block: 17, seed: 100)
        let output = try await add(
            "2026-11-16", disk.file("second"), "--changed-since", disk.file("first"), "--verify-unchanged")
        #expect(!output.contains("changed:"))
        try await expectWhole("2026-11-16", disk.file("second"))
    }

    // MARK: A qcow2

    private static let hasQEMU = BuiltProgram.isInstalled("qemu-img") && BuiltProgram.isInstalled("qemu-io")

    private var disk: String { folder.file("disk.qcow2") }

    private func qemu(_ program: String, _ arguments: String...) async throws {
        let result = try await BuiltProgram.runAny(program, arguments)
        try #require(result.status == 0, "\(program) \(arguments): \(result.stderr)")
    }

    /// A qcow2 that is published as 2026-11-09 and has a bitmap of this name.
    private func publishedDisk(options: String = "cluster_size=65536", blocks: UInt64 = 200) async throws {
        try await fixture.must("init", tree)
        try write((1...blocks).map { $0 }, to: folder.file("raw"))
        try await qemu("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", options, folder.file("raw"), disk)
        try await qemu("qemu-img", "bitmap", "-f", "qcow2", "--add", disk, "2026-11-09")
        _ = try await add("2026-11-09", disk)
    }

    private func expectWholeDisk(_ version: String) async throws {
        try await qemu("qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, folder.file("all"))
        try await expectWhole(version, folder.file("all"))
    }

    @Test(
        .enabled(if: hasQEMU, "NOT TESTED: needs qemu-utils"),
        arguments: ["cluster_size=65536", "cluster_size=4096", "cluster_size=2M", "preallocation=full"])
    func whatABitmapCallsCleanIsNotRead(options: String) async throws {
        try await publishedDisk(options: options)
        try await qemu(
            "qemu-io", "-f", "qcow2", "-c", "write -P 7 5M 200k", "-c", "write -z 20M 1M", "-c", "discard 30M 1M", "-c",
            "write -P 3 \(202 * Self.block) 512", disk)
        let output = try await add("2026-11-16", disk, "--changed-since", "2026-11-09")
        #expect(output.contains("changed: "), "\(output)")
        try await expectWholeDisk("2026-11-16")
        // The disk may have grown since, and have compressed clusters.
        try await qemu("qemu-img", "bitmap", "-f", "qcow2", "--add", disk, "2026-11-16")
        try await qemu("qemu-img", "resize", "-q", "-f", "qcow2", disk, "+1M")
        try await qemu("qemu-io", "-f", "qcow2", "-c", "write -P 5 50M 1M", disk)
        _ = try await add("2026-11-23", disk, "--changed-since", "2026-11-16")
        try await expectWholeDisk("2026-11-23")
    }

    @Test(.enabled(if: hasQEMU, "NOT TESTED: needs qemu-utils"))
    func compressedClustersAreReadWhereTheyLie() async throws {
        try await fixture.must("init", tree)
        try PublisherFixtures.writeImage(
            [.random(Self.block, seed: 1), .zeros(80 * Self.block), .random(3 * Self.block, seed: 2)],
            to: folder.file("raw"))
        try await qemu("qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-c", folder.file("raw"), disk)
        try await qemu("qemu-img", "bitmap", "-f", "qcow2", "--add", disk, "2026-11-09")
        _ = try await add("2026-11-09", disk)
        try await qemu("qemu-io", "-f", "qcow2", "-c", "write -P 7 100k 8k", "-c", "write -P 8 20M 1k", disk)
        _ = try await add("2026-11-16", disk, "--changed-since", "2026-11-09")
        try await expectWholeDisk("2026-11-16")
    }

    @Test(.enabled(if: hasQEMU, "NOT TESTED: needs qemu-utils"), arguments: [false, true])
    func aBitmapThatIsAnotherDisksIsFound(isVerified: Bool) async throws {
        try await publishedDisk()
        // Another disk, whose bitmap has the name.
        try write((1001...1200).map { $0 }, to: folder.file("raw"))
        try await qemu("qemu-img", "convert", "-f", "raw", "-O", "qcow2", folder.file("raw"), disk)
        try await qemu("qemu-img", "bitmap", "-f", "qcow2", "--add", disk, "2026-11-09")
        let (status, errors) = try await refusal(
            disk, isVerified ? ["2026-11-09", "--verify-unchanged"] : ["2026-11-09"])
        #expect(status == 65 && errors.contains("not made from d@2026-11-09"), "\(errors)")
    }

    /// A bitmap that was added too late: one block of 200 is not what it says. A look at 64 may miss it; the whole check does not.
    @Test(.enabled(if: hasQEMU, "NOT TESTED: needs qemu-utils"))
    func theWholeCheckFindsOneBlock() async throws {
        try await publishedDisk()
        try await qemu("qemu-img", "bitmap", "-f", "qcow2", "--remove", disk, "2026-11-09")
        try await qemu("qemu-io", "-f", "qcow2", "-c", "write -P 7 \(101 * Self.block) 1k", disk)
        try await qemu("qemu-img", "bitmap", "-f", "qcow2", "--add", disk, "2026-11-09")
        let (status, errors) = try await refusal(disk, "2026-11-09", "--verify-unchanged")
        #expect(status == 65 && errors.contains("block 101 should be unchanged"), "\(errors)")
    }

    @Test(.enabled(if: hasQEMU, "NOT TESTED: needs qemu-utils"))
    func aBitmapThatCannotBeTrustedIsRefused() async throws {
        try await publishedDisk()
        func expectRefusal(_ name: String, _ words: String, _ code: Int32 = 64, line: Int = #line) async throws {
            let (status, errors) = try await refusal(disk, name)
            #expect(status == code && errors.contains(words), "line \(line): \(status), \(errors)")
        }
        try await expectRefusal("2026-11-02", "is no version of the tree")
        try await expectRefusal(folder.file("raw"), "is no version of the tree")
        try await qemu("qemu-img", "bitmap", "-f", "qcow2", "--disable", disk, "2026-11-09")
        try await expectRefusal("2026-11-09", "disabled")
        try await qemu("qemu-img", "bitmap", "-f", "qcow2", "--enable", disk, "2026-11-09")
        let whole = try folder.bytes("disk.qcow2")
        // As a cut leaves it, with the mark that a program had the disk open.
        let list = try #require(whole.firstRange(of: [0x23, 0x85, 0x28, 0x75] as [UInt8])).lowerBound + 24
        let entry = whole[list..<list + 8].reduce(0) { $0 << 8 | Int($1) }
        var bytes = whole
        bytes[entry + 15] |= 1
        try folder.write(bytes, to: "disk.qcow2")
        try await expectRefusal("2026-11-09", "inconsistent")
        try folder.write(Array(whole.prefix(whole.count / 2)), to: "disk.qcow2")
        let (status, errors) = try await refusal(disk, "2026-11-09")
        #expect(status == 65 || status == 64, "\(errors)")
        try folder.write(whole, to: "disk.qcow2")
        _ = try await add("2026-11-16", disk, "--changed-since", "2026-11-09")
        try await expectWholeDisk("2026-11-16")
    }

    // MARK: Others

    @Test func whatIsNeitherRawNorQcow2IsRefused() async throws {
        try await fixture.must("init", tree)
        try write([1, 2], to: folder.file("raw"))
        _ = try await add("2026-11-09", folder.file("raw"))
        let packed = try await BuiltProgram.runAny("gzip", ["-k", folder.file("raw")])
        try #require(packed.status == 0)
        let (status, errors) = try await refusal(folder.file("raw.gz"), folder.file("raw"))
        #expect(status == 64 && errors.contains("neither a raw image nor a qcow2"), "\(errors)")
        let alone = try await fixture.run(["add", tree, "d", "2026-11-16", folder.file("raw"), "--verify-unchanged"])
        #expect(alone.status == 64)
    }
}

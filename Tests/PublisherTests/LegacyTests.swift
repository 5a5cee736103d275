import Glibc
import ImageIndex
import Linux
import TestSupport
import Testing

/// The form of 2009: written, converted both ways, and damaged.
@Suite struct LegacyTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        symlink(BuiltProgram.path("oscircular-publish"), folder.file("mksha1files"))
    }

    private func mksha1files(_ arguments: String...) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.runAny(folder.file("mksha1files"), arguments)
    }

    private func publish(_ arguments: String...) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.run("oscircular-publish", arguments)
    }

    private func lines() throws -> [String] {
        String(decoding: try folder.bytes("old/disk.idx"), as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func makeOld(size: Int = 5_000_123, blockSize: String = "262144") async throws {
        try PublisherFixtures.writeRandomImage(size: size, seed: 7, to: folder.file("a.img"))
        try Folder.make(folder.file("old"))
        let made = try await mksha1files(folder.file("a.img"), folder.file("old/disk.idx"), blockSize)
        try #require(made.status == 0, "\(made.stderr)")
    }

    @Test func blocksAreNamedByTheirSHA1AndZlib() async throws {
        try await makeOld()
        let lines = try lines()
        #expect(lines[0] == "lbcas 1 sha1 zlib 262144 5000123")
        #expect(lines.count == 21)
        #expect(Set(folder.files(below: "old/blockfile")) == Set(lines.dropFirst().map { "old/blockfile/\($0)" }))
        // By programs that know nothing of us.
        let script = """
            import hashlib, sys, zlib
            image = b''
            for name in open(sys.argv[1]).read().split('\\n')[1:-1]:
                block = zlib.decompress(open(sys.argv[2] + name, 'rb').read())
                assert hashlib.sha1(block).hexdigest() == name
                image += block
            assert image == open(sys.argv[3], 'rb').read()
            """
        let checked = try await BuiltProgram.runAny(
            "python3", ["-c", script, folder.file("old/disk.idx"), folder.file("old/blockfile/"), folder.file("a.img")])
        #expect(checked.status == 0, "\(checked.stderr)")
    }

    @Test(arguments: [("512", 100), ("512", 5121), ("4096", 1_000_000), ("262144", 262_144), ("1048576", 3_000_001)])
    func anImageComesBackThroughBothConversions(_ blockSize: String, _ size: Int) async throws {
        try await makeOld(size: size, blockSize: blockSize)
        let there = try await publish("convert", folder.file("old/disk.idx"), folder.file("new/disk.caibx"))
        // Our own blocks have 4096 bytes at least.
        guard blockSize != "512" || size == 100 else { return #expect(there.status == 64) }
        #expect(there.status == 0, "\(there.stderr)")
        let extracted = try await BuiltProgram.runAny(
            "casync",
            [
                "extract", "--store=\(folder.file("new/default.castr"))", folder.file("new/disk.caibx"),
                folder.file("b.img"),
            ])
        #expect(extracted.status == 0, "\(extracted.stderr)")
        #expect(try folder.bytes("b.img") == (try folder.bytes("a.img")))

        try Folder.make(folder.file("back"))
        let back = try await publish("convert", folder.file("new/disk.caibx"), folder.file("back/disk.idx"))
        #expect(back.status == 0, "\(back.stderr)")
        if size > Int(blockSize) ?? 0 {
            #expect(try folder.bytes("back/disk.idx") == (try folder.bytes("old/disk.idx")))
            let old = TemporaryDirectory.names(folder.file("old/blockfile"))
            #expect(TemporaryDirectory.names(folder.file("back/blockfile")) == old)
        }
    }

    @Test func aDamagedBlockIsNotConverted() async throws {
        try await makeOld()
        let block = try #require(folder.files(below: "old/blockfile").first)
        var bytes = try folder.bytes(block)
        bytes[bytes.count - 1] ^= 1
        try AtomicFile.write(bytes, to: folder.file(block))
        let result = try await publish("convert", folder.file("old/disk.idx"), folder.file("disk.caibx"))
        #expect(result.status == 65, "\(result.stderr)")
        #expect(access(folder.file("disk.caibx"), F_OK) != 0)
        unlink(folder.file(block))
        #expect(try await publish("convert", folder.file("old/disk.idx"), folder.file("disk.caibx")).status == 66)
    }

    @Test func contentDefinedBlocksHaveNoOldForm() async throws {
        try PublisherFixtures.writeRandomImage(size: 3_000_000, seed: 7, to: folder.file("a.img"))
        let made = try await BuiltProgram.runAny(
            "casync", ["make", "--store=\(folder.file("default.castr"))", folder.file("a.caibx"), folder.file("a.img")])
        try #require(made.status == 0)
        let result = try await publish("convert", folder.file("a.caibx"), folder.file("a.idx"))
        #expect(result.status == 64)
        #expect(result.stderr.contains("different lengths"))
    }

    @Test func wrongArgumentsAreUsageErrors() async throws {
        try await makeOld()
        for size in ["0", "1000", "-512", "x", "33554432"] {
            #expect(try await mksha1files(folder.file("a.img"), folder.file("x.idx"), size).status == 64, "\(size)")
        }
        #expect(try await mksha1files(folder.file("none"), folder.file("x.idx"), "512").status == 66)
        #expect(try await mksha1files(folder.file("a.img"), folder.file("a.img"), "512").status == 64)
        #expect(try await mksha1files(folder.file("a.img")).status == 64)
        #expect(
            try await publish(
                "make", folder.file("a.img"), folder.file("b.caibx"), "--store", folder.file("s"), "--digest", "sha1"
            ).status == 64)
    }

    @Test(arguments: [
        "", "lbcas", "lbcas 2 sha1 zlib 512 512\n", "lbcas 1 sha1 zlib 512 0\n", "lbcas 1 sha1 zlib 100 512\n",
        "lbcas 1 sha1 zlib 512 99999999999999999999\n", "lbcas 1 sha1 zlib 0512 512\n", "lbcas 1 sha1 zlib 512 512\n",
        "lbcas 1 sha1 zlib 512 512\nzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\n",
        "lbcas 1 sha1 zlib 512 512\n0123456789012345678901234567890123456789 ",
        "lbcas 1 sha1 zlib 512 512\n0123456789012345678901234567890123456789\n\n",
        "lbcas 1 sha1 zlib 512 9223372036854775807\n",
    ])
    func malformedIndexesAreRefused(_ text: String) throws {
        try AtomicFile.write(text, to: folder.file("x.idx"))
        #expect(throws: ImageIndexError.self) { try ImageIndex(path: folder.file("x.idx")) }
    }
}

import DiskImage
import Linux
import TestSupport
import Testing

/// Bitmaps as QEMU leaves them in a file.
@Suite(
    .enabled(
        if: BuiltProgram.isInstalled("qemu-img") && BuiltProgram.isInstalled("qemu-io"),
        "NOT TESTED: qemu-img is not installed: apt-get install qemu-utils"))
struct Qcow2BitmapTests {
    private static let megabyte: UInt64 = 1 << 20

    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// An image of 64 MiB with two bitmaps, `a` of 64 KiB parts and `b` of `granularity`, and then two writes.
    private func make(
        granularity: String = "4096", options: [String] = [], writes: [String] = ["write -P 7 5M 200k", "write 40M 1"]
    ) async throws {
        try await run("qemu-img", ["create", "-q", "-f", "qcow2"] + options + ["image", "64M"])
        try await run("qemu-io", ["-f", "qcow2", "-c", "write -P 1 0 8M", "image"])
        try await run("qemu-img", ["bitmap", "-f", "qcow2", "--add", "image", "a"])
        try await run("qemu-img", ["bitmap", "-f", "qcow2", "--add", "-g", granularity, "image", "b"])
        for write in writes { try await run("qemu-io", ["-f", "qcow2", "-c", write, "image"]) }
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let result = try await BuiltProgram.runAny(
            program, arguments.map { $0 == "image" ? folder.path("image") : $0 })
        try #require(result.status == 0, "\(program) \(arguments): \(result.stderr)")
    }

    private func file() throws -> StoredFile { try StoredFile(path: folder.path("image")) }

    @Test(arguments: ["512", "4096", "64K", "2M"]) func saysWhereWasWritten(granularity: String) async throws {
        try await make(granularity: granularity)
        for name in ["a", "b"] {
            let bitmap = try Qcow2Bitmap(name, in: try file())
            let dirty = (0..<64 as Range<UInt64>).filter {
                !bitmap.isClean($0 * Self.megabyte..<($0 + 1) * Self.megabyte)
            }
            // Parts of 2 MiB begin at an even one.
            #expect(dirty == (name == "b" && granularity == "2M" ? [4, 5, 40, 41] : [5, 40]), "\(name)")
            #expect(bitmap.isClean(0..<4 * Self.megabyte))
            #expect(!bitmap.isClean(0..<64 * Self.megabyte))
            #expect(!bitmap.isClean(63 * Self.megabyte..<65 * Self.megabyte), "past the end")
        }
        let fine = try Qcow2Bitmap("b", in: try file())
        let step: UInt64 =
            granularity == "2M" ? 2 << 20 : granularity == "64K" ? 65_536 : granularity == "512" ? 512 : 4096
        #expect(!fine.isClean(40 * Self.megabyte..<40 * Self.megabyte + 1))
        #expect(fine.isClean(40 * Self.megabyte + step..<64 * Self.megabyte))
    }

    @Test(arguments: ["cluster_size=512", "cluster_size=4096", "cluster_size=2M"])
    func clustersOfAnySizeHoldBits(option: String) async throws {
        try await make(granularity: "512", options: ["-o", option])
        let bitmap = try Qcow2Bitmap("b", in: try file())
        for megabyte in 0..<64 as Range<UInt64> {
            let range = megabyte * Self.megabyte..<(megabyte + 1) * Self.megabyte
            #expect(bitmap.isClean(range) == ![5, 40].contains(megabyte), "\(megabyte)")
        }
    }

    @Test func aWholeDiskMayBeWritten() async throws {
        try await make(writes: ["write -P 9 0 64M"])
        let bitmap = try Qcow2Bitmap("a", in: try file())
        #expect((0..<1024 as Range<UInt64>).allSatisfy { !bitmap.isClean($0 << 16..<($0 + 1) << 16) })
    }

    /// What the error is to say, by what was done to the image.
    @Test func whatMayHaveMissedAWriteIsRefused() async throws {
        try await make()
        let whole = try file().contents
        func refusal(of name: String = "a", _ change: (inout [UInt8]) -> Void) throws -> String {
            var bytes = whole
            change(&bytes)
            let file = StoredFile(bytes)
            let error = #expect(throws: DiskImageError.self) { _ = try Qcow2Bitmap(name, in: file) }
            return "\(try #require(error).reason)"
        }
        let directory = try #require(Self.directory(whole))
        #expect(try refusal(of: "c") { _ in }.contains("no bitmap \"c\", but \"a\", \"b\""))
        #expect(try refusal { $0[directory + 15] |= 1 }.contains("inconsistent"))
        #expect(try refusal { $0[directory + 15] &= ~2 }.contains("disabled"))
        #expect(try refusal { $0[directory + 15] |= 8 }.contains("not known"))
        #expect(try refusal { $0[directory + 16] = 2 }.contains("not known"))
        #expect(try refusal { $0[directory + 17] = 63 }.contains("2^63"))
        // Another disk's: twice the table.
        #expect(try refusal { $0[directory + 11] += 1 }.contains("of another disk"))
        #expect(try refusal { $0[directory + 18] = 0xFF }.contains("cut off"))
        // The table's own place, and what it leads to.
        #expect(try refusal { $0[directory] = 0x80 }.contains("cut off"))
        let table = Int(Self.number(whole, directory, 8))
        #expect(try refusal { $0[table] = 0x7F }.contains("a part of a bitmap"))
        #expect(try refusal { $0[table + 7] |= 1 }.contains("a part of a bitmap"))
        // Somebody wrote who does not know of bitmaps.
        #expect(try refusal { $0[95] &= ~1 }.contains("does not keep its bitmaps"))
        #expect(try refusal { $0.removeLast($0.count - table) }.contains("bitmap"))
    }

    @Test func anImageWithoutBitmapsHasNone() async throws {
        try await run("qemu-img", ["create", "-q", "-f", "qcow2", "image", "1M"])
        #expect(throws: DiskImageError.unsupported(reason: "it has no bitmap")) {
            _ = try Qcow2Bitmap("a", in: try file())
        }
    }

    /// Any byte of the header, the list and the table may be any other: an answer or an error, and no crash.
    @Test func whateverIsDamagedEndsInOrder() async throws {
        try await make()
        let whole = try file().contents
        let directory = try #require(Self.directory(whole))
        let table = Int(Self.number(whole, directory, 8))
        var random = SeededRandom(seed: 22)
        for place in Array(72..<200) + Array(directory..<directory + 64) + Array(table..<table + 8) {
            for value in [0, 0xFF, UInt8.random(in: 1...254, using: &random)] {
                var bytes = whole
                bytes[place] = value
                let file = StoredFile(bytes)
                // An error is as good as an answer.
                guard let bitmap = try? Qcow2Bitmap("a", in: file) else { continue }
                _ = bitmap.isClean(0..<64 * Self.megabyte)
                #expect(file.bytesRead < 70 << 20)
            }
        }
    }

    /// Where the first bitmap's entry lies.
    private static func directory(_ bytes: [UInt8]) -> Int? {
        var position = Int(number(bytes, 100, 4))
        while position < 65_536 {
            if number(bytes, position, 4) == 0x2385_2875 { return Int(number(bytes, position + 24, 8)) }
            position += 8 + (Int(number(bytes, position + 4, 4)) + 7) & ~7
        }
        return nil
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
        bytes[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

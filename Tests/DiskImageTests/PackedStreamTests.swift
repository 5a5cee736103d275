import DiskImage
import Linux
import TestSupport
import Testing

/// Files that are packed as a whole, as the programs make them.
@Suite(.enabled(if: BuiltProgram.isInstalled("xz") && BuiltProgram.isInstalled("zstd"), "NOT TESTED: no xz or no zstd"))
struct PackedStreamTests {
    private let folder: TemporaryDirectory
    private let raw: [UInt8]

    init() throws {
        folder = try TemporaryDirectory()
        var random = SeededRandom(seed: 6)
        raw = random.bytes(700_000) + [UInt8](repeating: 0, count: 3_000_000) + random.bytes(50_000)
        try folder.write(raw, to: "raw")
    }

    private func packed(_ command: String) async throws -> [UInt8] {
        let finished = try await WorkerThread.run(name: "pack") { [folder] in
            try ChildProcess.run("/bin/sh", ["-c", "cd '\(folder.path)' && { \(command); } > packed"])
        }
        try #require(finished.ending == .exited(0), "\(command): \(finished.text)")
        return try StoredFile.read(folder.path("packed"))
    }

    /// Unpacks it in parts of a length that fits nothing.
    private func unpacked(
        _ file: [UInt8], _ packing: PackedStream.Packing, most: UInt64 = 1 << 30, part: Int = 99_991
    ) throws -> [UInt8] {
        let stream = try PackedStream(packing, most: most)
        var output: [UInt8] = []
        for start in stride(from: 0, to: file.count, by: part) {
            let end = min(start + part, file.count)
            try Array(file[start..<end]).withUnsafeBytes { bytes in
                try stream.take(bytes, isLast: end == file.count) { output.append(contentsOf: $0) }
            }
        }
        #expect(stream.written == UInt64(output.count))
        return output
    }

    @Test(arguments: [
        ("gzip -1 -c raw", PackedStream.Packing.gz), ("xz -0 -T1 -c raw", .xz),
        ("xz -0 -T2 --block-size=1MiB -c raw", .xz),
        ("zstd -q -1 -c raw", .zst), ("zstd -q -1 --no-check -c raw", .zst),
    ])
    func unpacksToWhatWasPacked(_ command: String, _ packing: PackedStream.Packing) async throws {
        let file = try await packed(command)
        let isEqual = try unpacked(file, packing) == raw
        #expect(isEqual)
        let isEqualInOne = try unpacked(file, packing, part: file.count) == raw
        #expect(isEqualInOne)
    }

    /// As the programs have it: one after the other, and what follows gzip is not looked at.
    @Test(arguments: [
        ("gzip -1 -c raw; gzip -1 -c raw", PackedStream.Packing.gz), ("xz -0 -c raw; xz -0 -c raw", .xz),
        ("xz -0 -c raw; head -c 8 /dev/zero; xz -0 -c raw", .xz), ("zstd -q -1 -c raw; zstd -q -1 -c raw", .zst),
        ("gzip -1 -c raw; gzip -1 -c raw; head -c 1000 /dev/zero", .gz),
        ("gzip -1 -c raw; gzip -1 -c raw; echo '{}'", .gz),
    ])
    func severalAreOneBehindTheOther(_ command: String, _ packing: PackedStream.Packing) async throws {
        let isEqual = try unpacked(try await packed(command), packing) == raw + raw
        #expect(isEqual)
    }

    @Test(arguments: [
        ("gzip -1 -c raw", PackedStream.Packing.gz), ("xz -0 -c raw", .xz), ("zstd -q -1 --check -c raw", .zst),
    ])
    func damageAndACutAreNoticed(_ command: String, _ packing: PackedStream.Packing) async throws {
        let file = try await packed(command)
        var changed = file
        changed[file.count / 2] ^= 1
        #expect(throws: DiskImageError.self) { try unpacked(changed, packing) }
        #expect(throws: DiskImageError.self) { try unpacked(Array(file.dropLast(9)), packing) }
        #expect(throws: DiskImageError.self) { try unpacked(Array(file.dropFirst(1)), packing) }
        #expect(throws: DiskImageError.malformed(reason: "it is cut off")) {
            try unpacked(Array(file.prefix(file.count / 2)), packing)
        }
    }

    @Test func whatFollowsAnXZFileIsRefused() async throws {
        let file = try await packed("xz -0 -c raw; echo behind")
        #expect(throws: DiskImageError.self) { try unpacked(file, .xz) }
    }

    /// A file of 60 kB that would be 60 MB, and the same for each packing.
    @Test(arguments: [("gzip -9", PackedStream.Packing.gz), ("xz -0", .xz), ("zstd -q -1", .zst)])
    func aBombEndsAtItsBound(_ command: String, _ packing: PackedStream.Packing) async throws {
        let file = try await packed("head -c 60000000 /dev/zero | \(command) -c")
        let error = #expect(throws: DiskImageError.self) { try unpacked(file, packing, most: 5_000_000) }
        #expect("\(try #require(error))".contains("more than 5.0 MB"), "\(String(describing: error))")
    }

    @Test func aDictionaryThatWouldNeedTooMuchMemoryIsRefused() async throws {
        let file = try await packed("xz -0 --lzma2=preset=0,dict=1GiB -c raw")
        let error = #expect(throws: DiskImageError.self) { try unpacked(file, .xz) }
        #expect("\(try #require(error))".contains("memory"), "\(String(describing: error))")
    }

    @Test func nearlyEmptyDisksAreNoBombs() {
        #expect(PackedStream.usualMost(ofFile: 1000) == 4 << 30)
        #expect(PackedStream.usualMost(ofFile: 450_000_000) == 112_500_000_000)
        #expect(PackedStream.usualMost(ofFile: .max / 2) == 16 << 40)
    }
}

import DiskImage
import Formats
import Linux
import TestSupport
import Testing

/// xz files as xz makes them.
@Suite(.enabled(if: BuiltProgram.isInstalled("xz"), "NOT TESTED: xz is not installed: apt-get install xz-utils"))
struct XZLayoutTests {
    private let folder: TemporaryDirectory
    private let raw: [UInt8]

    init() throws {
        folder = try TemporaryDirectory()
        var random = SeededRandom(seed: 5)
        var raw = random.bytes(700_000) + [UInt8](repeating: 0, count: 1_500_000)
        while raw.count < 4_000_512 { raw += Array("A line of text, and its number: \(raw.count). ".utf8) }
        self.raw = raw
        try folder.write(raw, to: "raw")
    }

    @Test(arguments: [
        "-T2 --block-size=1MiB", "-9 --block-size=1MiB", "--block-size=700KiB --check=crc32",
        "--block-size=1MiB --check=sha256", "--block-size=1MiB --check=none",
        "--block-size=1MiB --x86 --lzma2=preset=1",
        "--block-size=1MiB --delta=dist=4 --lzma2=preset=0", "-T1",
    ])
    func isReadInParts(_ options: String) async throws {
        let file = try await packed("xz \(options) -c raw")
        let layout = try XZLayout(file)
        #expect(try layout.firstDifference(from: raw, of: file) == nil)
        // Ends and beginnings of blocks, and what lies across.
        for start in [0, 699_999, 1_048_575, 1_048_576, raw.count - 512] {
            let end = min(start + 3000, raw.count)
            let isEqual = try layout.bytes(in: UInt64(start)..<UInt64(end), of: file) == Array(raw[start..<end])
            #expect(isEqual)
        }
        let inspection = DiskInspection(prefix: Array(file.contents.prefix(1000)), claimed: .rawXZ, fileSize: file.size)
        #expect(inspection.format == .rawXZ && inspection.refusal == nil && inspection.diskSize == nil)
    }

    @Test(arguments: [
        ("head -c 40000000 /dev/zero | xz -1 -c", "compressed in one piece, and must be downloaded first (5.9 kB)"),
        ("head -c 80000000 /dev/zero | xz -1 --block-size=33MiB -c", "compressed in pieces of 34 MB"),
        ("xz -1 --block-size=60KiB -c raw", "too many blocks"),
        ("xz -1 -c raw; xz -1 -c raw", "several xz streams, and must be downloaded first"),
        ("xz -1 -c raw; head -c 4 /dev/zero", "filled up with zeros"),
        ("printf '' | xz -c", "a disk of 0 bytes"),
        ("xz --format=lzma -c raw", "its header cannot be read"),
        ("xz -c raw | head -c 500000", "its last bytes cannot be read"),
        ("xz -c raw | tail -c +5", "its header cannot be read"),
        ("printf xz", "too short"),
        ("{ xz -c raw | head -c 400000; xz -c raw | tail -c 40; }", "index"),
    ])
    func isRefusedWithAReason(_ command: String, _ words: String) async throws {
        let file = try await packed(command)
        let error = #expect(throws: DiskImageError.self) { try XZLayout(file) }
        #expect("\(try #require(error))".contains(words), "\(String(describing: error))")
        #expect(file.bytesRead < 100_000)
    }

    /// Each block ends with a check of its own.
    @Test func aChangedByteIsNoticed() async throws {
        var file = try await packed("xz -1 --block-size=1MiB -c raw")
        let layout = try XZLayout(file)
        file.contents[300_000] ^= 1
        #expect(throws: DiskImageError.self) { try layout.bytes(in: 0..<512, of: file) }
        #expect(try layout.bytes(in: 2 << 20..<2 << 20 + 512, of: file) == Array(raw[2 << 20..<2 << 20 + 512]))
    }

    private func packed(_ command: String) async throws -> StoredFile {
        let finished = try await WorkerThread.run(name: "xz") { [folder] in
            try ChildProcess.run("/bin/sh", ["-c", "cd '\(folder.path)' && { \(command); } > packed"])
        }
        try #require(finished.ending == .exited(0), "\(command): \(finished.text)")
        return try StoredFile(path: folder.path("packed"))
    }
}

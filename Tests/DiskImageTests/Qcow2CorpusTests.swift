import DiskImage
import Formats
import Linux
import TestSupport
import Testing

/// Images as qemu-img makes them, each compared with what qemu-img reads of it.
@Suite(
    .enabled(
        if: BuiltProgram.isInstalled("qemu-img"), "NOT TESTED: qemu-img is not installed: apt-get install qemu-utils"))
struct Qcow2CorpusTests {
    /// How an image is made: options of `qemu-img convert`, then commands of qemu-io.
    struct Recipe: Sendable, CustomTestStringConvertible {
        let name: String
        var options: [String] = []
        var changes: [String] = []
        var megabytes = 9

        var testDescription: String { name }
    }

    static let recipes = [
        Recipe(name: "version 2, deflate", options: ["-c", "-o", "compat=0.10"]),
        Recipe(name: "version 3, deflate", options: ["-c"]),
        Recipe(name: "version 3, zstd", options: ["-c", "-o", "compression_type=zstd"]),
        Recipe(name: "uncompressed"),
        Recipe(name: "uncompressed, version 2", options: ["-o", "compat=0.10"]),
        Recipe(name: "clusters of 512 bytes", options: ["-c", "-o", "cluster_size=512"], megabytes: 3),
        Recipe(name: "clusters of 4 KiB", options: ["-c", "-o", "cluster_size=4096"]),
        Recipe(name: "clusters of 4 KiB, zstd", options: ["-c", "-o", "cluster_size=4096,compression_type=zstd"]),
        Recipe(name: "clusters of 4 KiB, uncompressed", options: ["-o", "cluster_size=4096"]),
        Recipe(name: "clusters of 2 MiB", options: ["-c", "-o", "cluster_size=2M"]),
        Recipe(name: "clusters of 2 MiB, zstd", options: ["-c", "-o", "cluster_size=2M,compression_type=zstd"]),
        Recipe(name: "clusters of 2 MiB, uncompressed", options: ["-o", "cluster_size=2M"]),
        Recipe(name: "zero flags", changes: ["write -z 1M 2M", "write -z -u 4M 1M", "discard 6M 1M"]),
        Recipe(
            name: "compressed and not, in no order", options: ["-c"],
            changes: ["write -P 7 5M 200k", "write -P 9 700000 1234", "write -z 3M 64k", "write -P 3 0 128k"]),
        Recipe(name: "several tables, mostly holes", options: ["-c"], megabytes: 1536),
        Recipe(name: "preallocated tables", options: ["-o", "preallocation=metadata"]),
        Recipe(name: "preallocated clusters", options: ["-o", "preallocation=falloc"]),
        // As FreeBSD's mkimg: all tables, then all clusters.
        Recipe(name: "preallocated and written", options: ["-o", "preallocation=full"]),
    ]

    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test(arguments: recipes) func isReadAsQEMUReadsIt(_ recipe: Recipe) async throws {
        try writeRaw(megabytes: recipe.megabytes)
        try await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2"] + recipe.options + ["raw", "image"])
        if !recipe.changes.isEmpty {
            try await run("qemu-io", ["-f", "qcow2"] + recipe.changes.flatMap { ["-c", $0] } + ["image"])
        }
        try await run("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", "image", "expected"])
        let file = try StoredFile(path: folder.path("image"))
        let layout = try Qcow2Layout(file)
        if recipe.megabytes < 100 {
            #expect(try layout.firstDifference(from: StoredFile.read(folder.path("expected")), of: file) == nil)
        } else {
            try await comparesHoles(layout, file)
        }
        let inspection = DiskInspection(
            prefix: Array(file.contents.prefix(DiskInspection.prefixLength)), claimed: .qcow2, fileSize: file.size)
        #expect(inspection.format == .qcow2 && inspection.refusal == nil)
        #expect(inspection.diskSize == layout.diskSize)
    }

    /// A large disk by its data alone: what lies between must be holes.
    private func comparesHoles(_ layout: Qcow2Layout, _ file: StoredFile) async throws {
        let raw = try FileHandle(folder.path("expected"), for: .reading)
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        for start in stride(from: 0, to: layout.diskSize, by: 1 << 20) {
            var expected = zeros
            _ = try expected.withUnsafeMutableBytes { try raw.read(into: $0, at: Int(start)) }
            let end = min(start + 1 << 20, layout.diskSize)
            let isEqual = try layout.bytes(in: start..<end, of: file) == Array(expected[..<Int(end - start)])
            #expect(isEqual, "at \(start)")
        }
    }

    /// The last compressed cluster says that it goes on behind the file's end.
    @Test func aClusterMayReachPastTheFilesEnd() async throws {
        try folder.write([UInt8](repeating: 5, count: 65_536), to: "raw")
        try await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "-c", "raw", "image"])
        var file = try StoredFile(path: folder.path("image"))
        // The cluster's data itself is shorter than the sector that it lies in.
        let end = try #require(file.contents.lastIndex { $0 != 0 }) + 1
        try #require(end < file.contents.count)
        file.contents.removeSubrange(end...)
        let layout = try Qcow2Layout(file)
        #expect(try layout.firstDifference(from: StoredFile.read(folder.path("raw")), of: file) == nil)
    }

    @Test(arguments: [
        (["create", "-f", "qcow2", "-b", "raw", "-F", "raw", "image"], "backing file"),
        (["create", "-f", "qcow2", "-o", "data_file=data,data_file_raw=on", "image", "9M"], "in another file"),
        (["create", "-f", "qcow2", "-o", "data_file=data", "image", "9M"], "in another file"),
        (
            [
                "create", "-f", "qcow2", "--object", "secret,id=s,data=abc", "-o",
                // Of its usual SHA-256 a quick processor does so many that it cannot measure its own time.
                "encrypt.format=luks,encrypt.key-secret=s,encrypt.hash-alg=sha512,encrypt.iter-time=10", "image", "9M",
            ], "encrypted"
        ),
        (["create", "-f", "qcow2", "-o", "extended_l2=on", "image", "9M"], "subclusters"),
        (["create", "-f", "qcow", "image", "9M"], "first qcow format"),
    ])
    func isRefusedWithAReason(_ arguments: [String], _ words: String) async throws {
        try writeRaw(megabytes: 9)
        try await run("qemu-img", arguments)
        try refuses(try StoredFile(path: folder.path("image")), words)
    }

    @Test(arguments: [(1, "cut off"), (2, "damaged"), (32, "not known"), (1 << 63, "not known")] as [(UInt64, String)])
    func aFeatureThatItMustKnowIsRefused(_ bit: UInt64, _ words: String) async throws {
        try await run("qemu-img", ["create", "-f", "qcow2", "image", "9M"])
        var file = try StoredFile(path: folder.path("image"))
        file.contents.replaceSubrange(72..<80, with: withUnsafeBytes(of: bit.bigEndian) { Array($0) })
        try refuses(file, words)
    }

    private func refuses(_ file: StoredFile, _ words: String) throws {
        let error = #expect(throws: DiskImageError.self) { try Qcow2Layout(file) }
        guard case .unsupported(let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(reason.contains(words), "\(reason)")
        let inspection = DiskInspection(prefix: file.contents, claimed: .qcow2)
        #expect(inspection.refusal == error)
    }

    /// They are another disk's past: what a guest gets is the disk as it is now.
    @Test func snapshotsAreNotLookedAt() async throws {
        try writeRaw(megabytes: 9)
        try await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", "raw", "image"])
        try await run("qemu-img", ["snapshot", "-c", "before", "image"])
        try await run("qemu-io", ["-f", "qcow2", "-c", "write -P 7 1M 3M", "image"])
        try await run("qemu-img", ["convert", "-f", "qcow2", "-O", "raw", "image", "expected"])
        let file = try StoredFile(path: folder.path("image"))
        #expect(try Qcow2Layout(file).firstDifference(from: StoredFile.read(folder.path("expected")), of: file) == nil)
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        // Names of files are within the folder.
        let finished = try await WorkerThread.run(name: "qemu-img") { [folder] in
            try ChildProcess.run("/bin/sh", ["-c", "cd \"$0\" && exec \"$@\"", folder.path, program] + arguments)
        }
        try #require(finished.ending == .exited(0), "\(program) \(arguments): \(finished.text)")
    }

    /// Writes a raw disk: text, noise, zeros, and an end that fills no cluster.
    private func writeRaw(megabytes: Int) throws {
        var random = SeededRandom(seed: 3)
        let noise = random.bytes(300_000)
        let text = Array("The quick brown fox jumps over the lazy dog; ".utf8)
        var data: [UInt8] = []
        while data.count < 400_000 { data += text + [UInt8(truncatingIfNeeded: data.count >> 6)] }
        let file = try FileHandle(folder.path("raw"), for: .writing, .createNew)
        try file.truncate(to: megabytes * 1_048_576 + 1536)
        func put(_ bytes: [UInt8], at offset: Int) throws {
            try bytes.withUnsafeBytes { try file.write($0, at: offset) }
        }
        try put(noise, at: 0)
        try put(data, at: 100_000)
        if megabytes > 100 {
            for megabyte in [300, 513, 1024, 1535] { try put(noise + data, at: megabyte << 20 + 4096) }
        } else {
            for megabyte in 1..<megabytes where megabyte % 3 != 2 { try put(data + noise, at: megabyte << 20) }
        }
        try put(data.suffix(5000), at: megabytes * 1_048_576 + 1536 - 5000)
    }
}

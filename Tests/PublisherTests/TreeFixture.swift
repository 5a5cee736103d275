import Glibc
import Linux
import Publisher
import TestSupport
import Testing

/// A tree of small images, made and changed by the program itself.
struct TreeFixture {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    var tree: String { folder.file("tree") }
    var copy: String { folder.file("copy") }

    func run(
        _ arguments: [String], environment extra: [String: String] = [:]
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        let environment = ["PATH": path, "OSCIRCULAR_KEYS": folder.file("keys")].merging(extra) { $1 }
        return try await BuiltProgram.run("oscircular-publish", arguments, environment: environment)
    }

    func run(_ arguments: String...) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await run(arguments)
    }

    /// Runs and expects success.
    @discardableResult
    func must(_ arguments: String...) async throws -> String {
        let result = try await run(arguments)
        try #require(result.status == 0, "\(arguments): \(result.stderr)")
        return result.stdout
    }

    static let block = 262_144

    /// An image whose parts are told by their seeds: equal seeds are equal blocks.
    func image(_ seeds: [UInt64]) throws -> String {
        let path = folder.file("a.img")
        try PublisherFixtures.writeImage(
            seeds.map { .random(TreeFixture.block, seed: $0) } + [.hole(TreeFixture.block), .random(1000, seed: 9)],
            to: path)
        return path
    }

    /// A tree with two versions of `debian` and one of `tiny`: 8 different blocks with the one of zeros.
    func make() async throws {
        try await must("init", tree, "--name", "Tests")
        try await must("add", tree, "debian", "2026-11-09", try image([1, 2, 3]))
        try await must("add", tree, "debian", "2026-11-16", try image([1, 2, 4]))
        try await must("add", tree, "tiny", "2026-11-16", try image([1, 5]))
    }

    /// The stored blocks' paths below a tree, sorted.
    func blocks(_ tree: String = "tree") -> [String] {
        folder.files(below: "\(tree)/blocks").filter { $0.hasSuffix(".cacnk") }.sorted()
    }

    /// Changes a byte in a file's middle, in place.
    func damage(_ name: String) throws {
        var bytes = try folder.bytes(name)
        bytes[bytes.count / 2] ^= 1
        let file = try FileHandle(path: folder.file(name), flags: O_WRONLY)
        try bytes.withBytes { (buffer) throws(SystemCallError) in try file.write(buffer) }
    }

    func copyFolder(_ from: String, to: String) async throws {
        let result = try await BuiltProgram.runAny("cp", ["-a", folder.file(from), folder.file(to)])
        try #require(result.status == 0, "\(result.stderr)")
    }
}

extension PublishedTree {
    /// Copies the tree into a folder, as the mirror command does.
    func mirror(to copy: String) async throws {
        _ = try await WorkerThread.run(name: "mirror") {
            try TreeMirror.toFolder(
                copy, from: path, options: MirrorOptions(), progress: PublishProgress(), cancellation: Cancellation()
            ).run()
        }
    }
}

import BlockStore
import ContentAddress
import Glibc
import ImageIndex
import Linux
import TestSupport
import Testing

/// Stores that casync itself wrote.
@Suite(.enabled(if: access("/usr/bin/casync", X_OK) == 0, "SKIPPED: casync is not installed"))
struct CasyncStoreTests {
    @Test(arguments: ["sha256", "sha512-256"])
    func readsWhatCasyncWrote(digest: String) async throws {
        let directory = try TemporaryDirectory()
        let image = TestImage(count: 20, length: 65_536)
        try directory.write(Array(image.blocks.joined()), to: "disk.img")
        let (index, folder) = (directory.path("disk.caibx"), directory.path("store.castr"))
        try await WorkerThread.run(name: "casync") {
            let words = [
                "casync", "make", "--digest=\(digest)", "--compression=zstd",
                "--chunk-size=65536:65536:65536", "--store=\(folder)", index, directory.path("disk.img"),
            ]
            try CasyncStoreTests.run(words)
        }
        let parsed = try ImageIndex(path: index)
        let store = DirectoryBlockStore(directory: folder)
        var position = 0
        let bytes = Array(image.blocks.joined())
        while position < parsed.count {
            let block = try parsed.block(at: position)
            let request = BlockRequest(id: block.id, length: block.length, algorithm: parsed.algorithm)
            #expect(try await store.block(request).bytes == Array(bytes[Int(block.offset)..<Int(block.end)]))
            position += 1
        }
        #expect(position > 10)
    }

    private static func run(_ words: [String]) throws {
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        var process = pid_t()
        let result = posix_spawnp(&process, words[0], &actions, nil, &arguments, nil)
        guard result == 0 else { throw SystemCallError(code: result, call: "posix_spawn", subject: words[0]) }
        var status: Int32 = 0
        try systemCall("waitpid") { waitpid(process, &status, 0) }
        #expect(status == 0, "casync failed")
    }
}

import Catalog
import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

/// `add --record` with a client that is a script of the test's: what booting itself needs is another test's.
@Suite struct RecordingStepTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// The publisher beside a client that does what the script says.
    private func publisher(client: String) throws -> String {
        let program = folder.file("oscircular-publish")
        if access(program, F_OK) != 0 {
            let bytes = try FileContents.read(BuiltProgram.path("oscircular-publish"), limit: 1 << 30)
            try AtomicFile.write(bytes, to: program, mode: 0o755)
        }
        try AtomicFile.write("#!/bin/sh\n\(client)\n", to: folder.file("oscircular"), mode: 0o755)
        return program
    }

    @Test func aVersionWhoseRecordingFailsIsPublishedAndStatsSaySo() async throws {
        let program = try publisher(
            client: "[ \"$1\" != boot ] || { echo 'oscircular: the guest did not start - no luck' >&2; exit 69; }")
        let keys = ["--keys", folder.file("keys")]
        try PublisherFixtures.writeRandomImage(size: 500_000, seed: 1, to: folder.file("a.img"))
        try #require(try await BuiltProgram.runAny(program, ["init", folder.file("tree")] + keys).status == 0)
        let added = try await BuiltProgram.runAny(
            program, ["add", folder.file("tree"), "d", "2026-11-16", folder.file("a.img"), "--record"] + keys)
        #expect(added.status == 0, "\(added.stderr)")
        #expect(added.stderr.contains("d@2026-11-16 has no boot set"))
        let stats = try await BuiltProgram.runAny(program, ["stats", folder.file("tree")] + keys)
        #expect(stats.stdout.contains("recording failed: the guest did not start - no luck"))
        let again = try await BuiltProgram.runAny(
            program, ["record", folder.file("tree"), "d", "2026-11-16"] + keys)
        #expect(again.status == 69)
    }

    /// The client may ask the server that the publisher named, also where a catalog in a folder leads to the internet alone.
    @Test func aVersionAtAVendorsIsRecordedFromThere() async throws {
        let program = try publisher(
            client:
                "[ \"$1\" != boot ] || { cp \"$XDG_CONFIG_HOME/oscircular/config.toml\" \"$(dirname $0)/seen\"; exit 69; }"
        )
        let keys = ["--keys", folder.file("keys")]
        try Folder.make(folder.file("web"))
        try PublisherFixtures.writeRandomImage(size: 500_000, seed: 1, to: folder.file("web/a.img"))
        let server = try FaultyHTTPServer(folder: folder.file("web"))
        try #require(try await BuiltProgram.runAny(program, ["init", folder.file("tree")] + keys).status == 0)
        let added = try await BuiltProgram.runAny(
            program,
            [
                "add", folder.file("tree"), "d", "2026-11-16", server.url + "a.img", "--sums", "none", "--index-only",
                "--record",
            ] + keys)
        #expect(added.status == 0 && added.stderr.contains("has no boot set"), "\(added.stderr)")
        let seen = try FileContents.readText(folder.file("seen"), limit: 65_536)
        #expect(seen.contains("name = \"127.0.0.1:\(server.port)\""), "\(seen)")
    }
}

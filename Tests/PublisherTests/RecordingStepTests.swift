import Catalog
import ContentAddress
import Glibc
import ImageIndex
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

    /// A client whose guests read four pages of an image's only block.
    private func recordingClient(_ id: String) -> String {
        """
        [ "$1" = boot ] || exit 0
        folder="$XDG_STATE_HOME/oscircular/boot-sets/tree/d"
        mkdir -p "$folder"
        printf 'oscircular-pages 1\\n2 2\\n0 2\\n' >"$folder/2026-11-16.pages"
        printf 'oscircular-bootset 1\\n\(id)\\n' >"$folder/.new"
        mv "$folder/.new" "$folder/2026-11-16.bootset"
        echo 1
        """
    }

    @Test func aRecordingPublishesABootPackAndOneThatCannotBeMadeIsAWarning() async throws {
        let keys = SigningKeys(folder: folder.file("keys"))
        let tree = try PublishedTree.create(path: folder.file("tree"), name: "Tests", description: "", keys: keys)
        try PublisherFixtures.writeImage([.random(200_000, seed: 1)], to: folder.file("a.img"))
        let added = try tree.add(
            try NewVersion(distribution: "d", version: "2026-11-16"), image: folder.file("a.img"),
            options: try PublishOptions())
        let id = try tree.contents().index(added.version.index).block(at: 0).id
        let program = try publisher(client: recordingClient(id.hex))
        let record = [
            "record", tree.path, "d", "2026-11-16", "--rounds", "1", "--keys", folder.file("keys"),
        ]
        let first = try await BuiltProgram.runAny(program, record)
        #expect(first.status == 0, "\(first.stderr)")
        #expect(first.stdout.contains("boot pack: "), "\(first.stdout)")
        let packs = try tree.catalog().distribution("d")?.versions.first?.packs
        #expect(packs?.map(\.pack) == ["d/2026-11-16.bootpack"])
        let pack = try tree.contents().pack("d/2026-11-16.bootpack")
        #expect(pack.runs.map(\.start) == [2, 0] && pack.size == 16_384)
        // Of a damaged block no page goes into a pack. The boot set is recorded all the same, and the pack from before stays.
        try AtomicFile.write([1, 2, 3], to: ChunkStoreFolder(path: tree.blocks).path(of: id))
        let second = try await BuiltProgram.runAny(program, record)
        #expect(second.status == 0 && second.stdout.contains("boot set: d@2026-11-16, 1 blocks"), "\(second.stdout)")
        #expect(second.stderr.contains("d@2026-11-16 has no new boot pack"), "\(second.stderr)")
        #expect(try tree.catalog().distribution("d")?.versions.first?.packs == packs)
    }

    /// Such blocks were published a minute ago, and hardly anybody has them.
    @Test func whatARecordingFindsIsCompressedHarderAtOnce() async throws {
        try WordyImage.write([1, 2, 3], to: folder.file("a.img"))
        let keys = ["--keys", folder.file("keys")]
        // The same image elsewhere: what its blocks are called.
        let other = try PublishedTree.create(
            path: folder.file("other"), name: "", description: "", keys: SigningKeys(folder: folder.file("others")))
        let published = try other.add(
            try NewVersion(distribution: "d", version: "2026-11-16"), image: folder.file("a.img"),
            options: try PublishOptions())
        let index = try other.contents().index(published.version.index)
        try AtomicFile.write(
            BootSet([try index.block(at: 2).id, try index.block(at: 0).id]).text, to: folder.file("read"))
        let program = try publisher(
            client: """
                [ "$1" = boot ] || exit 0
                folder="$XDG_STATE_HOME/oscircular/boot-sets/tree/d"
                mkdir -p "$folder"
                # After the publisher has looked: each start makes the file anew.
                (sleep 1; cp '\(folder.file("read"))' "$folder/.new"; mv "$folder/.new" "$folder/2026-11-16.bootset") >/dev/null 2>&1 &
                echo session
                """)
        try #require(try await BuiltProgram.runAny(program, ["init", folder.file("tree")] + keys).status == 0)
        let added = try await BuiltProgram.runAny(
            program, ["add", folder.file("tree"), "d", "2026-11-16", folder.file("a.img"), "--record"] + keys)
        #expect(added.status == 0 && added.stdout.contains("recompressed: 2 of 2 blocks"), "\(added)")
        let tree = try PublishedTree(path: folder.file("tree"), keys: SigningKeys(folder: folder.file("keys")))
        let version = try #require(try tree.catalog().distribution("d")?.versions.first)
        #expect(version.storedSize ?? .max < (published.version.storedSize ?? 0) - 2000)
        let again = try await BuiltProgram.runAny(
            program, ["record", folder.file("tree"), "d", "2026-11-16", "--rounds", "1", "--recompress"] + keys)
        #expect(again.status == 0 && again.stdout.contains("recompressed: 0 of 2 blocks"), "\(again)")
        // Who wants none of it says so.
        let (light, plain) = (["--compression", "3", "--boot-compression", "3"], folder.file("plain"))
        try #require(try await BuiltProgram.runAny(program, ["init", plain] + keys).status == 0)
        let kept = try await BuiltProgram.runAny(
            program, ["add", plain, "d", "2026-11-16", folder.file("a.img"), "--record"] + light + keys)
        #expect(kept.status == 0 && !kept.stdout.contains("recompressed"), "\(kept)")
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

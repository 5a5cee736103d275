import Catalog
import Glibc
import Linux
import TUF
import TestSupport
import Testing

@testable import Publisher

/// What lies beside a tree, who may read it, and limits: the machine's, and those of readers.
@Suite struct SurroundingsTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func create(_ name: String = "tree") throws -> PublishedTree {
        try PublishedTree.create(
            path: folder.file(name), name: "Tests", description: "", keys: SigningKeys(folder: folder.file("keys")))
    }

    private func shell(_ script: String) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.runAny(
            "bash",
            [
                "-c",
                "cd '\(folder.path)'; PATH='\(BuiltProgram.path("").dropLast())':\"$PATH\"; "
                    + "export OSCIRCULAR_KEYS='\(folder.file("keys"))'; \(script)",
            ])
    }

    // MARK: What lies beside it

    @Test(arguments: [
        "lost+found", "System Volume Information", ".Trash-1000", ".Trashes", "@eaDir", ".snapshot", ".DS_Store",
        ".well-known", "robots.txt", "._tree",
    ])
    func whatAFileSystemOrServerPutsThereIsNoOtherThing(name: String) throws {
        try Folder.make(folder.file("tree/\(name)"))
        let tree = try create()
        #expect(try tree.catalog().name == "Tests")
        #expect(Folder.isFolder(folder.file("tree/\(name)")))
    }

    @Test func anotherThingIsNamed() throws {
        try Folder.make(folder.file("tree/photos"))
        try Folder.make(folder.file("tree/lost+found"))
        #expect(throws: PublisherError.notEmpty(path: folder.file("tree"), holds: ["photos"])) { try create() }
    }

    @Test func aClosedFolderOfTheFileSystemsKeepsNoPruneAway() throws {
        let tree = try create()
        try Folder.make("\(tree.targets)/lost+found", mode: 0)
        #expect(try tree.prune(PruneRule(keepWeeks: 1)).removed.isEmpty)
    }

    @Test func aCopyRemovesNothingOfTheFileSystems() async throws {
        let (tree, copy) = (try create().path, folder.file("copy"))
        var options = MirrorOptions()
        options.deleteAfterDays = 0
        let foreign = ["blocks/lost+found/#1", "targets/@eaDir/x", "targets/System Volume Information/y"]
        for name in foreign {
            try Folder.make(Folder.parent(of: "\(copy)/\(name)") ?? "")
            try AtomicFile.write("x", to: "\(copy)/\(name)")
        }
        try AtomicFile.write("x", to: "\(copy)/targets/stale")
        let result = try await WorkerThread.run(name: "mirror") { [options] in
            try TreeMirror.toFolder(
                copy, from: tree, options: options, progress: PublishProgress(), cancellation: Cancellation()
            ).run()
        }
        #expect(result.removedFiles == 1)
        #expect(foreign.allSatisfy { access("\(copy)/\($0)", F_OK) == 0 })
    }

    // MARK: Who may read it

    @Test func aTreeThatNoServerCanReadIsSaid() async throws {
        try PublisherFixtures.writeRandomImage(size: 4000, seed: 1, to: folder.file("a.img"))
        let closed = try await shell(
            "umask 077; oscircular-publish init tree >&2; oscircular-publish add tree d 2026-11-16 a.img")
        #expect(closed.status == 0)
        #expect(closed.stderr.contains("keeps others out - chmod -R a+rX '"), "\(closed.stderr)")
        // The test's folder is closed as well.
        #expect(closed.stderr.contains("chmod o+x '\(folder.path)'"), "\(closed.stderr)")
        let cured = try await shell("chmod -R a+rX tree; umask 022; oscircular-publish add tree d 2026-11-17 a.img")
        #expect(cured.status == 0)
        #expect(cured.stderr.isEmpty, "\(cured.stderr)")
        for name in TemporaryDirectory.names(folder.file("keys")) {
            let mode = try FileHandle(path: folder.file("keys/\(name)"), flags: O_RDONLY).status().st_mode
            #expect(mode & 0o077 == 0)
        }
        // A single file, too.
        let index = try #require(folder.files(below: "tree/targets/d").first { $0.hasSuffix(".caibx") })
        chmod(folder.file(index), 0o600)
        #expect(TreeAccess.obstacle(tree: folder.file("tree"), isWhole: false)?.path == folder.file(index))
    }

    // MARK: Limits

    @Test(arguments: [("-f 20", [73]), ("-f 0", [73]), ("-n 12", [0, 1, 73, 75]), ("-n 32", [0])])
    func limitsOfTheMachineEndInWordsAndNothingIsHalf(limit: String, codes: [Int32]) async throws {
        try PublisherFixtures.writeRandomImage(size: 3_000_000, seed: 1, to: folder.file("d.raw"))
        let made = try await shell(
            "(ulimit \(limit); exec oscircular-publish make d.raw d.caibx --store s) 2>&1 | cat; exit ${PIPESTATUS[0]}")
        #expect(codes.contains(made.status), "\(made.status) \(made.stdout)")
        #expect(made.status == 0 || made.stdout.hasPrefix("oscircular-publish: "), "\(made.stdout)")
        #expect((made.status == 0) == folder.files().contains("d.caibx"))
        #expect(!folder.files().contains { $0.hasSuffix(".tmp") || $0.contains(".ingest-") }, "\(folder.files())")
    }

    @Test func anIndexThatReadersRefuseIsRefusedBeforeTheWork() throws {
        let tree = try create()
        let image = folder.file("d.raw")
        let file = try FileHandle(path: image, flags: O_WRONLY | O_CREAT)
        try systemCall("ftruncate") { ftruncate(file.descriptor, 28 << 30) }
        let new = try NewVersion(distribution: "d", version: "2026-11-16")
        let error = #expect(throws: PublisherError.self) {
            try tree.add(new, image: image, options: try PublishOptions(blockSize: 4096))
        }
        guard case .indexTooLong(image, 293_601_384, 268_435_456, 8192) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(folder.files(below: "tree/blocks").isEmpty)
        // What is too large for any block.
        try systemCall("ftruncate") { ftruncate(file.descriptor, 7 << 40) }
        var options = try PublishOptions()
        options.longestIndex = 1000
        let never = #expect(throws: PublisherError.self) {
            try ImagePublisher(options: options).publish(image: image, index: folder.file("i"), store: folder.file("s"))
        }
        guard case .indexTooLong(_, _, 1000, nil) = never else {
            Issue.record("\(String(describing: never))")
            return
        }
    }

    @Test func textsThatReadersRefuseAreRefusedBeforeAnythingIsMade() async throws {
        #expect(throws: PublisherError.self) {
            try PublishedTree.create(
                path: folder.file("tree"), name: String(repeating: "n", count: 3000), description: "",
                keys: SigningKeys(folder: folder.file("keys")))
        }
        #expect(folder.files().isEmpty)
        let tree = try create()
        try PublisherFixtures.writeRandomImage(size: 4000, seed: 1, to: folder.file("a.img"))
        var new = try NewVersion(distribution: "d", version: "2026-11-16")
        new.notes = String(repeating: "é", count: 40_000)
        let error = #expect(throws: PublisherError.self) {
            try tree.add(new, image: folder.file("a.img"), options: try PublishOptions())
        }
        guard case .catalogRefused = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(folder.files(below: "tree/blocks").isEmpty)
        new.notes = ""
        _ = try tree.add(new, image: folder.file("a.img"), options: try PublishOptions())
        // However long a program's last words are, the failure itself is noted.
        let letter = "e" + String(repeating: "\u{301}", count: 5000)
        try tree.noteRecordingFailure(letter, of: "d", new.version)
        #expect(try tree.catalog().distribution("d")?.versions.first?.recordingError?.isEmpty == false)
    }

    // MARK: Copies

    @Test func anAnswerThatIsNoMetadataIsNoOtherTree() async throws {
        let tree = try create().path
        let copy = folder.file("copy")
        @Sendable func mirror() throws -> MirrorResult {
            try TreeMirror.toFolder(
                copy, from: tree, options: MirrorOptions(), progress: PublishProgress(),
                cancellation: Cancellation()
            ).run()
        }
        _ = try await WorkerThread.run(name: "mirror") { try mirror() }
        // A damaged timestamp of the copy says nothing of what was there.
        try AtomicFile.write("", to: folder.file("copy/metadata/timestamp.json"))
        _ = try await WorkerThread.run(name: "mirror") { try mirror() }
        #expect(try folder.bytes("copy/metadata/timestamp.json") == folder.bytes("tree/metadata/timestamp.json"))
        for text in ["<html>Sign in</html>", "", "{}"] {
            try AtomicFile.write(text, to: folder.file("copy/metadata/1.root.json"))
            let error = await #expect(throws: MirrorError.self) {
                try await WorkerThread.run(name: "mirror") { try mirror() }
            }
            guard case .notMetadata = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }
}

import Catalog
import Glibc
import Linux
import Publisher
import TestSupport
import Testing

@Suite struct TreeTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func run(_ arguments: String...) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.run(
            "oscircular-publish", arguments + (takesKeys(arguments) ? ["--keys", folder.file("keys")] : []))
    }

    private func takesKeys(_ arguments: [String]) -> Bool { !arguments.contains(folder.path) }

    private func published() throws -> PublishedTree {
        try PublishedTree(path: tree, keys: SigningKeys(folder: folder.file("keys")))
    }

    /// The bytes of the newest signed metadata: they change with every change of the catalog.
    private func stamp() throws -> [UInt8] { try folder.bytes("tree/metadata/timestamp.json") }

    private var tree: String { folder.file("tree") }

    /// A tree with one version of a small image.
    private func makeTree() async throws {
        try PublisherFixtures.writeRandomImage(size: 2_000_000, seed: 1, to: folder.file("a.img"))
        try #require(try await run("init", tree, "--name", "Tests").status == 0)
        let added = try await run(
            "add", tree, "debian", "2026-11-16", folder.file("a.img"), "--title", "Debian “12”", "--memory", "512",
            "--firmware", "bios", "--adapter", "none", "--park", "--date", "2026-11-16")
        try #require(added.status == 0, "\(added.stderr)")
    }

    @Test func anAddedVersionIsInTheCatalog() async throws {
        try await makeTree()
        let document = try published().catalog()
        #expect(document.name == "Tests")
        let debian = try #require(document.distribution("debian"))
        #expect(debian.title == "Debian “12”")
        #expect(debian.guest == GuestSettings(memoryMiB: 512, firmware: .bios, adapter: .absent, park: true))
        let version = try #require(debian.versions.first)
        #expect(version.index == "debian/2026-11-16.caibx")
        #expect(version.size == 2_000_000)
        #expect(version.published.description == "2026-11-16T00:00:00Z")
        let sizes = folder.files(below: "tree/blocks").compactMap { try? folder.bytes($0).count }
        #expect(version.storedSize == UInt64(sizes.reduce(0, +)))
        let sum = try await BuiltProgram.runAny("sha256sum", [folder.file("a.img")])
        #expect(version.digest?.description == "sha256:\(sum.stdout.prefix(64))")
    }

    @Test func aVersionsDigestIsItsImagesWhateverWasPublishedBefore() async throws {
        let fixture = try TreeFixture()
        try await fixture.must("init", fixture.tree)
        // New, the same again, known blocks in another order, some new blocks, and the first once more.
        let images: [[UInt64]] = [[1, 2], [1, 2], [2, 1], [2, 1, 3], [1, 2]]
        var sums: [String] = []
        for (week, seeds) in images.enumerated() {
            let image = try fixture.image(seeds)
            sums.append("sha256:\(try await BuiltProgram.runAny("sha256sum", [image]).stdout.prefix(64))")
            try await fixture.must("add", fixture.tree, "debian", "2026-11-0\(week + 1)", image)
        }
        let tree = try PublishedTree(path: fixture.tree, keys: SigningKeys(folder: fixture.folder.file("keys")))
        let versions = try #require(try tree.catalog().distribution("debian")).versions
        #expect(versions.reversed().map { $0.digest?.description } == sums)
        #expect(Set(sums).count == 3)
    }

    @Test func whatAKilledPublisherWasWritingGoesWithTheNextOne() async throws {
        try await makeTree()
        let names = ["metadata/.7.targets.json", "targets/.ab.catalog.json", "targets/debian/.ab.2026-11-09.caibx"]
        // No process has the first number; ours is alive.
        for name in names {
            for process in [99_999_999, getpid()] {
                try AtomicFile.write("x", to: "\(tree)/\(name).\(process).r4nd0m.tmp")
            }
        }
        #expect(try await run("add", tree, "debian", "2026-11-17", folder.file("a.img")).status == 0)
        let left = folder.files(below: "tree").filter { $0.hasSuffix(".tmp") }
        #expect(left.sorted() == names.map { "tree/\($0).\(getpid()).r4nd0m.tmp" }.sorted())
    }

    @Test func aVersionIsNeverReplaced() async throws {
        try await makeTree()
        let before = try stamp()
        let again = try await run("add", tree, "debian", "2026-11-16", folder.file("a.img"))
        #expect(again.status == 73)
        #expect(again.stderr.contains("2026-11-16.1"))
        #expect(try stamp() == before)
        #expect(
            try await run("add", tree, "debian", "2026-11-16.1", folder.file("a.img"), "--memory", "1024").status == 0)
        let debian = try #require(try published().catalog().distribution("debian"))
        #expect(debian.versions.map(\.id.text) == ["2026-11-16.1", "2026-11-16"])
        #expect(debian.guest(of: debian.versions[0]).memoryMiB == 1024)
        #expect(debian.guest(of: debian.versions[1]).memoryMiB == 512)
    }

    @Test(arguments: ["metadata/mine.txt", "drafts/letter.txt", "metadata", "drafts", "metadata/1.debian.json"])
    func initDeletesNothingOfTheUsers(name: String) async throws {
        let file = "\(tree)/\(name)"
        try Folder.make(Folder.parent(of: file) ?? "/")
        try AtomicFile.write("mine", to: file)
        #expect(try await run("init", tree).status == 73)
        #expect(try FileContents.readText(file, limit: 99) == "mine")
    }

    @Test func twoPublishersAtOnceAreRefused() async throws {
        try await makeTree()
        let lock = try FileHandle(path: "\(tree)/blocks", flags: O_RDONLY | O_DIRECTORY)
        try #require(try lock.lock(exclusive: true, wait: false))
        #expect(try await run("add", tree, "debian", "2026-11-17", folder.file("a.img")).status == 75)
        lock.unlock()
        #expect(try await run("add", tree, "debian", "2026-11-17", folder.file("a.img")).status == 0)
    }

    @Test func verifyFindsWhatIsMissingOrDamaged() async throws {
        try await makeTree()
        #expect(try await run("verify", tree).status == 0)
        let blocks = folder.files(below: "tree/blocks")
        var bytes = try folder.bytes(blocks[1])
        bytes[bytes.count - 1] ^= 1
        try AtomicFile.write(bytes, to: folder.file(blocks[1]))
        unlink(folder.file(blocks[2]))
        let found = try await run("verify", tree)
        #expect(found.status == 65)
        #expect(found.stderr.contains("is damaged"))
        #expect(found.stderr.contains("is missing"))
        #expect(found.stderr.contains("2 problems"))
        let index = try #require(folder.files(below: "tree/targets").first { $0.hasSuffix(".2026-11-16.caibx") })
        truncate(folder.file(index), 100)
        #expect(try await run("verify", tree).stderr.contains("2026-11-16.caibx"))
    }

    @Test func statisticsCountWhatAVersionAdds() async throws {
        let block = 262_144
        try #require(try await run("init", tree).status == 0)
        let images: [[PublisherFixtures.Stretch]] = [
            [.random(block, seed: 1), .random(block, seed: 2), .hole(block)],
            [.random(block, seed: 1), .random(block, seed: 3), .hole(block), .random(block, seed: 3)],
        ]
        for (position, image) in images.enumerated() {
            try PublisherFixtures.writeImage(image, to: folder.file("a.img"))
            try #require(try await run("add", tree, "d", "2026-11-1\(position)", folder.file("a.img")).status == 0)
        }
        let statistics = try TreeStatistics(of: published())
        let versions = try #require(statistics.distributions.first).versions
        #expect(versions.map(\.id) == ["2026-11-11", "2026-11-10"])
        #expect(versions.map(\.blocks) == [4, 3])
        #expect(versions.map(\.distinct) == [3, 3])
        #expect(versions.map(\.zero) == [1, 1])
        #expect(versions.map(\.newBlocks) == [1, 3])
        #expect(statistics.blocks == 4)
        let json = try await run("stats", tree, "--json")
        #expect(json.status == 0)
        #expect(json.stdout.trimmingSuffix { $0 == "\n" } == (try statistics.json()))
    }

    @Test func initKeepsAwayFromOtherFolders() async throws {
        try AtomicFile.write("mine", to: folder.file("file"))
        #expect(try await run("init", folder.path).status == 73)
        #expect(folder.files() == ["file"])
        try await makeTree()
        let before = try stamp()
        #expect(try await run("init", tree).status == 0)
        #expect(try stamp() == before)
    }

    @Test func wrongNamesAreUsageErrors() async throws {
        try await makeTree()
        for (distribution, version) in [("Debian", "2026-11-17"), ("../x", "2026-11-17"), ("d", "17"), ("d", "../x")] {
            #expect(try await run("add", tree, distribution, version, folder.file("a.img")).status == 64)
        }
        #expect(try await run("add", tree, "d", "2026-11-17", folder.file("a.img"), "--date", "now").status == 64)
        #expect(try await run("add", tree, "d", "2026-11-17", folder.file("a.img"), "--memory", "0").status == 64)
        #expect(try await run("add", folder.file("none"), "d", "2026-11-17", folder.file("a.img")).status == 66)
        #expect(try await run("verify", folder.path).status == 66)
    }

    @Test func aDamagedCatalogIsSaidAndKept() async throws {
        try await makeTree()
        let files = folder.files(below: "tree/targets").filter { $0.hasSuffix(".catalog.json") }
        for file in files { try AtomicFile.write("{", to: folder.file(file)) }
        let before = try stamp()
        #expect(try await run("add", tree, "d", "2026-11-17", folder.file("a.img")).status == 65)
        #expect(try await run("verify", tree).status == 65)
        #expect(try stamp() == before)
    }

    // MARK: Signing

    @Test func withoutTheKeyNothingIsPublished() async throws {
        try await makeTree()
        let before = try stamp()
        let keys = folder.files(below: "keys")
        #expect(keys.count == 3)
        #expect(
            keys.allSatisfy { file in
                var status = stat()
                return stat(folder.file(file), &status) == 0 && status.st_mode & 0o777 == 0o600
            })
        let targets = try #require(keys.first { $0.contains("/targets-") })
        #expect(rename(folder.file(targets), folder.file("away.pem")) == 0)
        let refused = try await run("add", tree, "debian", "2026-11-17", folder.file("a.img"))
        #expect(refused.status == 77, "\(refused.stderr)")
        #expect(try stamp() == before)
        // The change waits for the key.
        #expect(rename(folder.file("away.pem"), folder.file(targets)) == 0)
        let signed = try await run("key", "sign", tree)
        #expect(signed.status == 0, "\(signed.stderr)")
        #expect(try published().catalog().distribution("debian")?.versions.count == 2)
        #expect(try await run("verify", tree).status == 0)
    }

    @Test(arguments: ["root", "targets", "snapshot", "timestamp"])
    func aKeyIsRotatedAndTheOldOneCountsNoMore(role: String) async throws {
        try await makeTree()
        #expect(try await run("key", "rotate", tree, role).status == 0)
        #expect(try await run("verify", tree).status == 0)
        #expect(try await run("timestamp", tree).status == 0)
        let listed = try await run("key", "list", tree)
        #expect(listed.stdout.contains("fingerprint: "))
        #expect(!listed.stdout.contains("elsewhere"))
        #expect(try await run("add", tree, "debian", "2026-11-17", folder.file("a.img")).status == 0)
        #expect(try await run("verify", tree).status == 0)
    }

    @Test func aDistributionsOwnKeySignsItsVersionsAlone() async throws {
        try await makeTree()
        #expect(try await run("key", "delegate", tree, "debian").status == 0)
        let targets = try #require(folder.files(below: "keys").first { $0.contains("/targets-") })
        unlink(folder.file(targets))
        #expect(try await run("add", tree, "debian", "2026-11-17", folder.file("a.img")).status == 0)
        #expect(try published().catalog().distribution("debian")?.versions.count == 2)
        #expect(try await run("verify", tree).status == 0)
        #expect(try await run("add", tree, "fedora", "2026-11-17", folder.file("a.img")).status == 77)
    }

    @Test func anEncryptedKeyNeedsItsPassphrase() async throws {
        let environment = ["PATH": "/usr/bin:/bin", "OSCIRCULAR_PASSPHRASE": "correct horse"]
        try PublisherFixtures.writeRandomImage(size: 100_000, seed: 1, to: folder.file("a.img"))
        let keys = ["--keys", folder.file("keys")]
        let made = try await BuiltProgram.run(
            "oscircular-publish", ["init", tree, "--encrypt"] + keys, environment: environment)
        #expect(made.status == 0, "\(made.stderr)")
        #expect(try await run("add", tree, "d", "2026-11-17", folder.file("a.img")).status == 77)
        let wrong = environment.merging(["OSCIRCULAR_PASSPHRASE": "wrong"]) { $1 }
        let add = ["add", tree, "d", "2026-11-17", folder.file("a.img")] + keys
        #expect(try await BuiltProgram.run("oscircular-publish", add, environment: wrong).status == 77)
        #expect(try await BuiltProgram.run("oscircular-publish", add, environment: environment).status == 0)
        // The timer's key is not encrypted.
        #expect(try await run("timestamp", tree).status == 0)
    }

    @Test(
        .enabled(if: BuiltProgram.isInstalled("faketime"), "faketime is not installed: share/install-packages test"))
    func aRootThatEndsSoonIsSaidInTime() async throws {
        try await makeTree()
        #expect(try await run("timestamp", tree).stderr.isEmpty)
        let program = BuiltProgram.path("oscircular-publish")
        let late = try await BuiltProgram.runAny(
            "faketime", ["-f", "+340d", program, "timestamp", tree, "--keys", folder.file("keys")])
        #expect(late.status == 0, "\(late.stderr)")
        #expect(late.stderr.contains("the metadata of root expires"))
        #expect(late.stderr.contains("key rotate"))
    }

    @Test func keysInsideTheTreeAreRefused() async throws {
        let result = try await BuiltProgram.run("oscircular-publish", ["init", tree, "--keys", "\(tree)/keys"])
        #expect(result.status == 64)
        #expect(access(tree, F_OK) != 0)
    }
}

extension String {
    fileprivate func trimmingSuffix(while matches: (Character) -> Bool) -> String {
        var text = self
        while let last = text.last, matches(last) { text.removeLast() }
        return text
    }
}

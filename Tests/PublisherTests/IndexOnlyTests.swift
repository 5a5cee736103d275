import Catalog
import ContentAddress
import ImageIndex
import Linux
import TUF
import TestSupport
import Testing

@testable import Publisher

/// Versions of which the tree has the index, and the vendor the bytes.
@Suite(.timeLimit(.minutes(5))) struct IndexOnlyTests {
    private let fixture: TreeFixture
    private let server: FaultyHTTPServer
    private var folder: TemporaryDirectory { fixture.folder }

    init() throws {
        fixture = try TreeFixture()
        try Folder.make(fixture.folder.file("web"))
        server = try FaultyHTTPServer(folder: fixture.folder.file("web"))
    }

    // MARK: Given

    /// Puts a vendor's file on its server, with its digest beside it.
    private func offer(_ name: String, seeds: [UInt64] = [1, 2, 3], format: String = "qcow2") async throws {
        try PublisherFixtures.writeImage(
            seeds.map { .random(TreeFixture.block, seed: $0) } + [.hole(TreeFixture.block)], to: folder.file("a.raw"))
        try await run(
            "qemu-img", ["convert", "-f", "raw", "-O", format, folder.file("a.raw"), folder.file("web/\(name)")])
        try await list()
    }

    private func list() async throws {
        try await run("sh", ["-c", "cd '\(folder.file("web"))' && rm -f SHA256SUMS && sha256sum * > SHA256SUMS"])
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let ended = try await BuiltProgram.runAny(program, arguments)
        try #require(ended.status == 0, "\(program): \(ended.stderr)")
    }

    private func add(_ version: String, _ name: String, _ options: String...) async throws -> (
        status: Int32, stdout: String, stderr: String
    ) {
        try await fixture.run(
            ["add", fixture.tree, "vendors-own", version, server.url + name, "--index-only"] + options)
    }

    private func makeTree() async throws {
        try await fixture.make()
        try await offer("d.qcow2")
        let made = try await add("2026-11-23", "d.qcow2", "--build", "20261123", "--title", "Vendor's own")
        try #require(made.status == 0, "\(made.stderr)")
    }

    private var published: PublishedTree {
        get throws { try PublishedTree(path: fixture.tree, keys: SigningKeys(folder: folder.file("keys"))) }
    }

    private func version(_ day: String = "2026-11-23") throws -> DistributionVersion {
        try #require(
            try published.catalog().distribution("vendors-own")?.versions.first { $0.id.text == day })
    }

    private func bytes(of target: String, in tree: String? = nil) throws -> [UInt8] {
        let contents = try PublishedTree(path: tree ?? fixture.tree, keys: SigningKeys(folder: folder.file("keys")))
            .contents()
        return try FileContents.read(try #require(contents.path(of: target)), limit: 1 << 20)
    }

    // MARK: Published

    @Test func itsIndexIsPublishedAndNoBlock() async throws {
        try await fixture.make()
        let (blocks, before) = (fixture.blocks(), try bytes(of: "catalog.json"))
        try await offer("d.qcow2")
        let made = try await add("2026-11-23", "d.qcow2", "--build", "20261123")
        #expect(made.status == 0, "\(made.stderr)")
        #expect(made.stdout.contains("no block"))
        #expect(fixture.blocks() == blocks)
        #expect(folder.files(below: "tree/targets").allSatisfy { !$0.contains("/.") })

        let version = try version()
        let file = try folder.bytes("web/d.qcow2")
        let source = try #require(version.source)
        #expect(source.urls == [server.url + "d.qcow2"])
        #expect(source.format == .qcow2)
        #expect(source.size == UInt64(file.count))
        #expect(source.trust == .blocks)
        #expect(source.build == "20261123")
        #expect(version.size == UInt64(file.count))
        #expect(version.storedSize == nil && !version.hasBlocks)
        #expect(version.digest == FileDigest.sha256(of: file))
        #expect(source.digests == [FileDigest.sha256(of: file).description])
        let index = try published.contents().index(version.index)
        #expect(index.imageSize == UInt64(file.count))
        try index.forEachBlock { block in
            let piece = Array(file[Int(block.offset)..<Int(block.end)])
            #expect(piece.withUnsafeBytes { DigestAlgorithm.sha256.blockID(of: $0) } == block.id)
        }

        // A released reader asks for catalog.json alone, and finds what it can boot, and nothing else.
        let catalog = try CatalogDocument.decode(try bytes(of: "catalog.json"))
        #expect(catalog.distributions == (try CatalogDocument.decode(before)).distributions)
        #expect(!String(decoding: try bytes(of: "catalog.json"), as: UTF8.self).contains("\"source\""))
        #expect(catalog.format == "oscircular-catalog/1")
    }

    @Test func aDistributionMayHaveVersionsOfBothKinds() async throws {
        try await makeTree()
        try await fixture.must("add", fixture.tree, "vendors-own", "2026-11-16", try fixture.image([1]))
        let all = try published.catalog().distribution("vendors-own")
        #expect(all?.versions.map(\.id.text) == ["2026-11-23", "2026-11-16"])
        #expect(all?.title == "Vendor's own")
        let catalog = try CatalogDocument.decode(try bytes(of: "catalog.json"))
        #expect(catalog.distribution("vendors-own")?.versions.map(\.id.text) == ["2026-11-16"])
        let again = try await fixture.run("add", fixture.tree, "vendors-own", "2026-11-23", try fixture.image([2]))
        #expect(again.status != 0 && again.stderr.contains("2026-11-23"), "\(again.stderr)")
    }

    @Test(arguments: [
        ("d.img", "raw"), ("d.qcow2", "qcow2"),
    ])
    func itsFormatIsFoundInItsBytes(name: String, format: String) async throws {
        try await fixture.must("init", fixture.tree)
        try await offer(name, format: format)
        #expect(try await add("2026-11-23", name).status == 0)
        #expect(try version().source?.format.rawValue == format)
    }

    @Test func whatReadersCannotReadWhileItArrivesIsRefused() async throws {
        try await fixture.must("init", fixture.tree)
        try await offer("d.img", format: "raw")
        try await run(
            "sh",
            [
                "-c",
                "cd '\(folder.file("web"))' && gzip -k d.img && xz -k d.img && cd .. && qemu-img create -q -u -f qcow2 -b a.raw -F raw web/over.qcow2 1M",
            ])
        try await list()
        for name in ["d.img.gz", "over.qcow2"] {
            let refused = try await add("2026-11-23", name)
            #expect(refused.status == 65, "\(name): \(refused.stderr)")
            #expect(refused.stderr.contains("--index-only") || refused.stderr.contains("backing"), "\(refused.stderr)")
        }
        // One small block of xz is as good as many.
        #expect(try await add("2026-11-23", "d.img.xz").status == 0)
        #expect(try version().source?.format == .rawXZ)
        let local = try await fixture.run(
            "add", fixture.tree, "vendors-own", "2026-11-24", folder.file("a.raw"), "--index-only")
        #expect(local.status == 64 && local.stderr.contains("not a URL"), "\(local.stderr)")
        let secret = try await add("2026-11-24", "d.img?token=abc", "--sums", "none")
        #expect(secret.status == 64 && !secret.stderr.contains("abc"), "\(secret.stderr)")
        let alone = try await fixture.run(
            "add", fixture.tree, "vendors-own", "2026-11-24", server.url + "d.img", "--keep-blocks")
        #expect(alone.status == 64 && alone.stderr.contains("--index-only"), "\(alone.stderr)")
    }

    @Test func aFileThatIsNotWhatItsListSaysIsNotPublished() async throws {
        try await fixture.must("init", fixture.tree)
        try await offer("d.qcow2")
        try fixture.damage("web/d.qcow2")
        let refused = try await add("2026-11-23", "d.qcow2")
        #expect(refused.status == 65 && refused.stderr.contains("digest"), "\(refused.stderr)")
        #expect(try published.catalog().distributions.isEmpty)
    }

    @Test func aListCountsWhenItsVendorSignedIt() async throws {
        try await fixture.must("init", fixture.tree)
        try await offer("d.qcow2")
        func key(_ name: String) async throws -> String {
            try await run(
                "signify-openbsd", ["-G", "-n", "-p", folder.file("\(name).pub"), "-s", folder.file("\(name).sec")])
            return String(try FileContents.readText(folder.file("\(name).pub"), limit: 1024).split(separator: "\n")[1])
        }
        let (own, other) = (try await key("own"), try await key("other"))
        let sums = folder.file("web/SHA256SUMS")
        func options(_ key: String) -> [String] {
            ["--signature-kind", "signify", "--key", key, "--sums", "SHA256SUMS"]
        }
        func add(_ key: String) async throws -> (status: Int32, stdout: String, stderr: String) {
            try await fixture.run(
                ["add", fixture.tree, "vendors-own", "2026-11-23", server.url + "d.qcow2", "--index-only"]
                    + options(key))
        }
        let unsigned = try await add(own)
        #expect(unsigned.status == 65 && unsigned.stderr.contains("there is no signature"), "\(unsigned.stderr)")
        try await run("signify-openbsd", ["-S", "-s", folder.file("own.sec"), "-m", sums, "-x", sums + ".sig"])
        let stranger = try await add(other)
        #expect(stranger.status == 65 && stranger.stderr.contains("not verified"), "\(stranger.stderr)")
        let text = try folder.bytes("web/SHA256SUMS")
        try AtomicFile.write(text + Array("\n".utf8), to: sums)
        let changed = try await add(own)
        #expect(changed.status == 65 && changed.stderr.contains("not verified"), "\(changed.stderr)")
        try AtomicFile.write(text, to: sums)
        let right = try await add(own)
        #expect(right.status == 0, "\(right.stderr)")
        let keyless = try await self.add("2026-11-24", "d.qcow2", "--signature", "x.sig")
        #expect(keyless.status == 64 && keyless.stderr.contains("--key"), "\(keyless.stderr)")
    }

    // MARK: The rest of the tree

    @Test func verifyLooksForNoBlocksOfIt() async throws {
        try await makeTree()
        let right = try await fixture.run("verify", fixture.tree)
        #expect(right.status == 0, "\(right.stdout)\(right.stderr)")
        let index = try #require(try published.contents().path(of: try version().index))
        try Paths.remove(index)
        let wrong = try await fixture.run("verify", fixture.tree)
        #expect(wrong.status == 65 && (wrong.stdout + wrong.stderr).contains("vendors-own"))
    }

    @Test func keptBlocksAreTheTrees() async throws {
        try await fixture.must("init", fixture.tree)
        try await offer("d.qcow2")
        #expect(try await add("2026-11-23", "d.qcow2", "--keep-blocks").status == 0)
        let version = try version()
        #expect(version.hasBlocks && version.source != nil)
        #expect(
            try Set(fixture.blocks().map { String($0.suffix(70).prefix(64)) }).count == version.blocks(in: published))
        #expect(try await fixture.run("verify", fixture.tree).status == 0)
        try Paths.remove(folder.file(try #require(fixture.blocks().first)))
        let wrong = try await fixture.run("verify", fixture.tree)
        #expect(wrong.status == 65 && (wrong.stdout + wrong.stderr).contains("is missing"))
    }

    @Test func aMirrorCopiesIndexesAndAsksForNoBlocks() async throws {
        try await makeTree()
        let all = try await fixture.run("mirror", fixture.tree, fixture.copy)
        #expect(all.status == 0, "\(all.stderr)")
        #expect(fixture.blocks("copy").count == fixture.blocks().count)
        #expect(try bytes(of: "sources.json", in: fixture.copy) == (try bytes(of: "sources.json")))
        #expect(try bytes(of: try version().index, in: fixture.copy) == (try bytes(of: try version().index)))
        let some = folder.file("some")
        let one = try await fixture.run("mirror", fixture.tree, some, "--distribution", "vendors-own")
        #expect(one.status == 0, "\(one.stderr)")
        #expect(fixture.blocks("some").isEmpty)
        #expect(try bytes(of: try version().index, in: some) == (try bytes(of: try version().index)))
    }

    @Test func pruneTakesItByAgeAndNotForRoom() async throws {
        try await makeTree()
        try await offer("e.qcow2", seeds: [4])
        #expect(try await add("2026-11-30", "e.qcow2").status == 0)
        // Nothing of it lies in the store, so no room is made by its going.
        let room = try await fixture.run("prune", fixture.tree, "--max-bytes", "1")
        #expect(room.status == 0, "\(room.stderr)")
        #expect(try published.catalog().distribution("vendors-own")?.versions.count == 2)
        #expect(try published.catalog().distribution("debian")?.versions.count == 1)
        let age = try await fixture.run("prune", fixture.tree, "--keep-weeks", "1")
        #expect(age.status == 0 && age.stdout.contains("vendors-own@2026-11-23"), "\(age.stdout)\(age.stderr)")
        #expect(try published.catalog().distribution("vendors-own")?.versions.map(\.id.text) == ["2026-11-30"])
        #expect(try await fixture.run("verify", fixture.tree).status == 0)
    }

    @Test func statisticsSayWhereItsBytesAre() async throws {
        try await makeTree()
        let text = try await fixture.must("stats", fixture.tree)
        #expect(text.contains("blocks at 127.0.0.1"), "\(text)")
        let statistics = try TreeStatistics(of: try published)
        let own = try #require(statistics.distributions.first { $0.id == "vendors-own" }?.versions.first)
        #expect(own.stored == 0 && own.freedWithOlder == 0 && own.distinct == own.blocks)
        #expect(statistics.blocks == fixture.blocks().count)
        #expect(statistics.distributions.first { $0.id == "debian" }?.versions.allSatisfy { $0.vendor == nil } == true)
    }

    @Test func aWithdrawnOneIsTakenBackAndItsNameIsUsedUp() async throws {
        try await makeTree()
        let before = try CatalogDocument.decode(try bytes(of: "catalog.json")).distributions
        try await fixture.must("withdraw", fixture.tree, "vendors-own", "2026-11-23", "--why", "broken")
        let all = try published.catalog().distribution("vendors-own")
        #expect(all?.versions.isEmpty == true && all?.withdrawn.map(\.why) == ["broken"])
        // A system without a version is nothing that a released reader should be shown.
        #expect(try CatalogDocument.decode(try bytes(of: "catalog.json")).distributions == before)
        let again = try await add("2026-11-23", "d.qcow2")
        #expect(again.status != 0 && again.stderr.contains("withdrawn"), "\(again.stderr)")
    }

    @Test func aBootSetIsPublishedWithIt() async throws {
        try await makeTree()
        let version = try version()
        let first = try published.contents().index(version.index).block(at: 0)
        try published.publish(BootSet([first.id]), of: "vendors-own", version.id)
        let changed = try self.version()
        #expect(changed.bootSet == "vendors-own/2026-11-23.bootset")
        #expect(changed.source == version.source)
        try published.pin("vendors-own", version.id, true)
        #expect(try self.version().isPinned)
    }

    @Test func aRecipeLeavesTheBytesAtTheVendors() async throws {
        try await fixture.must("init", fixture.tree)
        try await offer("debian-20261123.qcow2")
        func recipe(_ more: String) throws -> String {
            let path = folder.file("recipe.toml")
            try AtomicFile.write(
                """
                [[distribution]]
                id = "vendors-own"
                upstream = "\(server.url)"
                entry = "debian-{date}.qcow2"
                \(more)
                """, to: path)
            return path
        }
        try AtomicFile.write(
            "<a href=\"debian-20261123.qcow2\">debian-20261123.qcow2</a>", to: folder.file("page.html"))
        server.handle { [folder] path, _ in
            // An empty answer is one, too.
            path == "/" ? .init(200, ["Content-Type: text/html"], body: (try? folder.bytes("page.html")) ?? []) : nil
        }
        let made = try await fixture.run("update", fixture.tree, "--recipe", try recipe("blocks = \"vendor\""))
        #expect(made.status == 0, "\(made.stderr)")
        #expect(fixture.blocks().isEmpty)
        #expect(try version().source?.urls == [server.url + "debian-20261123.qcow2"])
        #expect(try version().source?.build == "debian-20261123.qcow2")
        let again = try await fixture.run("update", fixture.tree, "--recipe", try recipe("blocks = \"vendor\""))
        #expect(again.status == 0 && again.stdout.contains("nothing new"), "\(again.stdout)\(again.stderr)")
        for (more, word) in [
            ("blocks = \"nowhere\"", "blocks"), ("mirrors = [\"x\"]", "mirrors"), ("key = \"12\"", "key"),
        ] {
            let refused = try await fixture.run("update", fixture.tree, "--recipe", try recipe(more))
            #expect(refused.status == 78 && refused.stderr.contains(word), "\(more): \(refused.stderr)")
        }
    }

    /// A year of weeks of 100 systems is meant to fit into a gigabyte.
    @Test func anIndexIsSmall() async throws {
        #expect(ImageIndexWriter.length(blocks: 600 * 4) <= 100 * 1024)
    }
}

extension DistributionVersion {
    fileprivate func blocks(in tree: PublishedTree) throws -> Int {
        var ids: Set<BlockID> = []
        try tree.contents().index(index).forEachBlock { ids.insert($0.id) }
        return ids.count
    }
}

import Catalog
import ContentAddress
import Linux
import TestSupport
import Testing

@testable import Publisher

/// A tree with guests that were saved asleep. The client that saves them is a script of the test's: what it needs itself is another test's.
@Suite struct WarmTreeTests {
    private let folder: TemporaryDirectory
    private let tree: PublishedTree
    private let version: VersionID

    init() throws {
        folder = try TemporaryDirectory()
        tree = try PublishedTree.create(
            path: folder.file("tree"), name: "Tests", description: "", keys: SigningKeys(folder: folder.file("keys")))
        version = try #require(VersionID("2026-11-16"))
        try add("2026-11-16", seed: 1)
    }

    private func add(_ id: String, seed: UInt64, to distribution: String = "d") throws {
        try PublisherFixtures.writeRandomImage(size: 600_000, seed: seed, to: folder.file("a.img"))
        _ = try tree.add(
            try NewVersion(distribution: distribution, version: id), image: folder.file("a.img"),
            options: try PublishOptions())
    }

    private static func record(
        version: String = "2026-11-16", machine: String = "pc-q35-7.2", accelerator: String = "tcg"
    ) -> String {
        """
        {"format": "oscircular-warm/1", "processor": "qemu64", "more": [1], "state": {"distribution": "d", "version": "\(version)",
         "guest": {"accelerator": "\(accelerator)"}, "memory": {"origin": {"machine": "\(machine)"}}, "bootSeconds": 31.5}}
        """
    }

    /// A client that exports this record and these bytes.
    private func client(record: String = record(), seed: UInt64 = 50, _ first: String = ":") throws -> WarmRecording {
        var random = SeededRandom(seed: seed)
        // As a memory begins that zstd has packed: it is no image, and not unpacked.
        let bytes = [0x28, 0xB5, 0x2F, 0xFD] + random.bytes(400_000)
        try AtomicFile.write(bytes, to: folder.file("state"))
        try AtomicFile.write(record, to: folder.file("record"))
        try AtomicFile.write(
            """
            #!/bin/sh
            [ "$1" = fetch ] || exit 0
            \(first)
            [ "$2 $3 $5" = "--warm --export tree/d@2026-11-16" ] || exit 64
            cp "$XDG_CONFIG_HOME/oscircular/config.toml" '\(folder.file("settings"))'
            mkdir "$4" && cp '\(folder.file("state"))' "$4/state" && cp '\(folder.file("record"))' "$4/record.json"
            """, to: folder.file("client"), mode: 0o755)
        return WarmRecording(client: folder.file("client"), accelerator: "tcg")
    }

    @discardableResult
    private func publish(record: String = record(), seed: UInt64 = 50) throws -> PublishedWarmState {
        let made = try client(record: record, seed: seed).make(
            tree: tree.path, distribution: "d", version: version, cancellation: Cancellation())
        return try tree.publish(made, of: "d", version, options: try PublishOptions()).state
    }

    private var published: [PublishedWarmState] {
        get throws { try tree.catalog().distribution("d")?.version(version)?.warm ?? [] }
    }

    private func problems(_ tree: PublishedTree) async throws -> [TreeProblem] {
        try await WorkerThread.run(name: "verify") { try TreeVerification(of: tree).run().problems }
    }

    @Test func theCatalogNamesWhatWasSavedAndItsBytesAreBlocks() async throws {
        let state = try publish()
        #expect(try published == [state])
        #expect(state.record == "d/2026-11-16.pc-q35-7.2.tcg.qemu64.warm.json")
        #expect(state.index == "d/2026-11-16.pc-q35-7.2.tcg.qemu64.caibx")
        #expect(state.size == 400_004 && state.storedSize > 390_000 && state.bootSeconds == 31.5)
        let contents = try tree.contents()
        #expect(
            try FileContents.read(try #require(contents.path(of: state.record)), limit: 1 << 20)
                == Array(Self.record().utf8))
        #expect(try contents.index(state.index).imageSize == 400_004)
        #expect(try await problems(tree).isEmpty)
        // Nothing of its user's settings, and no states of its own accord.
        let settings = try FileContents.readText(folder.file("settings"), limit: 4096)
        #expect(settings.contains("make = \"never\"") && settings.contains("accel = \"tcg\""), "\(settings)")
        // A reader of a catalog that released programs wrote has none.
        let plain = String(decoding: try tree.catalog().encode(), as: UTF8.self)
        #expect(plain.contains("\"warm\""))
    }

    @Test func anotherOfTheSameMachineTakesItsPlaceAndOneOfAnotherStandsBeside() throws {
        let first = try publish()
        let second = try publish(seed: 51)
        #expect(try published == [second] && second.record == first.record)
        let other = try publish(record: Self.record(machine: "pc-q35-10.0"), seed: 52)
        #expect(try published.map(\.machine) == ["pc-q35-10.0", "pc-q35-7.2"])
        #expect(other.index != second.index)
    }

    @Test func whatTheClientCannotMakeChangesNothing() throws {
        let before = try tree.catalog()
        let failing = try client("echo 'oscircular: the state has a private key' >&2; exit 65")
        let error = #expect(throws: PublisherError.self) {
            _ = try failing.make(
                tree: tree.path, distribution: "d", version: version, cancellation: Cancellation())
        }
        #expect(error == .warmFailed(reason: "the state has a private key"))
        for record in [Self.record(version: "2026-11-09"), "{}", "no JSON"] {
            let other = try client(record: record)
            #expect(throws: PublisherError.self) {
                _ = try other.make(
                    tree: tree.path, distribution: "d", version: version, cancellation: Cancellation())
            }
        }
        // A name that readers would not take.
        let odd = try client(record: Self.record(machine: "../../pc")).make(
            tree: tree.path, distribution: "d", version: version, cancellation: Cancellation())
        #expect(throws: PublisherError.self) { try tree.publish(odd, of: "d", version, options: try PublishOptions()) }
        #expect(try tree.catalog() == before)
    }

    @Test func aBlockOfItThatIsDamagedIsFound() async throws {
        let state = try publish()
        let index = try tree.contents().index(state.index)
        let id = try index.block(at: 0).id
        try AtomicFile.write([1, 2, 3], to: ChunkStoreFolder(path: tree.blocks).path(of: id))
        let found = try await problems(tree)
        #expect(found.count == 1 && found[0].description.contains("d@2026-11-16, warm"), "\(found)")
    }

    @Test func aCopyOfTheTreeHasItsBlocks() async throws {
        try publish()
        let copy = folder.file("copy")
        try await tree.mirror(to: copy)
        let other = try PublishedTree(path: copy, keys: SigningKeys(folder: folder.file("keys")))
        #expect(try await problems(other).isEmpty)
        #expect(try other.catalog() == tree.catalog())
        #expect(folder.files(below: "copy/blocks").count == folder.files(below: "tree/blocks").count)
    }

    @Test func itIsCountedAndGoesWithItsVersion() async throws {
        let before = try tree.prune(PruneRule(), dryRun: true).keptBytes
        let state = try publish()
        let counted = try #require(try TreeStatistics(of: tree).distributions.first?.versions.first)
        #expect(counted.warmStates == 1 && counted.warmStored == state.storedSize)
        #expect(try TreeStatistics(of: tree).lines.contains { $0.contains("warm ") })
        #expect(try tree.prune(PruneRule(), dryRun: true).keptBytes == before + state.storedSize)
        // A prune that takes nothing away leaves its blocks, and a dry one of its version's counts them.
        #expect(try tree.prune(PruneRule(), graceDays: 0).sweptBlocks == 0)
        #expect(try await problems(tree).isEmpty)
        try add("2026-11-30", seed: 2)
        let result = try tree.prune(PruneRule(keepWeeks: 1), graceDays: 0)
        #expect(result.removed.map(\.id.text) == ["2026-11-16"] && result.freedBytes >= state.storedSize)
        let contents = try tree.contents()
        #expect(contents.file(state.record) == nil && contents.file(state.index) == nil)
        // Readers of the catalog of a moment ago may ask for them.
        #expect(result.sweptBlocks == 0)
        #expect(try await problems(tree).isEmpty)
    }

    @Test func aVersionThatIsTakenBackTakesItsStatesAlong() throws {
        let state = try publish()
        try tree.withdraw("d", version, why: "it does not boot")
        let contents = try tree.contents()
        #expect(contents.file(state.record) == nil && contents.file(state.index) == nil)
        #expect(throws: PublisherError.self) { try publish() }
    }

    @Test func aRecipeMayAskForIt() throws {
        func recipe(_ line: String) throws -> Recipe {
            try AtomicFile.write(
                "[[distribution]]\nid = \"d\"\nbuild = \"make\"\n\(line)\n", to: folder.file("recipe.toml"))
            return try Recipe(file: folder.file("recipe.toml"))
        }
        #expect(try recipe("warm = true").distributions[0].isWarm)
        #expect(try !recipe("").distributions[0].isWarm)
        #expect(throws: PublisherError.self) { _ = try recipe("warm = \"yes\"") }
    }
}

import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

/// Where private keys may lie, and what opens them.
@Suite struct KeysPlaceTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func run(
        _ arguments: [String], _ environment: [String: String] = [:]
    ) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.run(
            "oscircular-publish", arguments, environment: ["PATH": "/usr/bin:/bin"].merging(environment) { $1 })
    }

    @Test(arguments: [
        "tree/keys", "tree", "tree/", "absent/../tree/keys", "tree/blocks/../keys", "link/keys", "dangling",
        "far/keys",
        "far", "near/.././tree/x", "relative", "circle/../tree/a",
    ])
    func aPlaceThatIsPublishedIsRefusedHoweverItIsSpelt(place: String) throws {
        try Folder.make(folder.file("near"))
        try Folder.make(folder.file("disk"))
        for made in [false, true] {
            if made { try Folder.make(folder.file("tree")) }
            for (name, target) in [
                ("link", folder.file("tree")), ("dangling", folder.file("tree/later/keys")),
                ("relative", "near/../tree/k"),
                ("circle", "circle"), ("tree/targets", folder.file("disk")), ("far", folder.file("disk")),
            ] { _ = symlink(target, folder.file(name)) }
            // What is a part of the tree by a link is known once there is a tree.
            if !made && place.hasPrefix("far") { continue }
            let keys = SigningKeys(folder: folder.file(place))
            #expect(throws: PublisherError.keysInTree(folder: folder.file(place), tree: folder.file("tree"))) {
                try keys.check(outside: folder.file("tree"))
            }
        }
    }

    @Test func aPlaceBesideTheTreeIsFine() throws {
        try Folder.make(folder.file("tree"))
        for place in ["keys", "tree2/keys", "tree/../keys", "treekeys", "."] {
            try SigningKeys(folder: folder.file(place)).check(outside: folder.file("tree"))
        }
    }

    @Test func everyCommandThatMakesKeysRefusesATreesFolder() async throws {
        let tree = folder.file("tree")
        #expect(try await run(["init", tree, "--keys", "\(tree)/.keys"]).status == 64)
        #expect(try await run(["init", tree, "--keys", folder.file("keys")]).status == 0)
        // Keys that came to lie there later are not used either.
        let moved = try await BuiltProgram.runAny("cp", ["-a", folder.file("keys"), "\(tree)/keys"])
        try #require(moved.status == 0)
        for command in [["timestamp", tree], ["key", "rotate", tree, "targets"], ["key", "delegate", tree, "d"]] {
            let refused = try await run(command + ["--keys", "\(tree)/keys"])
            #expect(refused.status == 64)
            #expect(refused.stderr.contains("lies inside"), "\(refused.stderr)")
        }
        #expect(TemporaryDirectory.names("\(tree)/keys").count == 3)
    }

    @Test func whatWaitsForAKeyIsNamedWithTheCommandThatPublishesIt() async throws {
        let (tree, keys, image) = (folder.file("tree"), folder.file("keys"), folder.file("a.img"))
        try #require(try await run(["init", tree, "--keys", keys]).status == 0)
        try PublisherFixtures.writeImage([.random(70_000, seed: 1)], to: image)
        let add = ["add", tree, "d", "2026-11-16", image, "--allow-future", "--keys"]
        let draft = "\(tree)/drafts/targets.json"

        let without = try await run(add + [folder.file("none")])
        #expect(without.status == 77)
        #expect(without.stderr.contains("waits as a draft in \(draft)"), "\(without.stderr)")
        #expect(without.stderr.contains("'oscircular-publish key sign \(tree) --keys FOLDER'"), "\(without.stderr)")

        // The keys are there now; what is in the way is the draft.
        let blocked = try await run(add + [keys])
        #expect(blocked.status == 77)
        #expect(!blocked.stderr.contains("missing"), "\(blocked.stderr)")
        #expect(blocked.stderr.contains("an earlier change waits as a draft in \(draft)"), "\(blocked.stderr)")
        #expect(blocked.stderr.contains("'oscircular-publish key sign \(tree) --keys FOLDER'"), "\(blocked.stderr)")

        // One of the two ways out that it names; the other is to drop the draft.
        let signed = try await run(["key", "sign", tree, "--keys", keys])
        #expect(signed.status == 0, "\(signed.stderr)")
        #expect(try await run(["stats", tree]).stdout.contains("2026-11-16"))

        #expect(try await run(["key", "delegate", tree, "d", "--keys", folder.file("none")]).status == 77)
        try Folder.removeTree("\(tree)/drafts")
        let after = try await run(["add", tree, "d", "2026-11-16.1", image, "--allow-future", "--keys", keys])
        #expect(after.status == 0, "\(after.stderr)")
    }

    @Test func whatWaitsForTheKeysOfAnotherMachineIsNamed() async throws {
        let (tree, keys, image) = (folder.file("tree"), folder.file("keys"), folder.file("a.img"))
        let here = folder.file("here")
        try #require(try await run(["init", tree, "--keys", keys]).status == 0)
        try PublisherFixtures.writeImage([.random(70_000, seed: 1)], to: image)
        // The keys of snapshot and timestamp stay where they are.
        try Folder.make(here)
        let name = try #require(TemporaryDirectory.names(keys).first { $0.hasPrefix("targets-") })
        try Paths.rename("\(keys)/\(name)", to: "\(here)/\(name)")

        let added = try await run(["add", tree, "d", "2026-11-16", image, "--allow-future", "--keys", here])
        #expect(added.status == 77)
        #expect(added.stderr.contains("the private key of snapshot is missing"), "\(added.stderr)")
        #expect(added.stderr.contains("the change waits as a draft in \(tree)/drafts - "), "\(added.stderr)")
        #expect(added.stderr.contains("'oscircular-publish key sign \(tree) --keys FOLDER'"), "\(added.stderr)")
        #expect(TemporaryDirectory.names("\(tree)/drafts") == ["targets.json"])
        let signed = try await run(["key", "sign", tree, "--keys", keys])
        #expect(signed.status == 0, "\(signed.stderr)")
        #expect(try await run(["stats", tree]).stdout.contains("2026-11-16"))
        // Nothing waits for a timestamp.
        let renewed = try await run(["timestamp", tree, "--keys", here])
        #expect(renewed.status == 77)
        #expect(!renewed.stderr.contains("draft"), "\(renewed.stderr)")
    }

    @Test func anEmptyPassphraseIsRefusedInWords() async throws {
        try AtomicFile.write("", to: folder.file("empty"))
        try AtomicFile.write("\nsecret\n", to: folder.file("second"))
        for (variable, value, word) in [
            ("OSCIRCULAR_PASSPHRASE", "", "invalid value for OSCIRCULAR_PASSPHRASE "),
            ("OSCIRCULAR_PASSPHRASE_FILE", folder.file("empty"), "first line of the file is empty"),
            ("OSCIRCULAR_PASSPHRASE_FILE", folder.file("second"), "first line of the file is empty"),
            ("OSCIRCULAR_PASSPHRASE_FILE", folder.file("nowhere"), folder.file("nowhere")),
            ("OSCIRCULAR_PASSPHRASE_FILE", "", "names no file"),
        ] {
            let refused = try await run(
                ["init", folder.file("tree"), "--encrypt", "--keys", folder.file("keys")], [variable: value])
            #expect(refused.status != 0)
            #expect(refused.stderr.contains(word), "\(refused.stderr)")
            #expect(folder.files(below: "keys").isEmpty)
        }
    }

    @Test func theEndOfALineIsNoPartOfAPassphrase() async throws {
        for (position, text) in ["\u{FEFF}secret\r\nmore"].enumerated() {
            try AtomicFile.write(text, to: folder.file("file"))
            let tree = folder.file("tree\(position)")
            let keys = folder.file("keys\(position)")
            let made = try await run(
                ["init", tree, "--encrypt", "--keys", keys], ["OSCIRCULAR_PASSPHRASE_FILE": folder.file("file")])
            #expect(made.status == 0, "\(made.stderr)")
            let pinned = try await run(
                ["key", "delegate", tree, "d", "--keys", keys], ["OSCIRCULAR_PASSPHRASE": "secret"])
            #expect(pinned.status == 0, "\(pinned.stderr)")
        }
        // A variable that is set to nothing does not hide the file.
        let both = try await run(
            ["key", "delegate", folder.file("tree0"), "both", "--keys", folder.file("keys0")],
            ["OSCIRCULAR_PASSPHRASE": "", "OSCIRCULAR_PASSPHRASE_FILE": folder.file("file")])
        #expect(both.status == 0, "\(both.stderr)")
        let wrong = try await run(
            ["key", "delegate", folder.file("tree0"), "e", "--keys", folder.file("keys0")],
            ["OSCIRCULAR_PASSPHRASE": ""])
        #expect(wrong.status == 77)
        #expect(wrong.stderr.contains("the passphrase that was given is empty"), "\(wrong.stderr)")
    }

    @Test func smallFilesMayBePipes() async throws {
        let tree = folder.file("tree")
        let script = """
            exec 2>&1; cd '\(folder.path)'; PATH='\(BuiltProgram.path("").dropLast())':"$PATH"
            export OSCIRCULAR_KEYS='\(folder.file("keys"))'
            oscircular-publish init tree && OSCIRCULAR_PASSPHRASE_FILE=<(echo secret) \
                oscircular-publish init tree2 --encrypt --keys keys2 || exit 1
            printf '#!/bin/sh\\nhead -c 5000 /dev/urandom > "$OSCIRCULAR_OUTPUT"\\n' > b; chmod +x b
            recipe() { printf '[[distribution]]\\nid = "%s"\\nbuild = ["./b"]\\n' $1; }
            oscircular-publish update tree --recipe <(recipe one) --work w || exit 2
            recipe two | oscircular-publish update tree --recipe /dev/stdin --work w || exit 3
            recipe three > r; oscircular-publish update tree --recipe /dev/stdin --work w < r || exit 4
            oscircular-publish mirror tree copy --root <(cat tree/metadata/1.root.json) || exit 5
            yes | head -c 9000000 | oscircular-publish mirror tree copy --root /dev/stdin && exit 6
            exit 0
            """
        let result = try await BuiltProgram.runAny("bash", ["-c", script])
        #expect(result.status == 0, "\(result.stdout)")
        let opened = try PublishedTree(path: tree, keys: SigningKeys(folder: folder.file("keys")))
        #expect(try opened.catalog().distributions.map(\.id) == ["one", "two", "three"])
    }
}

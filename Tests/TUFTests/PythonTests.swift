import Linux
import TUF
import TestSupport
import Testing

/// Both directions with python-tuf, the reference: it reads what we write, we read what it writes.
@Suite(
    .enabled(if: PythonTUF.interpreter != nil, "share/python-tuf cannot have python-tuf from PyPI"))
struct PythonTests {
    @Test func readsWhatPythonWrote() async throws {
        let folder = try TemporaryDirectory()
        let tree = "\(folder.path)/tree"
        try await Self.run(PythonScripts.publisher, [tree, "create"])
        let store = DirectoryMetadataStore(path: "\(folder.path)/state")
        let client = try TUFClient(
            store: store, trustedRoot: try FileContents.read("\(tree)/metadata/1.root.json", limit: 1 << 20),
            metadata: DirectorySource(path: "\(tree)/metadata"), targets: DirectorySource(path: "\(tree)/targets"))
        for (name, text) in [
            ("catalog.json", "catalog"), ("debian/2026-11-16.caibx", "index"), ("spread", "in a bin"),
        ] {
            let target = try #require(try await client.target(name))
            #expect(String(decoding: try await client.download(target), as: UTF8.self) == text)
        }
        #expect(try await client.target("debian/other") == nil)
        #expect(try await client.target("other") == nil)
    }

    @Test func followsPythonThroughAChangeOfKeys() async throws {
        let folder = try TemporaryDirectory()
        let tree = "\(folder.path)/tree"
        try await Self.run(PythonScripts.publisher, [tree, "rotate"])
        let client = try TUFClient(
            store: DirectoryMetadataStore(path: "\(folder.path)/state"),
            trustedRoot: try FileContents.read("\(tree)/metadata/1.root.json", limit: 1 << 20),
            metadata: DirectorySource(path: "\(tree)/metadata"), targets: DirectorySource(path: "\(tree)/targets"))
        let target = try #require(try await client.target("catalog.json"))
        #expect(String(decoding: try await client.download(target), as: UTF8.self) == "catalog 2")
    }

    @Test func programFollowsWhatPythonWrote() async throws {
        let folder = try TemporaryDirectory()
        let tree = "\(folder.path)/tree"
        try await Self.run(PythonScripts.publisher, [tree, "rotate"])
        let state = ["--metadata-dir", "\(folder.path)/state"]
        let begun = try await BuiltProgram.run("tuf-client", state + ["init", "\(tree)/metadata/1.root.json"])
        #expect(begun.status == 0, "\(begun.stderr)")
        let ended = try await BuiltProgram.run(
            "tuf-client",
            state + [
                "--metadata-url", "file://\(tree)/metadata", "--target-name", "catalog.json", "--target-name",
                "debian/2026-11-16.caibx", "--target-base-url", "file://\(tree)/targets/", "--target-dir",
                "\(folder.path)/out", "download",
            ])
        #expect(ended.status == 0, "\(ended.stderr)")
        #expect(try FileContents.readText("\(folder.path)/out/catalog.json", limit: 100) == "catalog 2")
        #expect(try FileContents.readText("\(folder.path)/out/debian%2F2026-11-16.caibx", limit: 100) == "index")
    }

    @Test func pythonFollowsWhatWeWroteThroughEveryChange() async throws {
        let publisher = try PublisherFixture()
        let state = "\(publisher.folder.path)/python"
        func read(_ names: String...) async throws -> String {
            try await Self.run(PythonScripts.reader, [publisher.path, state] + names)
        }
        try publisher.create()
        #expect(try await read("x") == "x None\n")

        let repository = publisher.repository
        let catalog = try repository.store(
            Array("catalog".utf8), as: "catalog.json", custom: .object(["ä": .integer(1)]))
        try repository.update(adding: [catalog], signers: publisher.all)
        #expect(try await read("catalog.json") == "catalog.json catalog\n")

        let debian = [SigningKey.generate(), SigningKey.generate()]
        try repository.delegate(
            "debian", to: RoleMembers(debian.map(\.publicKey), threshold: 2), paths: ["debian/*"],
            signers: publisher.all + debian)
        let index = try repository.store(Array("index".utf8), as: "debian/2026-11-16.caibx")
        let online = publisher.online + debian
        try repository.update(role: "debian", adding: [index], signers: online)
        #expect(
            try await read("debian/2026-11-16.caibx", "debian/other")
                == "debian/2026-11-16.caibx index\ndebian/other None\n")

        let new = SigningKey.generate()
        for role in TopLevelRole.allCases {
            let key = SigningKey.generate()
            try repository.changeKeys(signers: publisher.all + [key, new]) { roles in
                roles[role]?.replace(publisher.key(role).publicKey, with: key.publicKey)
            }
            publisher.replaceKey(of: role, with: key)
            #expect(try await read("catalog.json") == "catalog.json catalog\n", "\(role)")
        }
        try repository.renew(signers: publisher.all)
        try repository.update(removing: ["catalog.json"], signers: publisher.all)
        #expect(try await read("catalog.json") == "catalog.json None\n")
        #expect(try repository.state().root.header.version == 5)
    }

    @discardableResult
    private static func run(_ script: String, _ arguments: [String]) async throws -> String {
        let ended = try await PythonTUF.run(script, arguments)
        try #require(ended.status == 0, "\(ended.stderr)")
        return ended.stdout
    }
}

import Catalog
import Glibc
import Linux
import TestSupport
import Testing
import Upstream

@testable import Publisher

/// A week's run by a recipe.
@Suite struct RecipeTests {
    private let folder: TemporaryDirectory
    private var tree: String { folder.file("tree") }
    private var recipe: String { folder.file("recipe.toml") }

    init() throws { folder = try TemporaryDirectory() }

    private func run(_ arguments: String...) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await BuiltProgram.run("oscircular-publish", arguments + ["--keys", folder.file("keys")])
    }

    private func update(_ date: String) async throws -> (status: Int32, stdout: String, stderr: String) {
        try await run("update", tree, "--recipe", recipe, "--date", date, "--work", folder.file("work"))
    }

    private func distribution(_ id: String) throws -> Distribution? {
        try PublishedTree(path: tree, keys: SigningKeys(folder: folder.file("keys"))).catalog().distribution(id)
    }

    private func versions(_ id: String) throws -> [DistributionVersion] { try distribution(id)?.versions ?? [] }

    private func writeScript(_ name: String, _ text: String) throws {
        try AtomicFile.write("#!/bin/sh\nset -e\n\(text)\n", to: folder.file(name), mode: 0o755)
    }

    @Test func aBuiltDistributionGrowsFromWeekToWeek() async throws {
        try #require(try await run("init", tree).status == 0)
        try writeScript(
            "build me",
            """
            [ -z "$OSCIRCULAR_PREVIOUS" ] || cat "$OSCIRCULAR_PREVIOUS" > "$OSCIRCULAR_OUTPUT"
            [ "$OSCIRCULAR_VERSION" = 2026-11-23 ] || head -c 262144 /dev/urandom >> "$OSCIRCULAR_OUTPUT"
            echo "week of $OSCIRCULAR_VERSION, $1" > "${OSCIRCULAR_OUTPUT%.raw}.notes"
            """)
        try AtomicFile.write(
            """
            keep-weeks = 3
            [[distribution]]
            id = "d"
            title = "Dée"
            memory = 64
            firmware = "bios"
            adapter = "none"
            park = true
            build = ["./build me", "an argument"]
            """, to: recipe)
        for (day, words) in [
            ("2026-11-09", "published d@2026-11-09"), ("2026-11-09", "nothing new"), ("2026-11-16", "published"),
            ("2026-11-23", "nothing new, the image is that of 2026-11-16"), ("2026-11-30", "published"),
        ] {
            let made = try await update(day)
            #expect(made.status == 0, "\(made.stderr)")
            #expect(made.stdout.contains(words), "\(day): \(made.stdout)")
        }
        let versions = try versions("d")
        // The fourth week prunes the first.
        #expect(versions.map(\.id.text) == ["2026-11-30", "2026-11-16"])
        #expect(versions.map(\.size) == [786_432, 524_288])
        #expect(try distribution("d")?.guest.park == true)
        #expect(versions[0].notes == "week of 2026-11-30, an argument")
        #expect(try await run("verify", tree).status == 0)
        #expect(Set(TemporaryDirectory.names(folder.file("work/d"))) == ["last.raw", "last.notes"])
    }

    @Test func oneThatFailsDoesNotKeepTheOthersAway() async throws {
        try #require(try await run("init", tree).status == 0)
        try writeScript("fails", "echo no luck today >&2; exit 3")
        try writeScript("lazy", "exit 0")
        try writeScript("works", "head -c 300000 /dev/urandom > \"$OSCIRCULAR_OUTPUT\"")
        try AtomicFile.write(
            ["fails", "lazy", "works"].map { "[[distribution]]\nid = \"\($0)\"\nbuild = \"./\($0)\"\n" }.joined(),
            to: recipe)
        let made = try await update("2026-11-16")
        #expect(made.status == 1)
        #expect(made.stderr.contains("ended with 3: no luck today"))
        #expect(made.stderr.contains("lazy: no image was built"))
        #expect(try versions("works").count == 1)
        #expect(try versions("fails").isEmpty)
    }

    @Test func upstreamsNewestFolderIsPublishedOnce() async throws {
        try #require(try await run("init", tree).status == 0)
        let web = folder.file("web")
        func publish(_ entry: String, seed: UInt64) async throws {
            try Folder.make("\(web)/\(entry)")
            try PublisherFixtures.writeRandomImage(size: 400_000, seed: seed, to: "\(web)/\(entry)/x-\(entry).img")
            let sums = try await BuiltProgram.runAny(
                "sh", ["-c", "cd '\(web)/\(entry)' && sha512sum x-\(entry).img > SHA512SUMS"])
            try #require(sums.status == 0)
        }
        try await publish("20261109-2500", seed: 1)
        let server = try FaultyHTTPServer(folder: web)
        defer { server.stop() }
        func page(_ names: String...) {
            let links = names.map { "<a href=\"\($0)/\">\($0)/</a>" }.joined(separator: "\n")
            server.always("/", .replaced(Array("<html><a href=\"../\">up</a>\(links)</html>".utf8)))
        }
        page("latest", "20261109-2500", "20261102-2493")
        try AtomicFile.write(
            """
            [[distribution]]
            id = "debian"
            upstream = "\(server.url)"
            entry = "{date}-{number}"
            image = "{entry}/x-{entry}.img"
            """, to: recipe)
        let first = try await update("2026-11-16")
        #expect(first.stdout.contains("published debian@2026-11-09"), "\(first.stdout) \(first.stderr)")
        let again = try await update("2026-11-17")
        #expect(again.status == 0)
        #expect(again.stdout.contains("nothing new, upstream's newest is still 20261109-2500"))
        try await publish("20261109-2501", seed: 2)
        page("20261109-2500", "20261109-2501")
        #expect(try await update("2026-11-18").stdout.contains("published debian@2026-11-09.1"))
        #expect(try versions("debian").first?.origin == "\(server.url)20261109-2501/x-20261109-2501.img")
        #expect(try versions("debian").first?.notes == "upstream 20261109-2501")
        page("nothing")
        #expect(try await update("2026-11-19").status == 78)
    }

    /// A signed URL's query changes from week to week, and may not be shown.
    @Test func aQueryIsNotInTheCatalogAndAnImageBehindOneIsPublishedOnce() async throws {
        try #require(try await run("init", tree).status == 0)
        let web = folder.file("web")
        try Folder.make("\(web)/20261116")
        try PublisherFixtures.writeImage([.random(20_000, seed: 4)], to: "\(web)/20261116/d.raw")
        let sums = try await BuiltProgram.runAny("sh", ["-c", "cd '\(web)/20261116' && sha256sum d.raw > SHA256SUMS"])
        try #require(sums.status == 0)
        let server = try FaultyHTTPServer(folder: web)
        defer { server.stop() }
        server.always("/?order=name", .replaced(Array("<A HREF=20261116>".utf8)))
        server.script("/?order=name", .status(503))
        for signature in ["ONE", "TWO"] {
            let path = "/20261116/d.raw?signature=\(signature)"
            server.always(path, .replaced(try folder.bytes("web/20261116/d.raw")))
            try AtomicFile.write(
                """
                [[distribution]]
                id = "d"
                upstream = "\(server.url.dropLast())?order=name"
                entry = "{date}"
                image = "{entry}/d.raw?signature=\(signature)"
                """, to: recipe)
            let made = try await update("2026-11-16")
            #expect(made.status == 0, "\(made.stderr)")
        }
        #expect(try versions("d").map(\.origin) == ["\(server.url)20261116/d.raw"])
        #expect(NewVersion.origin(of: "https://me:pa%73s@h.example/a/d.raw?x=/y#z") == "https://h.example/a/d.raw")
        #expect(NewVersion.origin(of: "file:///home/me/d.raw") == nil)
        #expect(NewVersion.origin(of: "/home/me/d.raw") == nil)
    }

    @Test func aRecipeThatIsNotUTF8IsSaid() throws {
        try AtomicFile.write(Array("[[distribution]]\nid = \"a".utf8) + [0xFF], to: recipe)
        #expect(throws: PublisherError.recipe(file: recipe, key: "", reason: "is not TOML: it is not UTF-8")) {
            try Recipe(file: recipe)
        }
    }

    @Test func namesOfUpstreamAreReadByTheirForm() throws {
        func newest(_ pattern: String, _ names: String...) -> String? {
            let page = UpstreamPage(names.map { "<a href='\($0)/'>" }.joined(), url: "https://h/d/")
            return EntryPattern(pattern)?.newest(of: page.names)?.name
        }
        #expect(
            newest("release-{date}{serial}", "release-20240523", "release-20240523.1", "release", "x")
                == "release-20240523.1")
        #expect(newest("release-{date}{serial}", "release-20240523.10", "release-20240523.9") == "release-20240523.10")
        #expect(
            newest("a-3.20.{number}-r{number}.q", "a-3.20.3-r0.q", "a-3.20.10-r1.q", "a-3.21.0-r0.q")
                == "a-3.20.10-r1.q")
        #expect(newest("{date}", "20260230", "2026-02-03", "../20260901") == "2026-02-03")
        #expect(newest("{date}", "20261301") == nil)
        let match = try #require(EntryPattern("F-{date}.{number}")?.match("F-20241124.0"))
        #expect(match.date?.description == "2024-11-24")
        #expect(match.fill("{entry}/C-{date}.{number}.q") == "F-20241124.0/C-20241124.0.q")
        for wrong in ["", "{dat}", "{date", "{date}{date}"] { #expect(EntryPattern(wrong) == nil, "\(wrong)") }
        #expect(EntryPattern("{number}")?.match("99999999999999999999") == nil)
    }

    @Test(
        arguments: [
            ("x = 1", "x"), ("[[distribution]]\nid = \"A\"\nbuild = \"b\"", "id"), ("", "distribution"),
            ("[[distribution]]\nid = \"a\"", "build"), ("[[distribution]]\nid = \"a\"\nbuild = 1", "build"),
            ("[[distribution]]\nid = \"a\"\nbuild = \"b\"\nbild = 1", "bild"), ("[;x]", "line 1"), ("a = [}", "line 1"),
            ("a = [", "TOML"),
            ("[[distribution]]\nid = \"a\"\nupstream = \"ftp://a/\"\nentry = \"{date}\"", "upstream"),
            ("[[distribution]]\nid = \"a\"\nbuild = \"b\"\n[[distribution]]\nid = \"a\"\nbuild = \"b\"", "twice"),
            ("keep-weeks = 0\n[[distribution]]\nid = \"a\"\nbuild = \"b\"", "keep-weeks"),
        ])
    func aWrongRecipeSaysWhere(text: String, word: String) async throws {
        try #require(try await run("init", tree).status == 0)
        try AtomicFile.write(text, to: recipe)
        let refused = try await update("2026-11-16")
        #expect(refused.status == 78, "\(refused.stderr)")
        #expect(refused.stderr.contains(word), "\(refused.stderr)")
    }

    @Test func theRecipesThatComeWithThisAreRight() throws {
        var root = Substring(#filePath)
        for _ in 0..<3 { root = root.prefix(upTo: root.lastIndex(of: "/") ?? root.startIndex) }
        for name in ["debian", "desktop", "cloud-images"] {
            let recipe = try Recipe(file: "\(root)/share/recipes/\(name).toml")
            for entry in recipe.distributions {
                guard case .build(let command) = entry.source else { continue }
                #expect(access("\(recipe.folder)/\(command[0])", X_OK) == 0)
            }
        }
        #expect(try Recipe(file: "\(root)/share/recipes/cloud-images.toml").distributions.count == 4)
    }
}

import Catalog
import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

/// What becomes of the image that a recipe's build makes, when something goes wrong.
@Suite struct BuildTests {
    private let folder: TemporaryDirectory
    private let order = BuildFolder.Order(day: CalendarDate(dayNumber: 20_000), command: ["./build", "it"])

    init() throws { folder = try TemporaryDirectory() }

    private func build(
        _ order: BuildFolder.Order, _ body: (_ output: String) throws(SystemCallError) -> Void
    ) throws(PublisherError) -> BuildFolder.Finished {
        let builds = try BuildFolder(path: folder.file("work/d"))
        defer { builds.unlock() }
        return try builds.make(for: order, by: "build") { (output) throws(PublisherError) in
            do throws(SystemCallError) { try body(output) } catch { throw .unwritable(error) }
        }
    }

    private func made(for order: BuildFolder.Order) throws -> BuildFolder.Finished? {
        let builds = try BuildFolder(path: folder.file("work/d"))
        defer { builds.unlock() }
        return try builds.made(for: order)
    }

    @Test(arguments: [
        "exit 3", "kill -9 $$", "kill -TERM $$", "rm \"$OSCIRCULAR_OUTPUT\"", ": > \"$OSCIRCULAR_OUTPUT\"",
        "rm \"$OSCIRCULAR_OUTPUT\"; mkdir \"$OSCIRCULAR_OUTPUT\"",
        "ln -sf /nowhere/at/all \"$OSCIRCULAR_OUTPUT\"", "rm \"$OSCIRCULAR_OUTPUT\"; mkfifo \"$OSCIRCULAR_OUTPUT\"",
    ])
    func whatABuildLeftThatWentWrongIsNeverPublished(end: String) async throws {
        let script = """
            #!/bin/sh
            if [ -e good ]; then head -c 9000 /dev/urandom > "$OSCIRCULAR_OUTPUT"; exit 0; fi
            head -c 3000 /dev/urandom > "$OSCIRCULAR_OUTPUT"
            echo half > "${OSCIRCULAR_OUTPUT%.raw}.notes"
            \(end)
            """
        try AtomicFile.write(script, to: folder.file("build"), mode: 0o755)
        try AtomicFile.write("[[distribution]]\nid = \"d\"\nbuild = \"./build\"\n", to: folder.file("r.toml"))
        // A relative tree, recipe and work folder too.
        let update = "oscircular-publish update tree --recipe r.toml --work work --keys keys --date"
        let result = try await BuiltProgram.runAny(
            "sh",
            [
                "-c",
                """
                cd '\(folder.path)'; PATH='\(BuiltProgram.path("").dropLast())':"$PATH"
                oscircular-publish init tree --keys keys && ! \(update) 2026-11-16 && find work -type f && touch good
                \(update) 2026-11-16
                """,
            ])
        #expect(result.status == 0, "\(result.stderr)")
        #expect(result.stderr.contains("no image was built"), "\(result.stderr)")
        #expect(!result.stdout.contains("work/d/"), "\(result.stdout)")
        let tree = try PublishedTree(path: folder.file("tree"), keys: SigningKeys(folder: folder.file("keys")))
        let versions = try tree.catalog().distribution("d")?.versions ?? []
        #expect(versions.map(\.size) == [9000])
        #expect(versions.map(\.notes) == [""])
        #expect(TemporaryDirectory.names(folder.file("work/d")) == ["last.raw"])
    }

    @Test func aSignalDuringABuildLeavesNothingForTheNextRun() async throws {
        try #require(
            try await BuiltProgram.run(
                "oscircular-publish", ["init", folder.file("tree"), "--keys", folder.file("keys")]
            )
            .status == 0)
        let mark = folder.file("begun")
        try AtomicFile.write(
            "#!/bin/sh\nhead -c 3000 /dev/urandom > \"$OSCIRCULAR_OUTPUT\"\n: > '\(mark)'\nexec sleep 60\n",
            to: folder.file("build"), mode: 0o755)
        try AtomicFile.write("[[distribution]]\nid = \"d\"\nbuild = \"./build\"\n", to: folder.file("r.toml"))
        let update = [
            "update", folder.file("tree"), "--recipe", folder.file("r.toml"), "--work", folder.file("work"), "--keys",
            folder.file("keys"),
        ]
        let stopped = try await BuiltProgram.run("oscircular-publish", update, signal: SIGTERM) {
            access(mark, F_OK) == 0
        }
        #expect(stopped.status == 143)
        #expect(folder.files(below: "work").isEmpty)
    }

    @Test func aFinishedBuildWaitsForItsOwnDayAndCommandAlone() throws {
        let first = try build(order) { (output) throws(SystemCallError) in
            try AtomicFile.write("an image", to: output)
            try AtomicFile.write("one\n\ntwo\n", to: output.dropLast(3) + "notes")
        }
        #expect(first.notes == "one\ntwo")
        #expect(try made(for: order)?.image == first.image)
        #expect(try made(for: BuildFolder.Order(day: CalendarDate(dayNumber: 20_007), command: order.command)) == nil)
        #expect(try made(for: BuildFolder.Order(day: order.day, command: ["./build"])) == nil)
        let mended = BuildFolder.Order(day: order.day, command: order.command, program: "9 1.1")
        #expect(try made(for: mended) == nil)
        // Something that the build left behind writes on.
        try AtomicFile.write("an image, another", to: first.image)
        #expect(try made(for: order) == nil)
        // The notes of one build are not another's.
        #expect(try build(order) { (o) throws(SystemCallError) in try AtomicFile.write("x", to: o) }.notes == nil)
    }

    @Test func anImageFromBeforeBuildsHadFoldersIsNotTaken() throws {
        try Folder.make(folder.file("work/d"))
        try AtomicFile.write("half", to: folder.file("work/d/next.raw"))
        try Folder.make(folder.file("work/d/.oscircular-building-dead"))
        #expect(try made(for: order) == nil)
        _ = try build(order) { (output) throws(SystemCallError) in try AtomicFile.write("x", to: output) }
        #expect(TemporaryDirectory.names(folder.file("work/d")) == ["finished"])
    }

    @Test func aBuildProgramThatIsNotThereIsSaid() async throws {
        let fixture = try TreeFixture()
        try await fixture.must("init", fixture.tree)
        let recipe = fixture.folder.file("r.toml")
        try AtomicFile.write("[[distribution]]\nid = \"d\"\nbuild = \"./nothing\"\n", to: recipe)
        let result = try await fixture.run(
            "update", fixture.tree, "--recipe", recipe, "--work", fixture.folder.file("work"))
        #expect(result.status == 1)
        #expect(result.stderr.contains("no image was built - "), "\(result.stderr)")
        #expect(result.stderr.contains("there is no such program"), "\(result.stderr)")
    }

    @Test func aFolderThatNoBuildMadeStays() throws {
        for name in ["finished", "building-site"] { try Folder.make(folder.file("work/d/\(name)")) }
        try AtomicFile.write("mine", to: folder.file("work/d/finished/a"))
        #expect(throws: PublisherError.self) {
            _ = try build(order) { (output) throws(SystemCallError) in try AtomicFile.write("x", to: output) }
        }
        #expect(TemporaryDirectory.names(folder.file("work/d/finished")) == ["a"])
        #expect(TemporaryDirectory.names(folder.file("work/d")).sorted() == ["building-site", "finished"])
    }

    @Test func aLinkIsFollowedAndTheImageBeforeIsNeverLost() throws {
        let builds = try BuildFolder(path: folder.file("work/d"))
        defer { builds.unlock() }
        func make(_ body: (String) throws(SystemCallError) -> Void) throws -> BuildFolder.Finished {
            try builds.make(for: order, by: "build") { (output) throws(PublisherError) in
                do throws(SystemCallError) { try body(output) } catch { throw .unwritable(error) }
            }
        }
        // Beside the output, by a relative link.
        let near = try make { (output) throws(SystemCallError) in
            try AtomicFile.write("near", to: (Folder.parent(of: output) ?? "") + "/other")
            try systemCall("symlink") { symlink("other", output) }
        }
        try builds.keep(near)
        let last = try #require(builds.previous)
        #expect(try FileContents.readText(last, limit: 99) == "near")
        // By an absolute one.
        try builds.keep(
            try make { (output) throws(SystemCallError) in
                let other = (Folder.parent(of: output) ?? "") + "/other"
                try AtomicFile.write("near", to: other)
                try systemCall("symlink") { symlink(other, output) }
            })
        #expect(try FileContents.readText(last, limit: 99) == "near")
        // What was made last, as it is.
        try builds.keep(
            try make { (output) throws(SystemCallError) in
                try systemCall("symlink") { symlink(last, output) }
            })
        #expect(try FileContents.readText(last, limit: 99) == "near")
        try builds.keep(try make { (output) throws(SystemCallError) in try systemCall("link") { link(last, output) } })
        #expect(try FileContents.readText(last, limit: 99) == "near")
        // Far away.
        try AtomicFile.write("far", to: folder.file("far"))
        let far = folder.file("far")
        try builds.keep(
            try make { (output) throws(SystemCallError) in try systemCall("symlink") { symlink(far, output) } })
        #expect(try FileContents.readText(last, limit: 99) == "far")
        #expect(TemporaryDirectory.names(folder.file("work/d")) == ["last.raw"])
    }

    @Test func notesThatReadersWouldRefuseAreCut() throws {
        let made = try build(order) { (output) throws(SystemCallError) in
            try AtomicFile.write("x", to: output)
            try AtomicFile.write(String(repeating: "é", count: 600_000), to: output.dropLast(3) + "notes")
        }
        let notes = try #require(made.notes)
        #expect(notes.utf8.count <= CatalogDocument.longestText)
        #expect(notes.hasSuffix("é\n..."))
    }

    @Test func aFinishedImageThatCannotBePublishedYetGoesOutOnTheSameDayOnly() async throws {
        let keys = ["--keys", folder.file("keys")]
        try #require(
            try await BuiltProgram.run("oscircular-publish", ["init", folder.file("tree")] + keys).status == 0)
        try AtomicFile.write(
            """
            #!/bin/sh
            echo built >> '\(folder.file("log"))'
            echo "of $OSCIRCULAR_VERSION" > "$OSCIRCULAR_OUTPUT"
            echo "week of $OSCIRCULAR_VERSION" > "${OSCIRCULAR_OUTPUT%.raw}.notes"
            """, to: folder.file("build"), mode: 0o755)
        try AtomicFile.write("[[distribution]]\nid = \"d\"\nbuild = \"./build\"\n", to: folder.file("r.toml"))
        func update(_ day: String) async throws -> Int32 {
            let arguments = [
                "update", folder.file("tree"), "--recipe", folder.file("r.toml"), "--work", folder.file("work"),
                "--date", day,
            ]
            return try await BuiltProgram.run("oscircular-publish", arguments + keys).status
        }
        func builds() throws -> Int {
            try FileContents.readText(folder.file("log"), limit: 999).split(separator: "\n").count
        }
        let other = try FileHandle(path: folder.file("tree/targets"), flags: O_RDONLY)
        try #require(try other.lock(exclusive: true, wait: false))
        #expect(try await update("2026-11-09") == 75)
        #expect(try await update("2026-11-16") == 75)
        other.unlock()
        #expect(try await update("2026-11-16") == 0)
        #expect(try builds() == 2)
        let tree = try PublishedTree(path: folder.file("tree"), keys: SigningKeys(folder: folder.file("keys")))
        let version = try #require(try tree.catalog().distribution("d")?.versions.first)
        #expect(version.id.text == "2026-11-16")
        #expect(version.notes == "week of 2026-11-16")
        #expect(try FileContents.readText(folder.file("work/d/last.raw"), limit: 99) == "of 2026-11-16\n")
    }
}

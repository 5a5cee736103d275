import Boot
import ContentAddress
import Linux
import TestSupport
import Testing

/// A table of vendors from a catalog: published, followed, changed.
@Suite(.serialized)
struct CatalogTableTests {
    /// A user who follows a catalog with a table, and two servers of which the table names one.
    private final class TableUser: ProgramUser {
        let folder: TemporaryDirectory
        let environment: [String: String]
        let tree: NginxServer
        let first: NginxServer
        let second: NginxServer

        init(from: String = "from = \"os\"\n") throws {
            folder = try TemporaryDirectory()
            environment = try Self.makePlaces(in: folder, configuration: "[vendors]\n\(from)", vendors: .own)
            for name in ["tree", "first/images", "second/images", "vendors"] { try Folder.make(folder.path(name)) }
            TemporaryDirectory.remove(folder.path("tree"))
            let listing = "location /images/ { autoindex on; open_file_cache off; max_ranges 1; }"
            tree = try NginxServer(tree: folder.path("tree"))
            first = try NginxServer(tree: folder.path("first"), directives: listing)
            second = try NginxServer(tree: folder.path("second"), directives: listing)
        }

        /// Publishes a table in which the system comes from one of the servers.
        func publish(_ server: NginxServer, id: String = "tiny-1") async throws {
            let text = """
                name = "tiny"
                title = "Tiny Systems"

                [[system]]
                id = "\(id)"
                title = "Tiny 1"
                kind = "server"
                upstream = "\(server.url)images/"
                entry = "tiny-{date}.qcow2"
                format = "qcow2"
                firmware = "bios"
                memory = 256
                """
            try AtomicFile.write(text, to: folder.path("vendors/tiny.toml"))
            _ = try await Self.succeed(
                "oscircular-publish", ["vendors", folder.path("tree"), folder.path("vendors")], environment)
        }

        func follow() async throws {
            _ = try await Self.succeed("oscircular-publish", ["init", folder.path("tree")], environment)
            try await publish(first)
            try await client(
                "catalog", "add", "os", tree.url, "--root", folder.path("tree/metadata/1.root.json"))
        }

        /// The row as `vendors list --json` has it.
        func row(_ id: String = "tiny-1") async throws -> JSONValue? {
            try JSONValue.object(try await client("vendors", "list", "--json"))["systems"]?.array
                .first { $0["id"]?.string == id }
        }

        func end() async {
            await endSessions()
            for server in [tree, first, second] { server.stop() }
        }
    }

    @Test func aCatalogsTableCountsWhereItIsNamedAndApartWhereItIsNot() async throws {
        let user = try TableUser()
        try await user.follow()
        let row = try #require(try await user.row())
        #expect(row["catalog"]?.string == "os")
        #expect(try await user.client("list").contains("vendors/tiny-1  Tiny 1"))
        // Nobody was asked for it, and it works without its server.
        #expect(user.first.requests().isEmpty)
        user.tree.stop()
        #expect(try await user.client("list", "--offline").contains("vendors/tiny-1  Tiny 1"))
        try user.folder.write(Array("[vendors]\n".utf8), to: "config/oscircular/config.toml")
        #expect(try await user.row() == nil)
        #expect(try await user.row("os.tiny-1")?["vendor"]?.string == "os.tiny")
        try user.folder.write(Array("[vendors]\nfrom = \"nobody\"\n".utf8), to: "config/oscircular/config.toml")
        let listed = try await user.attempt("list", "--offline")
        #expect(listed.status == 0 && listed.output.contains("os.tiny-1"), "\(listed.error)")
        #expect(listed.error.contains("vendors.from names a catalog that is not followed"), "\(listed.error)")
        await user.end()
    }

    @Test func aChangeIsShownAndCountsWhenItWasAllowed() async throws {
        let user = try TableUser()
        try await user.follow()
        #expect(try await user.row()?["change"]?.string == nil)
        try await user.publish(user.second)
        try await user.client("catalog", "refresh")
        let shown = try await user.client("vendors", "changes")
        let (one, two) = (user.first.url.dropFirst(7).dropLast(), user.second.url.dropFirst(7).dropLast())
        #expect(
            shown
                == "The table of catalog os changes where 'tiny-1' comes from: server http://\(one) -> http://\(two).\n"
        )
        let json = try JSONValue.object(try await user.client("vendors", "changes", "--json"))
        #expect(json["changes"]?.array.first?["name"]?.string == "tiny-1")
        // Without a terminal nothing is allowed by chance.
        #expect(try await user.attempt("vendors", "accept", "tiny-1").status == 64)
        _ = try await user.attempt("list", "tiny-1")
        #expect(!user.first.requests().isEmpty && user.second.requests().isEmpty)
        #expect(try await user.attempt("vendors", "accept", "nobody", "--yes").status == 66)
        #expect(try await user.client("vendors", "accept", "tiny-1", "--yes") == "allowed: tiny-1\n")
        #expect(try await user.client("vendors", "changes").isEmpty)
        _ = try await user.attempt("list", "tiny-1")
        #expect(!user.second.requests().isEmpty)
        await user.end()
    }

    @Test(.enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
    func aBootAsksOnATerminalAndKeepsTheSystemAsItWasElsewhere() async throws {
        let user = try TableUser()
        do {
            for server in ["first", "second"] {
                let made = try await BuiltProgram.runAny(
                    "qemu-img",
                    [
                        "convert", "-c", "-f", "raw", "-O", "qcow2", try await TinyGuest.image(),
                        user.folder.path("\(server)/images/tiny-20261116.qcow2"),
                    ])
                try #require(made.status == 0, "\(made.stderr)")
            }
            try await user.follow()
            try await user.client("list", "tiny-1")
            try await user.publish(user.second)
            try await user.client("catalog", "refresh")
            let options = ["--detach", "--accel", "tcg", "--unverified"]
            let booted = try await BuiltProgram.run(
                "oscircular", ["boot", "tiny-1"] + options, environment: user.environment)
            #expect(booted.status == 0, "\(booted.stderr)")
            #expect(booted.stderr.contains("'tiny-1' stays as it was until you allow that"), "\(booted.stderr)")
            #expect(user.second.requests().isEmpty)
            await user.endSessions()
            let variables = user.environment.map { "\($0.key)='\($0.value)'" }.joined(separator: " ")
            let program = BuiltProgram.path("oscircular")
            let command =
                "env \(variables) \(program) boot tiny-1 \(options.joined(separator: " ")); echo ended $?; cat"
            try await TmuxTerminal.with(command) { terminal in
                func shows(_ text: String) async throws -> Bool {
                    try await eventually(within: .seconds(60)) {
                        try await terminal.rows().joined(separator: " ").contains(text)
                    }
                }
                #expect(try await shows("Allow it?"))
                try await terminal.press("y", "Enter")
                let isDone = try await shows("ended 0")
                let screen = try await terminal.rows()
                #expect(isDone, "\(screen)")
            }
            #expect(!user.second.requests().isEmpty)
        } catch {
            await user.end()
            throw error
        }
        await user.end()
    }
}

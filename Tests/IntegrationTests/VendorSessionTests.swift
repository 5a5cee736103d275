import Boot
import ContentAddress
import FoundationEssentials
import Linux
import TestSupport
import Testing

/// Guests whose disks are a vendor's own file on a web server, without any catalog.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct VendorSessionTests {
    private static let file = "tiny-20261116.qcow2"
    private static let quick = "[prefetch]\nquiet = 1\nrest = \"always\"\n"

    /// A vendor that has the tiny guest as a compressed qcow2, with a list of digests that nobody has signed.
    /// - Parameters:
    ///   - digest: of the list; nil for the right one.
    ///   - more: MiB of the disk after what the guest starts from, which do not compress.
    private func vendor(_ configuration: String, digest: String? = nil, more: Int = 0) async throws -> Scenario {
        let scenario = try Scenario(vendor: "tiny", configuration: configuration) { url in
            """
            name = "tiny"
            title = "Tiny Systems"

            [[system]]
            id = "tiny-1"
            title = "Tiny 1"
            aliases = ["tiny"]
            kind = "server"
            listing = "directory"
            upstream = "\(url)images/"
            entry = "tiny-{date}.qcow2"
            sums = "SHA256SUMS"
            format = "qcow2"
            firmware = "bios"
            memory = 256
            """
        }
        let path = "\(scenario.tree)/images/\(Self.file)"
        let disk = scenario.folder.path("disk.raw")
        let script = """
            cp --sparse=always "$0" "$1" && head -c \(more)M /dev/urandom >> "$1"
            qemu-img convert -c -f raw -O qcow2 "$1" "$2" && rm "$1"
            """
        let made = try await BuiltProgram.runAny("sh", ["-ec", script, try await TinyGuest.image(), disk, path])
        try #require(made.status == 0, "\(made.stderr)")
        let real = FileDigest.sha256(of: try FileContents.read(path, limit: 256 << 20)).hex
        try AtomicFile.write("\(digest ?? real)  \(Self.file)\n", to: "\(scenario.tree)/images/SHA256SUMS")
        return scenario
    }

    private func session(_ id: String, _ scenario: Scenario) async throws -> SessionStatus? {
        try await scenario.sessions().first { $0.id == id }
    }

    /// The one system, as `list --json` has it.
    private func row(_ scenario: Scenario) async throws -> JSONValue {
        let list = try JSONValue.object(try await scenario.client("list", "--json", "--offline"))
        return try #require(list["distributions"]?.array.first)
    }

    /// What is said of its one version.
    private func version(_ scenario: Scenario, _ key: String) async throws -> JSONValue? {
        try await row(scenario)["versions"]?.array.first?[key]
    }

    @Test func bootsBesideItsArrivalAndIsComparedInTheEndAndNeedsNoServerThen() async throws {
        let scenario = try await vendor(Self.quick + "[vendors]\nleast = \"none\"\n")
        do {
            // What the table says is there before anybody is asked.
            #expect(try await scenario.client("list").contains("vendors/tiny-1  Tiny 1"))
            #expect(scenario.server.requests().isEmpty, "listing all systems asks no vendor")
            let first = try await scenario.boot("tiny")
            #expect(first.catalog == "vendors" && first.distribution == "tiny-1" && first.version == "2026-11-16")
            #expect(first.trust?.rawValue == "none")
            _ = try await scenario.console(of: first, shows: "READY")
            let path = scenario.folder.path("state/oscircular/logs/\(first.id).session.log")
            #expect(
                try await eventually(within: .seconds(90)) {
                    try FileContents.readText(path, limit: 1 << 20)
                        .contains("all of tiny-1@2026-11-16 is here, and fits")
                })
            // Digests that nobody has signed verify nothing.
            #expect(try await session(first.id, scenario)?.verified == false)
            #expect(try await row(scenario)["group"]?.string == "Tiny Systems")
            #expect(try await version(scenario, "trust")?.string == "none")
            #expect(try await version(scenario, "verified") == .boolean(false))
            #expect(try await version(scenario, "source")?["format"]?.string == "qcow2")
            try await scenario.client("stop", first.id, "--force")

            let before = scenario.server.requests().count
            scenario.server.stop()
            let second = try await scenario.boot("vendors/tiny@2026-11-16")
            #expect(second.verified == false)
            _ = try await scenario.console(of: second, shows: "READY")
            try await scenario.client("stop", second.id, "--force")
            try scenario.server.start()
            #expect(scenario.server.requests().count == before)
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test func aWrongDigestEndsTheGuestAndThrowsTheFileAway() async throws {
        // A kernel that starts in emulation reads nothing for many seconds: with less quiet the file would be judged before the guest is up.
        let scenario = try await vendor(
            "[prefetch]\nquiet = 5\nrest = \"always\"\n[vendors]\nleast = \"none\"\n",
            digest: String(repeating: "0", count: 64))
        do {
            let session = try await scenario.boot("tiny")
            // It has been running: it has written, and read what nobody vouches for.
            let directory = scenario.folder.path("state/oscircular")
            let exchange = "\(directory)/exchanges/\(session.id)"
            if Folder.isFolder("\(exchange).temporary") {
                try AtomicFile.write("anybody's", to: "\(exchange).temporary/left")
            }
            _ = try await scenario.console(of: session, shows: "READY")
            #expect(try await eventually(within: .seconds(90)) { try await scenario.sessions().isEmpty })
            #expect(Folder.namesIfAny(in: "\(directory)/exchanges").isEmpty)
            let log = try FileContents.readText("\(directory)/logs/\(session.id).session.log", limit: 1 << 20)
            let failure = try #require(log.split(separator: "\n").last { $0.hasPrefix("oscircular: ") })
            for part in [
                "tiny-1@2026-11-16", "not what its vendor says", "127.0.0.1", "\(session.id).wrong-digest.qcow2",
            ] {
                #expect(failure.contains(part), "\(failure)")
            }
            #expect(
                try Folder.names(in: "\(directory)/overlays").sorted() == [
                    "\(session.id).wrong-digest.qcow2", "\(session.id).wrong-digest.qcow2.wrong-digest",
                ])
            // What had come is gone, and the row says why.
            let status = try JSONValue.object(try await scenario.client("cache", "status", "--json"))
            #expect(status["blocks"]?.integer == 0)
            #expect(try await scenario.client("list", "tiny", "--offline").contains("was not what its vendor says"))
            // A list that is right by now lets it boot.
            let real = FileDigest.sha256(
                of: try FileContents.read("\(scenario.tree)/images/\(Self.file)", limit: 256 << 20)
            ).hex
            try AtomicFile.write("\(real)  \(Self.file)\n", to: "\(scenario.tree)/images/SHA256SUMS")
            let fetched = try await scenario.client("fetch", "tiny")
            #expect(fetched.contains("fits the vendor's checksums"))
            #expect(try await version(scenario, "verified") == .boolean(false))
            #expect(!(try await scenario.client("list", "tiny", "--offline").contains("was not what")))
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test func whatIsNotVerifiedIsRefusedWithoutATerminalAndFetchSaysWhatIsWrong() async throws {
        let scenario = try await vendor("", digest: String(repeating: "0", count: 64))
        do {
            let refused = try await scenario.attempt("boot", "tiny", "--detach", "--accel", "tcg")
            #expect(refused.status == 77)
            #expect(
                refused.error.contains("has not signed") && refused.error.contains("--unverified"), "\(refused.error)")
            #expect(try await scenario.sessions().isEmpty)
            let fetched = try await scenario.attempt("fetch", "vendors/tiny-1@20261116")
            #expect(fetched.status == 65)
            #expect(fetched.error.contains("is not what its vendor says") && fetched.error.contains("127.0.0.1"))
            try await scenario.client("list", "tiny", "--offline")
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test func allCommandsTakeAVendorsNames() async throws {
        let scenario = try await vendor("")
        do {
            let folder = scenario.folder.path("mounted")
            try Folder.makeNew(folder, mode: 0o755)
            let path = try await scenario.client("mount", "vendors/tiny@20261116", folder)
            let (shown, real) = (path.filter { $0 != "\n" }, try await TinyGuest.image())
            #expect(shown == "\(folder)/2026-11-16")
            let same = try await BuiltProgram.runAny("cmp", [shown, real])
            #expect(same.status == 0, "the mounted file is the raw disk: \(same.stdout) \(same.stderr)")
            try await scenario.client("umount", folder)
            #expect(try await scenario.client("cache", "pin", "tiny").contains("vendors/tiny-1@2026-11-16 is pinned"))
            #expect(try await version(scenario, "pinned") == .boolean(true))
            let list = try await scenario.client("list", "tiny")
            #expect(
                list.contains("Tiny Systems:") && list.contains("not verified") && list.contains("pinned"), "\(list)")
            #expect(try await scenario.client("fetch", "tiny").contains("fits the vendor's checksums"))
            try await scenario.client("cache", "unpin", "vendors/tiny-1@2026-11-16")
            for (name, near) in [
                ("tinny", "tiny"), ("vendors/tiny-1@20261117", "20261116"), ("vendorz/tiny", "vendors"),
                ("vendors/tinny", "tiny"),
            ] {
                let refused = try await scenario.attempt("fetch", name)
                #expect(refused.status == 66)
                #expect(refused.error.lowercased().contains("did you mean \(near)"), "\(refused.error)")
            }
            #expect(try await scenario.attempt("boot", "vendors/tinny").error.contains("no vendor offers"))
            let all = try await scenario.client("list", "vendors", "--offline")
            #expect(all.contains("vendors/tiny-1@2026-11-16"), "\(all)")
            let reserved = try await scenario.attempt("catalog", "add", "vendors", scenario.server.url)
            #expect(reserved.status == 64)
            // Turned off, nothing of it is left, and nobody is asked.
            try scenario.folder.write(
                Array("[vendors]\nenabled = false\n".utf8), to: "config/oscircular/config.toml")
            let before = scenario.server.requests().count
            let off = try await scenario.attempt("boot", "vendors/tiny", "--detach")
            #expect(off.status == 66)
            #expect(try await scenario.client("list", "--json").contains("tiny") == false)
            #expect(scenario.server.requests().count == before)
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test(.enabled(if: TmuxTerminal.isHere, TmuxTerminal.reason))
    func onATerminalTheUserIsAskedOnce() async throws {
        let scenario = try await vendor("")
        do {
            let variables = scenario.environment.map { "\($0.key)='\($0.value)'" }.joined(separator: " ")
            let boot =
                "env -i TERM=xterm \(variables) \(BuiltProgram.path("oscircular")) boot tiny --detach --accel tcg; "
                + "echo exit $?; sleep 100"
            try await TmuxTerminal.with(boot) { terminal in
                try await terminal.expect("Boot it all the same? [y/N]")
                try await terminal.type("n\n")
                try await terminal.expect("exit 77")
            }
            #expect(try await scenario.sessions().isEmpty)
            try await TmuxTerminal.with(boot) { terminal in
                try await terminal.expect("Boot it all the same? [y/N]")
                try await terminal.type("y\n")
                try await terminal.expect("exit 0", within: 60)
            }
            let first = try #require(try await scenario.sessions().first)
            try await scenario.client("stop", first.id, "--force")
            // The answer holds, also where nobody could be asked.
            let second = try await scenario.boot("tiny")
            try await scenario.client("stop", second.id, "--force")
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test func aBuildThatIsDeletedWhileItsGuestRunsMakesItWaitWithTheReason() async throws {
        let scenario = try await vendor(
            "[read]\nbound = 2\n[prefetch]\nrest = \"never\"\n[vendors]\nleast = \"none\"\n", more: 64)
        do {
            let session = try await scenario.boot("tiny")
            _ = try await scenario.console(of: session, shows: "READY")
            try Paths.remove("\(scenario.tree)/images/\(Self.file)")
            let reading = Task {
                try await scenario.attempt("ssh", session.id, "dd if=/dev/vda of=/dev/null bs=1M")
            }
            #expect(
                try await eventually(within: .seconds(60)) {
                    try await self.session(session.id, scenario)?.state == .waiting
                })
            let now = try await self.session(session.id, scenario)
            #expect(now?.lastError?.contains("no longer") == true, "\(now?.lastError ?? "nothing")")
            #expect(now?.verified == false)
            #expect(try await scenario.client("list", "tiny", "--offline").contains("no longer offered"))
            try await scenario.client("stop", session.id, "--force")
            _ = try await reading.value
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }
}

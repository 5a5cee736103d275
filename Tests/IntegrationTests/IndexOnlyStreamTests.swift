import Linux
import TestSupport
import Testing

/// A catalog's version whose bytes lie at its vendor's, as a user has it.
@Suite(.serialized, .timeLimit(.minutes(5))) struct IndexOnlyStreamTests {
    /// A user, a published tree, and the vendor's server.
    private final class User: ProgramUser {
        let folder: TemporaryDirectory
        let environment: [String: String]
        let vendor: RangedServer
        let server: NginxServer
        let disk: [UInt8]
        let file: [UInt8]

        /// Publishes a vendor's qcow2 by its index.
        init(_ options: [String] = []) async throws {
            folder = try TemporaryDirectory()
            environment = try Self.makePlaces(in: folder, configuration: "[vendors]\nenabled = false\n")
            vendor = try RangedServer()
            let raw = folder.path("disk.raw")
            try PublisherFixtures.writeImage(
                (1...12).map { .random(262_144, seed: $0) } + [.hole(1_048_576), .random(262_144, seed: 1)], to: raw)
            disk = try folder.bytes("disk.raw")
            let made = try await BuiltProgram.runAny(
                "qemu-img", ["convert", "-c", "-O", "qcow2", raw, folder.path("disk.qcow2")])
            try #require(made.status == 0, "\(made.stderr)")
            file = try folder.bytes("disk.qcow2")
            vendor.put("disk.qcow2", .init(file))
            let tree = folder.path("tree")
            _ = try await Self.succeed("oscircular-publish", ["init", tree], environment)
            _ = try await Self.succeed(
                "oscircular-publish",
                ["add", tree, "d", "2026-11-23", vendor.url("disk.qcow2"), "--sums", "none", "--index-only"] + options,
                environment)
            // A folder's catalog would lead to the internet alone.
            server = try NginxServer(tree: tree)
            _ = try await Self.succeed(
                "oscircular", ["catalog", "add", "test", server.url, "--root", "\(tree)/metadata/1.root.json"],
                environment)
        }

        func fetch() async throws -> (status: Int32, stdout: String, stderr: String) {
            try await run("fetch", "test/d")
        }

        func run(_ arguments: String...) async throws -> (status: Int32, stdout: String, stderr: String) {
            try await BuiltProgram.run("oscircular", arguments, environment: environment)
        }

        /// Puts the vendor's file there with one byte changed.
        func flip(_ place: Int) {
            var bytes = file
            bytes[place] ^= 1
            // As a careful attacker does: nothing else tells that it is another file.
            vendor.put("disk.qcow2", .init(bytes))
        }
    }

    @Test func itIsListedAndStreamedAndMountedAsTheDiskInIt() async throws {
        let user = try await User()
        let listed = try await user.run("list", "--json")
        #expect(listed.status == 0 && listed.stdout.contains("\"blocks\""), "\(listed.stdout)\(listed.stderr)")
        let place = try user.folder.makeFolder("mnt")
        let mounted = try await user.run("mount", "test/d", place)
        try #require(mounted.status == 0, "\(mounted.stderr)")
        defer { _ = try? ChildProcess.run("umount", [place], within: .seconds(20)) }
        #expect(try FileContents.read("\(place)/2026-11-23", limit: .max) == user.disk)
        // By ranges, and never the whole at once.
        let asked = user.vendor.requests.filter { $0.path == "/disk.qcow2" }.dropFirst()
        #expect(!asked.isEmpty && asked.allSatisfy { $0.range != nil })
    }

    /// Whatever byte it is: the piece that it is in never reaches a reader.
    @Test(arguments: [0, 262_143, 1_500_000])
    func aByteThatIsChangedAtTheVendorsNeverReachesAReader(place: Int) async throws {
        let user = try await User()
        user.flip(place)
        let refused = try await user.fetch()
        #expect(refused.status == 65, "\(refused.stderr)")
        #expect(refused.stderr.contains("127.0.0.1"), "\(refused.stderr)")
        user.vendor.put("disk.qcow2", .init(user.file))
        let right = try await user.fetch()
        #expect(right.status == 0, "\(right.stderr)")
    }

    @Test func aBuildThatItsVendorHasDeletedIsNoLongerOfferedUnlessItIsHere() async throws {
        let user = try await User()
        #expect(try await user.fetch().status == 0)
        user.vendor.put("disk.qcow2", nil)
        #expect(try await user.fetch().status == 0)
        let other = try await User()
        other.vendor.put("disk.qcow2", nil)
        let gone = try await other.fetch()
        #expect(gone.status == 69, "\(gone.stderr)")
        #expect(gone.stderr.contains("no longer offers"), "\(gone.stderr)")
        // Its row says so from then on, as far as the catalog's own word does not change it.
        let words = "no longer offered, 0 % here"
        #expect(try await other.run("list", "test/d").stdout.contains(words))
        #expect(try await other.run("list", "test/d", "--json").stdout.contains("\"gone\""))
        #expect(try await !user.run("list", "test/d").stdout.contains("no longer offered"))
        // Until somebody asks again and finds it.
        other.vendor.put("disk.qcow2", .init(other.file))
        #expect(try await other.fetch().status == 0)
        #expect(try await !other.run("list", "test/d").stdout.contains("no longer offered"))
    }

    @Test func theTreeHasItWhereThePublisherKeptTheBlocks() async throws {
        let user = try await User(["--keep-blocks"])
        user.vendor.put("disk.qcow2", nil)
        let kept = try await user.fetch()
        #expect(kept.status == 0, "\(kept.stderr)")
    }
}

import ContentAddress
import Glibc
import ImageIndex
import Linux
import NetworkProxy
import TestSupport
import Testing

/// Guests that start from a published pack, over lines of several kinds and from a server that makes mistakes. What their disk shows is
/// the image, whatever came from where.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct PackGuestTests {
    private static let version = "2026-11-16"
    /// The others take minutes.
    private static let lines: [MeasuredLine] = getenv("OSCIRCULAR_DRILL") == nil ? [.home] : MeasuredLine.allCases

    /// A recorded version, and a reader who has nothing and follows its tree over a line.
    private struct Reader {
        let scenario: Scenario
        let image: String
        let server: FaultyHTTPServer
        let proxy: NetworkProxy
        let pack: BootPack
        /// Of the pack's list on the server.
        let list: String

        /// Of the pack's pieces on the server, in order.
        var pieces: [String] { pack.pieces.map { "/blocks/\($0.id.chunkStorePath)" } }

        /// Boots to the guest's first word, reads all of its disk from outside, and ends it.
        /// - Parameter meanwhile: called once the guest runs.
        /// - Returns: the session as JSON says it, before all of the disk was read.
        func start(meanwhile: () -> Void = {}) async throws -> JSONValue {
            let session = try await scenario.boot("tiny")
            meanwhile()
            let log = try await scenario.console(of: session, shows: "READY")
            #expect(!log.contains("I/O error"), "the guest's kernel saw an error: \(log)")
            let listing = try JSONValue.object(try await scenario.client("sessions", "--json"))
            let disk = try #require(session.mount)
            let sums = try await BuiltProgram.runAny("sha256sum", [image, disk], within: .seconds(300)).stdout
                .split(separator: "\n").map { $0.prefix(64) }
            #expect(sums.count == 2 && sums.first == sums.last, "the disk is not the image: \(sums)")
            try await scenario.client("stop", session.id, "--force")
            return try #require(listing["sessions"]?.array.first { $0["id"]?.string == session.id })
        }

        /// Asked for so far, each once.
        var asked: Set<String> { Set(server.requests) }

        /// Takes away what came, so that the next start is a first one.
        func forget() async throws { try await scenario.client("cache", "clear") }
    }

    private func withReader(_ line: MeasuredLine, _ body: (Reader) async throws -> Void) async throws {
        let image = try await TinyGuest.image()
        try await Scenario.with(
            images: [(Self.version, image)], configuration: "[prefetch]\nrest = \"never\"\n"
        ) { scenario in
            try await scenario.publisher(
                "record", scenario.tree, "tiny", Self.version, "--rounds", "1", "--accel", "tcg")
            try await scenario.publisher("verify", scenario.tree)
            let targets = "\(scenario.tree)/targets/tiny"
            let name = try #require(Folder.namesIfAny(in: targets).first { $0.hasSuffix(".bootpack") })
            let server = try FaultyHTTPServer(folder: scenario.tree)
            let proxy = try NetworkProxy(server: Int(server.port), shape: line.shape)
            try await scenario.client("catalog", "remove", "test")
            try await scenario.follow("test", at: proxy.url)
            try await body(
                Reader(
                    scenario: scenario, image: image, server: server, proxy: proxy,
                    pack: try BootPack(path: "\(targets)/\(name)"), list: "/targets/tiny/\(name)"))
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: lines)
    func theDiskIsTheImageWhileTheServerMakesMistakes(line: MeasuredLine) async throws {
        try await withReader(line) { reader in
            // Once each, in the middle of what the guest waits for.
            let once: [HTTPFault] = [
                .wrongBytes, .status(503), .truncated(after: 100), .reset(after: 30_000), .delay(milliseconds: 700),
                .replaced([1, 2, 3]),
            ]
            for (path, fault) in zip(reader.pieces, once) { reader.server.script(path, fault) }
            let session = try await reader.start { reader.proxy.dropConnections() }
            #expect(session["pack"]?["pieces"]?.integer == reader.pack.pieces.count, "\(session)")
            #expect(reader.asked.isSuperset(of: reader.pieces))
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: lines)
    func aStartBringsLessThanItsBlocksWould(line: MeasuredLine) async throws {
        try await withReader(line) { reader in
            let before = reader.proxy.statistics.bytesDown
            let session = try await reader.scenario.boot("tiny")
            _ = try await reader.scenario.console(of: session, shows: "READY")
            let brought = reader.proxy.statistics.bytesDown - before
            try await reader.scenario.client("stop", session.id, "--force")
            let ids = try bootSet(of: reader.scenario).ids
            let blocks = try ids.reduce(0) { sum, id in
                sum + (try #require(try Paths.status("\(reader.scenario.tree)/blocks/\(id.chunkStorePath)"))).size
            }
            print(
                "a start over \(line): \(brought) bytes, its blocks are \(blocks), its pack \(reader.pack.storedSize)")
            #expect(brought < blocks, "the start brought \(brought) bytes, and its blocks have \(blocks)")
            // What the pack has is not asked for again as blocks, but for the little in which starts differ.
            let others = reader.asked.filter { $0.hasSuffix(".cacnk") }.subtracting(reader.pieces)
            #expect(others.count < ids.count / 4, "\(others.count) of \(ids.count) blocks beside the pack")
        }
    }

    private func bootSet(of scenario: Scenario) throws -> BootSet {
        let targets = "\(scenario.tree)/targets/tiny"
        let name = try #require(Folder.namesIfAny(in: targets).first { $0.hasSuffix(".bootset") })
        return try BootSet(path: "\(targets)/\(name)")
    }

    @Test(.timeLimit(.minutes(10)))
    func aTreeThatIsHalfCopiedIsAsGoodAsOneWithoutAPack() async throws {
        try await withReader(.home) { reader in
            // The list has not come yet.
            reader.server.always(reader.list, .status(404))
            let without = try await reader.start()
            #expect(without["pack"] == nil, "\(without)")
            #expect(reader.asked.isDisjoint(with: reader.pieces))
            // Of the pieces every other one is not there, and one is another file for ever.
            reader.server.always(reader.list, .none)
            for path in reader.pieces.enumerated().filter({ $0.offset % 2 == 1 }).map(\.element) {
                reader.server.always(path, .status(404))
            }
            reader.server.always(reader.pieces[0], .wrongBytes)
            try await reader.forget()
            _ = try await reader.start()
            #expect(!reader.asked.isDisjoint(with: reader.pieces))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func aCacheThatHasNoRoomCostsNothingButTheSecondTransfer() async throws {
        try await withReader(.fast) { reader in
            try AtomicFile.write(
                try Scenario.settings("[prefetch]\nrest = \"never\"\n[cache]\nlimit = \"8MiB\"\n", .none),
                to: reader.scenario.folder.path("config/oscircular/config.toml"))
            _ = try await reader.start()
        }
    }
}

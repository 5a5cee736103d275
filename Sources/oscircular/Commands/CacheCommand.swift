import ArgumentParser
import BlockStore
import Boot
import Catalog
import Formats
import Linux

/// `oscircular cache status|verify|prune|clear|pin|unpin`.
struct CacheCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache", abstract: "Manage the block cache.",
        subcommands: [Status.self, Verify.self, Prune.self, Clear.self, Pin.self, Unpin.self])

    /// `cache status --json` (DESIGN section 6).
    struct StatusRow: Encodable {
        let directory: String
        let limit, used, blocks, pinned, repaired: Int
        /// Vendors' files of which something is here; absent where there are none.
        let vendors: [VendorsFile]?
        /// Warm states; absent where there are none.
        let warm: [WarmFile]?

        init(_ status: CacheStatus, _ files: [VendorsFile], _ states: [WarmRow]) {
            vendors = files.isEmpty ? nil : files
            warm = states.isEmpty ? nil : states.map(WarmFile.init)
            directory = status.directory
            limit = status.limit
            used = status.used
            blocks = status.blocks
            pinned = status.pinned
            repaired = status.repaired
        }
    }

    /// A warm state in `cache status --json`; bytes.
    struct WarmFile: Encodable {
        let name: String
        let size: Int
        let memoryMiB, cpus: Int
        let screen, usable: Bool
        /// RFC 3339, UTC.
        let used: String

        init(_ row: WarmRow) {
            (name, size, used) = (row.key.description, row.size, Timestamp(seconds: Int64(row.lastUse)).description)
            (memoryMiB, cpus, screen, usable) = (row.memoryMiB, row.cpus, row.hasScreen, row.isUsable)
        }

        var text: String {
            let screen = screen ? ", with a screen" : ""
            let unusable = usable ? "" : ", of another release, or did not fit at the last start"
            return
                "  \(name): \(ByteCount.text(UInt64(size))), for guests with \(memoryMiB) MiB and \(cpus) "
                + "processor\(cpus == 1 ? "" : "s")\(screen)\(unusable)"
        }
    }

    /// A vendor's file in `cache status --json`; bytes.
    struct VendorsFile: Encodable {
        let name: String
        let here: UInt64
        /// Of the whole file; nil where that is not known.
        let size: UInt64?
        let verified, gone: Bool

        init(_ version: VersionSummary) {
            (name, here, size) = ("\(version.key)", version.here, version.content)
            (verified, gone) = (version.isVerified, version.isGone)
        }

        var text: String {
            var facts = ["\(ByteCount.text(here))\(size.map { " of \(ByteCount.text($0))" } ?? "")"]
            if verified { facts.append("verified") }
            if gone { facts.append("no longer offered") }
            return "  \(name): \(facts.joined(separator: ", "))"
        }

        /// Those of which something is here. Waits for the disk.
        static func all(_ context: CommandContext, _ cache: BlockCache) -> [VendorsFile] {
            let systems = context.systems()
            guard let vendors = systems.vendors else { return [] }
            let reader = SystemsReader(places: context.places, systems: systems, cache: cache)
            let overview = reader.details(reader.outline([vendors.copy()], sessions: []))
            return overview.systems.flatMap(\.versions).filter { $0.here > 0 }.map(VendorsFile.init)
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "status", abstract: "Show where the cache is and how full it is.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let context = try CommandContext.load()
            let cache = context.cache()
            let status = try await WorkerThread.run(name: "cache") {
                StatusRow(
                    try cache.status(), VendorsFile.all(context, cache), WarmLibrary(cache: cache.directory).rows())
            }
            if json { return try JSONOutput.print(status) }
            Terminal.print(
                "\(status.directory): \(ByteCount.text(UInt64(status.used))) of \(ByteCount.text(UInt64(status.limit))), "
                    + "\(status.blocks) blocks, \(status.pinned) pinned, \(status.repaired) repaired")
            if status.vendors != nil { Terminal.print("vendors' files:") }
            for file in status.vendors ?? [] { Terminal.print(file.text) }
            if status.warm != nil { Terminal.print("warm states:") }
            for state in status.warm ?? [] { Terminal.print(state.text) }
            for template in await context.registry.templates() {
                Terminal.print("a warm state of \(template.key) is being made by session \(template.id)")
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Verify every block and remove damaged ones; they are downloaded again when needed.")

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let cache = try CommandContext.load().cache()
            let (checked, removed) = try await WorkerThread.run(name: "cache") {
                try cache.verify { checked, total in
                    Terminal.progress("verify: \(checked) of \(total) blocks")
                }
            }
            Terminal.endProgress()
            if json { return try JSONOutput.print(["checked": checked, "removed": removed]) }
            Terminal.print("\(checked) blocks checked, \(removed) damaged and removed")
        }
    }

    struct Prune: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "prune", abstract: "Remove the least recently used blocks.")

        @Option(help: "Keep at most this much, such as 2GiB; by default the cache's own limit.") var to: String?
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let target = try to.map { text in
                guard let bytes = ByteCount.parse(text) else {
                    throw UsageError("'\(text)' is not a size such as 2GiB")
                }
                return Int(clamping: bytes)
            }
            let cache = try CommandContext.load().cache()
            let freed = try await WorkerThread.run(name: "cache") { try cache.prune(to: target) }
            if json { return try JSONOutput.print(["freed": freed]) }
            Terminal.print("\(ByteCount.text(UInt64(freed))) freed")
        }
    }

    struct Clear: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "clear",
            abstract:
                "Remove all warm states, and all blocks and pins except those of kept machines and suspended guests, and what a running guest needs."
        )

        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let cache = try CommandContext.load().cache()
            let freed = try await WorkerThread.run(name: "cache") { try cache.clearButMachines() }
            if json { return try JSONOutput.print(["freed": freed]) }
            Terminal.print("\(ByteCount.text(UInt64(freed))) freed")
        }
    }

    struct Pin: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pin", abstract: "Never evict a version's blocks, whether stored already or still to come.")

        @Argument(help: "[CATALOG/]DISTRO[@VERSION]; the newest version by default.") var name: String
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let context = try CommandContext.load()
            let systems = context.systems()
            let chosen = try await CacheCommand.choose(name, systems)
            let path = try await systems.image(of: chosen).indexPath
            let (key, versions) = (VersionKey(chosen), VersionCache(library: systems, cache: context.cache()))
            try await WorkerThread.run(name: "cache") { try versions.pin(key, indexPath: path) }
            if json { return try JSONOutput.print(["pinned": key.description]) }
            Terminal.print("\(key) is pinned; 'oscircular fetch' downloads what is missing of it")
        }
    }

    struct Unpin: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "unpin", abstract: "Allow a version's blocks to be evicted again.")

        @Argument(help: "[CATALOG/]DISTRO[@VERSION]; the newest version by default.") var name: String
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let context = try CommandContext.load()
            let systems = context.systems()
            let cache = context.cache()
            let pins = try await WorkerThread.run(name: "cache") { try cache.pins() }
            // A version that its catalog no longer has can still be unpinned by its whole name.
            if let machine = MachineLibrary.machine(ofPin: name) {
                throw UsageError(
                    "'\(name)' is the base of the machine \(machine), which needs it: 'oscircular machines forget \(machine)' gives it up"
                )
            }
            if let session = SuspendedLibrary.session(ofPin: name) {
                throw UsageError(
                    "'\(name)' is the image of the suspended session \(session), which needs it: 'oscircular stop --force \(session)' gives "
                        + "it up")
            }
            let key = pins.contains(name) ? name : VersionKey(try await CacheCommand.choose(name, systems)).description
            guard try await WorkerThread.run(name: "cache", { try cache.unpin(key) }) else {
                throw SessionFailure(exitCode: ErrorReport.ExitStatus.notFound, message: "\(key) is not pinned")
            }
            if json { return try JSONOutput.print(["unpinned": key]) }
            Terminal.print("\(key) is no longer pinned")
        }
    }

    private static func choose(_ name: String, _ systems: SystemsLibrary) async throws -> ChosenVersion {
        try await systems.choose(try VersionName(argument: name)).version
    }
}

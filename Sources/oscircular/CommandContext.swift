import BlockStore
import Boot
import Catalog
import Curl
import Linux
import Vendors

/// What every command works with: the user's folders and settings. Created once and passed on; there are no globals.
struct CommandContext {
    let places: Places
    let configuration: Configuration

    /// - Throws: ``BootError`` when a configuration file is wrong, or the state folder is a newer program's.
    static func load() throws -> CommandContext {
        let places = Places.current()
        try StateFormat.check(places.state)
        return CommandContext(places: places, configuration: try Configuration.load(places.configurationFiles))
    }

    /// The followed catalogs, with a transfer queue of their own.
    func library() -> CatalogLibrary {
        CatalogLibrary(directory: places.catalogs, transfers: transfers(), mirrors: configuration.mirrors)
    }

    /// The same with what vendors offer themselves.
    func systems() -> SystemsLibrary {
        SystemsLibrary(places: places, configuration: configuration, transfers: transfers())
    }

    func transfers() -> TransferQueue { configuration.transfers(catalogs: places.catalogs) }

    /// - Parameter folder: the cache's folder; nil for the user's own.
    func cache(in folder: String? = nil) -> BlockCache {
        var configuration = configuration
        if let folder { configuration.cacheDirectory = folder }
        return BlockCache.open(places: places, configuration: configuration) { Terminal.note("oscircular: \($0)") }
    }

    /// Says which files of the table of vendors count as not there, and what is wrong with catalogs' tables.
    static func noteFaults(of faults: [VendorsError]) {
        for fault in faults {
            let isFile = if case .table = fault { true } else { false }
            Terminal.note("oscircular: \(Terminal.clean("\(fault)"))\(isFile ? "; the file is not used" : "")")
        }
    }

    var registry: SessionRegistry { SessionRegistry(places: places) }

    /// The folder of a session whose guest runs, by its id or an unambiguous beginning of it.
    /// - Throws: ``BootError/noSuchSession(_:near:)``; ``SessionFailure`` for one that is suspended.
    func session(_ id: String) throws -> SessionDirectory {
        do { return try registry.directory(of: id) } catch {
            // A beginning that guests which run have as well is none of one guest.
            let isOfRunning = registry.ids().contains { !id.isEmpty && $0.hasPrefix(id) }
            // One that is not suspended either is not there.
            guard !isOfRunning, let found = try? SuspendedLibrary(places: places).id(id) else { throw error }
            throw SessionFailure(
                exitCode: ErrorReport.ExitStatus.tryAgain,
                message: "session \(found) is suspended: 'oscircular resume \(found)' goes on with it")
        }
    }

    /// Our own program, for the processes that we start.
    static var program: String {
        // Without /proc there is still the search path.
        (try? Paths.target(ofLink: "/proc/self/exe")) ?? "oscircular"
    }
}

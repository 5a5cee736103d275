import ArgumentParser
import Curl
import Linux

/// `httpstored|httpstoraged|httpstaged -f DIR URL`, as the OS Circular guide of 2009 types it.
struct LegacyMountCommand: AsyncParsableCommand {
    /// The guide has all three spellings.
    static let names: Set<String> = ["httpstored", "httpstoraged", "httpstaged"]

    static let configuration = CommandConfiguration(
        commandName: "httpstaged", abstract: "Show the image of an index as one read-only file in a folder.",
        discussion: """
            URL is an LBCAS index (.idx, blocks in blockfile/ beside it) or a .caibx (blocks in default.castr beside it). Returns
            when the file is there and goes on in the background; 'oscircular umount DIR' ends it.
            """)

    @Flag(name: .customShort("f"), help: "As in 2009; it changes nothing.") var inFuse = false
    @Argument(help: "An empty folder.") var directory: String
    @Argument(help: "The index: a URL or a path.") var url: String

    func run() async throws {
        let context = try CommandContext.load()
        var source = try await MountSource.find(url, store: nil, context: context, isIndex: true)
        defer { if source.isTemporary { Paths.removeIfPossible(source.index) } }
        let cache = LegacyCache.find { Terminal.note("oscircular: \($0)") }
        // Local copies of blocks were there in 2009.
        if let cache, source.isLegacy { source.stores.append(TransferPlace(URLText.file("\(cache)/blockfile/"))) }
        try await MountCommand.mountInBackground(
            MountRequest(source, directory: try AbsolutePath.of(directory), cache: cache), context)
    }
}

/// Where the programs of 2009 kept their blocks, for root.
private enum LegacyCache {
    private static let path = "/var/tmp/blocks"

    /// The folder, created if absent; nil for other users, and if others can write to it: anybody can write to /var/tmp.
    /// - Parameter complain: told why it is not used.
    static func find(_ complain: (String) -> Void) -> String? {
        guard CurrentUser.isRoot else { return nil }
        // It may be there already; whether it can be used is seen next.
        _ = try? Folder.makeNew(path, mode: 0o755)
        do throws(SystemCallError) {
            // Of the name itself, because a link is not a folder.
            if let status = try Paths.statusOfName(path), status.kind == .folder, status.owner == 0,
                status.permissions & 0o022 == 0
            {
                return path
            }
            complain("\(path) is not used as the cache: it is not a folder that only root can write to")
        } catch {
            complain("\(path) cannot be used as the cache: \(error.message)")
        }
        return nil
    }
}

import ArgumentParser
import Boot
import Catalog
import Curl
import Linux
import Vendors

/// `oscircular mount`.
struct MountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mount", abstract: "Show an image as one read-only file in a folder.",
        discussion: """
            IMAGE is [CATALOG/]DISTRO[@VERSION], or an index: a URL, or a path that ends in .caibx (or .idx, the format of 2009). The
            file is called after the version, or after the index without its ending. 'oscircular umount DIR' ends it.
            """)

    @Argument(help: ArgumentHelp("What to mount.", valueName: "image")) var image: String
    @Argument(help: "An empty folder.") var directory: String
    @Option(
        help:
            "Where the blocks are: a URL or folder; by default 'default.castr' beside the index ('blockfile' for an .idx)."
    ) var store: String?
    @Flag(help: "Let other users of this machine read it, too.") var allowOther = false
    @Flag(help: "Stay until it is unmounted or interrupted.") var foreground = false

    func run() async throws {
        let context = try CommandContext.load()
        let source = try await MountSource.find(image, store: store, context: context)
        // By then the process that serves the mount has opened it, or has refused it. One that stays lies in the runtime folder.
        defer { if source.isTemporary { _ = try? Paths.remove(source.index) } }
        // If this process serves the mount, the cache reports it itself.
        if !foreground { warnOfCache(context) }
        MountCommand.note(source)
        let request = MountRequest(
            source, directory: try AbsolutePath.of(directory), cache: nil, allowsOthers: allowOther)
        if foreground {
            let mount = try await ServedMount.start(request, context: context)
            Terminal.note("mounted \(mount.image.path); Ctrl-C or 'oscircular umount \(directory)' ends it")
            await mount.untilEnded()
            return
        }
        try await MountCommand.mountInBackground(request, context)
    }

    /// What cannot be said of the bytes that are mounted.
    private static func note(_ source: MountSource) {
        guard let file = source.file, file.source.trust < (source.isUnpacked ? .whole : .pieces) else { return }
        if source.isUnpacked {
            return Terminal.note("oscircular: \(file.system)@\(file.version) is \(file.source.trust.words)")
        }
        Terminal.note(
            "oscircular: \(file.system)@\(file.version) is \(file.source.trust.words); 'oscircular fetch "
                + "vendors/\(file.system)@\(file.version)' fetches all of it and says whether it is right")
    }

    /// Starts the process that serves the mount, waits until the image is there, and prints its path.
    static func mountInBackground(_ request: MountRequest, _ context: CommandContext) async throws {
        let report = try startInBackground(request, context)
        let answer = try await WorkerThread.run(name: "mount report") {
            try LineSocket.receive(StartReport.self, from: report)
        }
        if let failure = answer?.failure { throw failure }
        guard answer?.isUp == true else {
            throw SessionFailure(exitCode: 1, message: "the mount's process ended without reporting why")
        }
        Terminal.print("\(request.directory)/\(request.fileName)")
    }

    /// Starts a process that serves the mount.
    /// - Returns: where it reports. Only the process has the other end, so its death shows as the end.
    private static func startInBackground(_ request: MountRequest, _ context: CommandContext) throws -> FileHandle {
        let log = log(context)
        let input = try Pipe()
        let report = try Pipe()
        _ = try ChildProcess(
            CommandContext.program, ["serve-mount"], environment: nil, standardInput: input.reading.descriptor,
            standardOutput: log?.descriptor, standardError: log?.descriptor,
            otherDescriptors: [SessionLauncher.reportDescriptor: report.writing.descriptor], session: .own)
        try LineSocket.send(request, to: input.writing)
        return report.reading
    }

    /// The log of the process that serves a mount; nil if it cannot be written: a mount works without it.
    private static func log(_ context: CommandContext) -> FileHandle? {
        do throws(SystemCallError) {
            try Folder.make(context.places.logs, mode: 0o711)
            return try FileHandle(
                "\(context.places.logs)/mount-\(CurrentProcess.id).session.log", for: .writing,
                [.create, .append, .refuseLink], mode: 0o600)
        } catch {
            Terminal.note("oscircular: the mount continues without a log: \(ErrorReport(error).message)")
            return nil
        }
    }

    /// Tells the user now what the process that serves the mount would find out later, where nobody sees it.
    private func warnOfCache(_ context: CommandContext) {
        let folder = context.configuration.cacheDirectory ?? context.places.cache
        var nearest = Substring(folder)
        // The folders below are created when they are needed.
        while nearest.count > 1, !Paths.allows([], String(nearest)) {
            nearest = nearest[..<(nearest.lastIndex(of: "/") ?? nearest.startIndex)]
        }
        // With the dot, because what has this name may not be a folder.
        var cause: SystemCallError?
        do throws(SystemCallError) {
            try Paths.checkWritable("\(nearest)/.")
        } catch {
            cause = SystemCallError(error.number, call: "write", subject: folder)
        }
        // Space that cannot be determined is not warned about.
        if cause == nil, let space = try? FileSystemSpace(of: Folder(path: String(nearest))), space.available < 1 << 20
        {
            cause = SystemCallError(.noSpace, call: "write", subject: folder)
        }
        guard let cause else { return }
        Terminal.note(
            "oscircular: blocks cannot be kept in \(folder), so each is downloaded anew: \(ErrorReport(cause).message)")
    }
}

/// What the process that serves a mount needs to know.
struct MountRequest: Codable, Sendable {
    /// Path of the index file.
    var index: String
    /// Whether the index file is ours to remove once it is open.
    var isTemporary: Bool
    /// Block stores.
    var stores: [TransferPlace]
    /// Whether the stores are LBCAS's.
    var isLegacy: Bool
    var fileName: String
    /// Bytes of the image as its catalog has them; nil where there is no catalog.
    var imageSize: UInt64?
    /// The vendor's file that the index describes, or that was unpacked to what it describes; nil for blocks in stores.
    var file: PinnedFile?
    /// Nil for false.
    var isUnpacked: Bool?
    var directory: String
    /// The cache's folder; nil for the user's own.
    var cache: String?
    /// Whether users other than this one may read it.
    var allowsOthers: Bool

    init(_ source: MountSource, directory: String, cache: String?, allowsOthers: Bool = false) {
        (index, isTemporary) = (source.index, source.isTemporary)
        (stores, isLegacy, fileName) = (source.stores, source.isLegacy, source.fileName)
        (imageSize, file, isUnpacked) = (source.imageSize, source.file, source.isUnpacked ? true : nil)
        (self.directory, self.cache, self.allowsOthers) = (directory, cache, allowsOthers)
    }
}

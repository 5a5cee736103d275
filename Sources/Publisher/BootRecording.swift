import Catalog
import Curl
import ImageIndex
import Linux

/// Boots a published version headless, as a reader with an empty cache would, and tells which blocks its start read.
///
/// The client itself does it, in folders of its own: what is recorded is what readers' clients will ask for.
package struct BootRecording: Sendable {
    /// `oscircular`, by path or by name.
    private let client: String
    /// Starts to record: each touches a little more, for guests have timers and read ahead.
    private let rounds: Int
    /// For `oscircular boot --memory`; nil means the catalog's advice.
    private let memoryMiB: Int?
    private let accelerator: String?
    /// Seconds that one start may take before the recording fails.
    private let longest: Int

    package init(
        client: String, rounds: Int = 2, memoryMiB: Int? = nil, accelerator: String? = nil, longest: Int = 600
    ) {
        self.client = client
        self.rounds = max(1, rounds)
        self.memoryMiB = memoryMiB
        self.accelerator = accelerator
        self.longest = longest
    }

    /// Waits for the guest to start, once a round.
    /// - Parameters:
    ///   - tree: the tree's folder.
    ///   - source: the vendor's file that the version's bytes come from; nil where the tree has its blocks.
    /// - Throws: ``PublisherError``: `recordingFailed` when the guest did not start.
    package func record(
        tree: String, distribution: String, version: VersionID, source: VersionSource? = nil, cancellation: Cancellation
    ) throws(PublisherError) -> BootSet {
        let folder = try RecordingFolder(servers: source.map { Set($0.urls.compactMap(URLText.server)) } ?? [])
        defer { folder.remove() }
        let name = "tree/\(distribution)@\(version)"
        let place = ResolvedPath.resolve(tree)
        try run(["catalog", "add", "tree", place, "--root", "\(place)/metadata/1.root.json"], folder, cancellation)
        var boot = ["boot", name, "--detach", "--display", "none", "--network", "none"]
        if let memoryMiB { boot += ["--memory", "\(memoryMiB)"] }
        if let accelerator { boot += ["--accel", accelerator] }
        var recorded: BootSet?
        for _ in 0..<rounds {
            let session = try run(boot, folder, cancellation)
            let path = folder.bootSet(distribution, version)
            let before = recorded
            let result = Result { () throws(PublisherError) in try wait(for: path, since: before, cancellation) }
            // In every case: nobody else knows of this guest. What came of the start counts, not whether it stops well.
            _ = try? ChildProgram.run(client, ["stop", session, "--force"], environment: folder.environment)
            recorded = try result.get()
        }
        return recorded ?? BootSet([])
    }

    /// The start is over when the client has written what it touched: a file that was not there, or is another than before.
    private func wait(
        for path: String, since before: BootSet?, _ cancellation: Cancellation
    ) throws(PublisherError) -> BootSet {
        func identity() -> FileIdentity? {
            // What cannot be seen now is looked for again, for as long as a start may take.
            (try? Paths.status(path)).map(\.identity)
        }
        let known = before == nil ? nil : identity()
        for _ in 0..<(longest * 5) {
            try cancellation.check()
            MonotonicClock.pause(milliseconds: 200)
            // Half written, or gone again: as above.
            if let now = identity(), now != known, let bootSet = try? BootSet(path: path) { return bootSet }
        }
        throw .recordingFailed(reason: "the guest's disk did not become idle within \(longest) seconds")
    }

    @discardableResult
    private func run(
        _ arguments: [String], _ folder: RecordingFolder, _ cancellation: Cancellation
    ) throws(PublisherError) -> String {
        let ended: ChildProgram.Ended
        do throws(PublisherError) {
            ended = try ChildProgram.run(
                client, arguments, environment: folder.environment, cancellation: cancellation)
        } catch {
            guard case .programMissing = error else { throw error }
            throw .recordingFailed(reason: "\(client) is not installed")
        }
        guard ended.status == 0 else {
            let words = String(decoding: ended.errors, as: UTF8.self).split(separator: "\n").last.map(String.init)
            throw .recordingFailed(reason: words ?? "\(client) ended with \(ended.status)")
        }
        return String(decoding: ended.output, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? ""
    }
}

/// Configuration, state, cache and runtime of a client that knows nothing yet; all below one temporary folder.
struct RecordingFolder {
    private let path: String

    /// - Parameter servers: those that the publisher has named: they may be on any network of his.
    /// - Throws: ``PublisherError/unwritable(_:)``.
    init(servers: Set<String> = []) throws(PublisherError) {
        do {
            path = try WorkFolder.make(in: "/tmp", name: "oscircular-record")
            // As root QEMU runs as a user of its own, which must get through to the disk.
            if CurrentUser.isRoot { try Paths.setPermissions(path, 0o711) }
            for name in ["config/oscircular", "state", "cache", "run"] { try Folder.make("\(path)/\(name)") }
            try Paths.setPermissions("\(path)/run", CurrentUser.isRoot ? 0o711 : 0o700)
            // What the guest does not ask for is not a part of its start. A busy publisher's emulated guest may unpack its kernel for longer
            // than a reader's guest is ever quiet.
            var settings = "[prefetch]\nquiet = 20\nrest = \"never\"\n"
            for server in servers.sorted() where server.utf8.allSatisfy(RecordingFolder.isPlain) {
                settings += "[[host]]\nname = \"\(server)\"\n"
            }
            try AtomicFile.write(settings, to: "\(path)/config/oscircular/config.toml")
        } catch {
            throw .unwritable(error)
        }
    }

    /// Whether a byte of a server's name means nothing in TOML.
    private static func isPlain(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F && !"\"\\".utf8.contains(byte) }

    /// For the client: nothing of the user's but the search path.
    var environment: [String: String] {
        [
            "PATH": Environment.value("PATH") ?? "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": path,
            "XDG_CONFIG_HOME": "\(path)/config", "XDG_STATE_HOME": "\(path)/state", "XDG_CACHE_HOME": "\(path)/cache",
            "XDG_RUNTIME_DIR": "\(path)/run",
        ]
    }

    /// Where the client writes what a start touched.
    func bootSet(_ distribution: String, _ version: VersionID) -> String {
        "\(path)/state/oscircular/boot-sets/tree/\(distribution)/\(version).bootset"
    }

    // A temporary folder that stays is the system's to clear.
    func remove() { try? Folder.removeTree(path) }
}

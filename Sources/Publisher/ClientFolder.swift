import Catalog
import Curl
import Linux

/// Configuration, state, cache and runtime of a client that knows nothing yet; all below one temporary folder.
struct ClientFolder {
    let path: String
    /// `oscircular`, by path or by name.
    private let client: String

    /// - Parameters:
    ///   - servers: those that the publisher has named: they may be on any network of his.
    ///   - hasPacks: whether the version has boot packs; its pages are to come from the blocks that are published. Earlier clients know neither.
    ///   - settings: more of the client's settings, as lines of TOML.
    /// - Throws: ``PublisherError/unwritable(_:)``.
    init(
        client: String, servers: Set<String> = [], hasPacks: Bool = false, settings more: [String] = []
    ) throws(PublisherError) {
        self.client = client
        do {
            path = try WorkFolder.make(in: "/tmp", name: "oscircular-record")
            // As root QEMU runs as a user of its own, which must get through to the disk.
            if CurrentUser.isRoot { try Paths.setPermissions(path, 0o711) }
            for name in ["config/oscircular", "state", "cache", "run"] { try Folder.make("\(path)/\(name)") }
            try Paths.setPermissions("\(path)/run", CurrentUser.isRoot ? 0o711 : 0o700)
            // What the guest does not ask for is not a part of its start. A busy publisher's emulated guest may unpack its kernel for longer
            // than a reader's guest is ever quiet.
            var settings = "[prefetch]\nquiet = 20\nrest = \"never\"\n"
            if hasPacks { settings += "pack = \"never\"\n" }
            settings += more.map { "\($0)\n" }.joined()
            for server in servers.sorted() where server.utf8.allSatisfy(ClientFolder.isPlain) {
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

    /// Where the client writes which blocks a start touched.
    func bootSet(_ distribution: String, _ version: VersionID) -> String {
        "\(path)/state/oscircular/boot-sets/tree/\(distribution)/\(version).bootset"
    }

    /// Where it writes which pages.
    func pages(_ distribution: String, _ version: VersionID) -> String {
        "\(path)/state/oscircular/boot-sets/tree/\(distribution)/\(version).pages"
    }

    /// Runs the client with these folders.
    /// - Returns: the last line that it printed.
    /// - Throws: ``PublisherError/recordingFailed(reason:)``, with the client's own words; ``PublisherError/interrupted(signal:)``.
    @discardableResult
    func run(_ arguments: [String], _ cancellation: Cancellation) throws(PublisherError) -> String {
        let ended: ChildProgram.Ended
        do throws(PublisherError) {
            ended = try ChildProgram.run(client, arguments, environment: environment, cancellation: cancellation)
        } catch {
            guard case .programMissing = error else { throw error }
            throw .recordingFailed(reason: "\(client) is not installed")
        }
        guard ended.status == 0 else {
            let last = String(decoding: ended.errors, as: UTF8.self).split(separator: "\n").last.map(String.init)
            // Its name stands before its own words.
            let name = "oscircular: "
            let words = last.map { $0.hasPrefix(name) ? String($0.dropFirst(name.count)) : $0 }
            throw .recordingFailed(reason: words ?? "\(client) ended with \(ended.status)")
        }
        return String(decoding: ended.output, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? ""
    }

    /// Follows a tree under the name `tree`.
    /// - Throws: ``PublisherError``, as ``run(_:_:)``.
    func follow(_ tree: String, _ cancellation: Cancellation) throws(PublisherError) {
        let place = ResolvedPath.resolve(tree)
        try run(["catalog", "add", "tree", place, "--root", "\(place)/metadata/1.root.json"], cancellation)
    }

    /// The servers that a vendor's file is on.
    static func servers(of source: VersionSource?) -> Set<String> {
        source.map { Set($0.urls.compactMap(URLText.server)) } ?? []
    }

    // A temporary folder that stays is the system's to clear.
    func remove() { try? Folder.removeTree(path) }
}

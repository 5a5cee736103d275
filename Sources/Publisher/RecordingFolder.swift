import Catalog
import Glibc
import Linux

/// Configuration, state, cache and runtime of a client that knows nothing yet; all below one temporary folder.
struct RecordingFolder {
    private let path: String

    /// - Throws: ``PublisherError/unwritable(_:)``.
    init() throws(PublisherError) {
        do {
            path = try WorkFolder.make(in: "/tmp", name: "oscircular-record")
            // As root QEMU runs as a user of its own, which must get through to the disk.
            if geteuid() == 0 { chmod(path, 0o711) }
            for name in ["config/oscircular", "state", "cache", "run"] { try Folder.make("\(path)/\(name)") }
            chmod("\(path)/run", geteuid() == 0 ? 0o711 : 0o700)
            // What the guest does not ask for is no part of its start. A busy publisher's emulated guest may unpack its kernel for longer
            // than a reader's guest is ever quiet.
            let settings = Array("[prefetch]\nquiet = 20\nrest = \"never\"\n".utf8)
            try AtomicFile.write(settings, to: "\(path)/config/oscircular/config.toml")
        } catch {
            throw .unwritable(error)
        }
    }

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

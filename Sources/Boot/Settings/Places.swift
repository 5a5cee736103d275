import Linux

/// The folders that OS Circular uses for this user. Nothing is created until it is needed.
package struct Places: Sendable {
    /// Sockets and mount points of running sessions.
    package let runtime: String
    /// Where sessions may still run that were started by an earlier version or when ``runtime`` was another folder.
    private let formerRuntimes: [String]
    /// Followed catalogs, overlays of running guests, logs.
    package let state: String
    /// The block cache unless the configuration names another.
    package let cache: String
    /// Configuration files, least important first.
    package let configurationFiles: [String]

    package var sessions: String { "\(runtime)/sessions" }
    /// The folders with sessions whose contents can be trusted: real folders of this user's that nobody else can write to. New
    /// sessions are made in ``sessions``.
    package var trustedSessions: [String] {
        ([runtime] + formerRuntimes).filter { Places.isOurs($0) && Places.isOurs("\($0)/sessions") }
            .map { "\($0)/sessions" }
    }
    package var catalogs: String { "\(state)/catalogs" }
    package var overlays: String { "\(state)/overlays" }
    package var logs: String { "\(state)/logs" }
    /// A folder for each machine that is kept: its disk, its identity, and what it is based on.
    package var machines: String { "\(state)/machines" }
    /// A folder for each guest that is suspended: its memory, and its disk unless it is a kept machine.
    package var suspended: String { "\(state)/suspended" }
    /// The disks that are users' homes in guests.
    package var homes: String { "\(state)/homes" }
    /// The bisects that have begun.
    package var bisects: String { "\(state)/bisect" }
    /// Boot sets that this user's boots recorded.
    package var bootSets: String { "\(state)/boot-sets" }
    /// Which versions ran, and when.
    package var runs: String { "\(state)/runs" }
    /// How systems start here: how long it takes them, and which versions came up.
    package var health: String { "\(state)/health" }
    /// The systems whose unverified versions the user has allowed to boot.
    package var unverified: String { "\(state)/unverified" }
    /// What is known of vendors' systems: listings, files that are pinned, their indexes.
    package var vendors: String { "\(state)/vendors" }
    /// What was found out here about vendors' versions.
    package var vendorNotes: String { "\(state)/vendor-notes" }
    /// Folders with tables of vendors that belong to the program: that of the sources, in a folder where the program was built, then the
    /// installed one. A later one's file takes the place of an earlier one's of the same name.
    package let installedTables: [String]
    /// Folders of what runs in a template (`share/park`) and belongs to the program, the best first.
    package let parkFolders: [String]
    /// The administrator's, then the user's own.
    package let ownTables: [String]
    /// What has counted of catalogs' tables so far, and what the user has said to their changes.
    package var tableRecord: String { "\(state)/vendor-table" }
    /// Since when versions of which something is stored have been missing from their catalogs.
    package var departed: String { "\(state)/departed" }
    /// A folder for each session, which its guest reads and writes over ssh. Nobody else may pass: what a guest makes there runs as its maker.
    ///
    /// Until these came there was one folder for all guests, `exchange`. It is left as it is, and no guest sees it.
    package var exchanges: String { "\(state)/exchanges" }

    /// - Parameters:
    ///   - program: our own program's path, beside whose folder what belongs to it is installed; nil where that is not known.
    ///   - environment: looks up a variable; empty values count as absent, as the XDG specification says.
    ///   - user: effective user id.
    ///   - home: the user's home folder.
    ///   - findRuntime: finds the runtime folder of a user who is not root, given the state folder and what the environment names.
    package init(
        program: String? = nil, environment: (String) -> String?, user: UserID, home: String,
        findRuntime: (_ state: String, _ given: String?) -> RuntimeFolder? = { _, _ in nil }
    ) {
        func variable(_ name: String) -> String? {
            // Relative paths are invalid by the XDG specification.
            environment(name).flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        let isRoot = user == 0
        let state =
            variable("XDG_STATE_HOME").map { "\($0)/oscircular" }
            ?? (isRoot ? "/var/lib/oscircular" : "\(home)/.local/state/oscircular")
        self.state = state
        let given = variable("XDG_RUNTIME_DIR").map { "\($0)/oscircular" }
        let found = isRoot ? nil : findRuntime(state, given)
        runtime = found?.path ?? given ?? (isRoot ? "/run/oscircular" : "/tmp/oscircular-\(user)")
        formerRuntimes = found?.former ?? []
        cache =
            variable("XDG_CACHE_HOME").map { "\($0)/oscircular" }
            ?? (isRoot ? "/var/cache/oscircular" : "\(home)/.cache/oscircular")
        let configuration = variable("XDG_CONFIG_HOME") ?? "\(home)/.config"
        configurationFiles = ["/etc/oscircular/config.toml", "\(configuration)/oscircular/config.toml"]
        installedTables = Places.tables(of: program)
        parkFolders = Places.parkFolders(of: program)
        ownTables = ["/etc/oscircular/vendors", "\(configuration)/oscircular/vendors"]
    }

    /// Folders of tables that belong to a program, the least important first.
    private static func tables(of program: String?) -> [String] {
        guard let parts = program?.split(separator: "/") else { return [] }
        // PREFIX/bin/oscircular has its files in PREFIX/share/oscircular; one that was built and not installed, in its sources.
        let sources = parts.firstIndex(of: ".build").map { "\(path(parts[..<$0]))/share/vendors" }
        return [sources, "\(path(parts.dropLast(2)))/share/oscircular/vendors"].compactMap(\.self)
    }

    private static func parkFolders(of program: String?) -> [String] {
        guard let parts = program?.split(separator: "/") else { return [] }
        // As above; what is compiled is beside the program.
        guard let build = parts.firstIndex(of: ".build") else {
            return ["\(path(parts.dropLast(2)))/libexec/oscircular/park"]
        }
        return [path(parts.dropLast()), "\(path(parts[..<build]))/share/park"]
    }

    private static func path(_ parts: some Sequence<Substring>) -> String { parts.map { "/\($0)" }.joined() }

    /// Of this process.
    package static func current() -> Places {
        Places(
            // Without /proc only the user's own tables count.
            program: try? Paths.target(ofLink: "/proc/self/exe"),
            environment: { name in
                guard let value = Environment.value(name) else { return nil }
                // Root's QEMU runs as another user, who must get through: a login's folder of mode 0700 will not do, and root
                // must not work in somebody else's folder.
                if name == "XDG_RUNTIME_DIR" && CurrentUser.isRoot && !letsOthersPass(value) { return nil }
                return value
            }, user: CurrentUser.id, home: Environment.home,
            findRuntime: { RuntimeFolder.find(user: CurrentUser.id, state: $0, given: $1) })
    }

    /// Where a session is, or will be.
    func folder(ofSession id: String) -> String {
        let usual = "\(sessions)/\(id)"
        // What cannot be looked at is not a session's.
        guard !formerRuntimes.isEmpty, (try? Paths.isThere(usual)) != true else { return usual }
        // As above.
        return trustedSessions.map { "\($0)/\(id)" }.first { (try? Paths.isThere($0)) == true } ?? usual
    }

    /// Makes a folder that QEMU's own user can pass through when we are root.
    /// - Throws: ``SystemCallError``.
    package func makePassable(_ folder: String) throws(SystemCallError) {
        let isNew = try !Paths.isThere(folder)
        try Folder.make(folder, mode: 0o711)
        // The umask may have taken the bits.
        if isNew { return try Paths.setPermissions(folder, 0o711) }
        // Or something else created it first, for itself, as the catalogs' metadata does.
        guard CurrentUser.isRoot, let status = try Paths.status(folder), status.owner == 0,
            status.permissions & 0o001 == 0
        else { return }
        try Paths.setPermissions(folder, status.permissions | 0o011)
    }

    /// Whether a real folder is this user's and nobody else can write to it.
    /// - Parameter hidden: nobody else may do anything in it.
    static func isOurs(_ folder: String, hidden: Bool = false) -> Bool {
        // What cannot be looked at is not trusted.
        guard let status = try? Paths.statusOfName(folder) else { return false }
        return status.kind == .folder && status.owner == CurrentUser.id
            && status.permissions & (hidden ? 0o077 : 0o022) == 0
    }

    private static func letsOthersPass(_ folder: String) -> Bool {
        // As above.
        guard let status = try? Paths.status(folder) else { return false }
        return status.owner == 0 && status.permissions & 0o001 != 0
    }

    /// Creates the runtime folder, or checks that an existing one is a real folder of this user's that nobody else can write to.
    ///
    /// One in /tmp may have been made by somebody else, hence the look at owner and mode.
    /// - Throws: ``BootError/unsafeRuntimeFolder(_:)``, ``BootError/runtimeFolder(_:)``.
    package func prepareRuntime() throws(BootError) {
        do {
            for folder in [runtime, sessions] {
                try Folder.make(folder, mode: 0o700)
                guard Places.isOurs(folder) else { throw BootError.unsafeRuntimeFolder(folder) }
                // QEMU's own user must reach its sockets in root's folder; a user's QEMU runs as that user.
                if CurrentUser.isRoot { try Paths.setPermissions(folder, 0o711) }
            }
        } catch let error as SystemCallError {
            // Something with this name is not a folder; if its parent is not one, the name itself is not there.
            // What cannot be looked at is reported by the error itself.
            if error.number == .notAFolder, (try? Paths.isThere(runtime)) == true {
                throw .unsafeRuntimeFolder(runtime)
            }
            throw .runtimeFolder(error)
        } catch let error as BootError {
            throw error
        } catch {
            throw .unsafeRuntimeFolder(runtime)
        }
    }
}

/// Processes that the kernel counts and bounds together: a folder in the tree of version 2, or one in several trees of version 1.
///
/// Some members can be frozen: in version 2 they are in a group within this one, in version 1 in the tree of the freezer besides.
package struct ControlGroup: Sendable, Equatable {
    /// What all members together may use.
    package struct Limits: Sendable, Equatable {
        /// Bytes; nothing goes to the swap in addition.
        package var memory: Int
        /// Threads count, too.
        package var processes: Int
        /// Share of processors and disks against everybody else's 100, where several want them: 1 to 1000.
        package var weight: Int

        package init(memory: Int, processes: Int, weight: Int) {
            self.memory = memory
            self.processes = processes
            self.weight = weight
        }
    }

    package enum Version: String, Sendable { case one = "cgroup1", two = "cgroup2" }

    package let version: Version
    /// Of version 2 one, of version 1 one for each tree.
    package let folders: [String]
    /// For members that can be frozen; nil where there is no freezer.
    package let freezer: String?

    package init(_ version: Version, folders: [String], freezer: String?) {
        self.version = version
        self.folders = folders
        self.freezer = freezer
    }

    /// A group in the trees of this process, which is not made yet.
    /// - Returns: nil where no tree bounds memory and processes.
    package init?(name: String, in trees: ControlGroupHierarchies) {
        if let memory = trees.controllers["memory"], let processes = trees.controllers["pids"] {
            var folders: [String] = []
            for folder in [memory, processes, trees.controllers["cpu"], trees.controllers["blkio"]].compactMap({ $0 })
            where !folders.contains("\(folder)/\(name)") { folders.append("\(folder)/\(name)") }
            self.init(.one, folders: folders, freezer: trees.controllers["freezer"].map { "\($0)/\(name)" })
        } else if let own = trees.unified, let root = trees.unifiedRoot {
            // Beside our own group: one with processes in it gives no controllers to groups within, but for the tree's root.
            let parent = own == root ? root : Folder.parent(of: own) ?? root
            self.init(.two, folders: ["\(parent)/\(name)"], freezer: "\(parent)/\(name)/\(Self.innerName)")
        } else {
            return nil
        }
    }

    /// The inner group of those that can be frozen, in version 2.
    package static let innerName = "logins"

    /// Makes the folders and sets the limits.
    /// - Throws: ``SystemCallError`` when memory or processes cannot be bounded here: no right to, or no controller. Nothing is left.
    package func create(_ limits: Limits) throws(SystemCallError) {
        do throws(SystemCallError) {
            for folder in folders { try Folder.make(folder, above: false) }
            if version == .two { try enableControllers() }
            if let freezer { try Folder.make(freezer, above: false) }
            try set(limits)
        } catch {
            removeFolders()
            throw error
        }
    }

    /// A group has the controllers that the one around it hands on.
    private func enableControllers() throws(SystemCallError) {
        guard let folder = folders.first, let parent = Folder.parent(of: folder) else { return }
        let names = try FileContents.readText("\(folder)/cgroup.controllers", limit: 4096).split { " \n".contains($0) }
        for needed in ["memory", "pids"] where !names.contains(Substring(needed)) {
            try Self.write("+\(needed)", to: "\(parent)/cgroup.subtree_control")
        }
        for useful in ["cpu", "io"] where !names.contains(Substring(useful)) {
            // Without it there is no weight, which bounds nothing.
            try? Self.write("+\(useful)", to: "\(parent)/cgroup.subtree_control")
        }
    }

    private func set(_ limits: Limits) throws(SystemCallError) {
        let needed: [(String, Int)]
        let useful: [(String, Int)]
        switch version {
        case .two:
            needed = [("memory.max", limits.memory), ("pids.max", limits.processes)]
            useful = [("memory.swap.max", 0), ("cpu.weight", limits.weight), ("io.weight", limits.weight)]
        case .one:
            needed = [("memory.limit_in_bytes", limits.memory), ("pids.max", limits.processes)]
            useful = [
                ("memory.memsw.limit_in_bytes", limits.memory), ("memory.swappiness", 0),
                // 1024 is everybody's.
                ("cpu.shares", max(limits.weight * 1024 / 100, 2)), ("blkio.bfq.weight", limits.weight),
            ]
        }
        for (name, value) in needed {
            guard let folder = try self.folder(with: name) else {
                throw SystemCallError(.noSuchFile, call: "open", subject: name)
            }
            try Self.write("\(value)", to: "\(folder)/\(name)")
        }
        for (name, value) in useful {
            // A kernel without the file has no such bound to set; the needed ones hold.
            if let folder = try self.folder(with: name) { try? Self.write("\(value)", to: "\(folder)/\(name)") }
        }
    }

    private func folder(with name: String) throws(SystemCallError) -> String? {
        for folder in folders where try Paths.isThere("\(folder)/\(name)") { return folder }
        return nil
    }

    // MARK: Members

    /// Moves a process with all its threads here. Its children follow only if they start later.
    /// - Parameter freezable: it is one of those that ``setFrozen(_:)`` stops.
    /// - Throws: ``SystemCallError``; ESRCH when it has ended, EACCES when it may not be moved by this user.
    package func add(_ process: ProcessID, freezable: Bool) throws(SystemCallError) {
        var targets = folders
        if freezable, let freezer { targets = version == .two ? [freezer] : folders + [freezer] }
        for folder in targets { try Self.write("\(process)", to: "\(folder)/cgroup.procs") }
    }

    /// The processes in the group.
    package var members: [ProcessID] {
        var found: Set<ProcessID> = []
        for folder in folders + [freezer].compactMap({ $0 }) {
            // A group that is gone has none.
            let text = (try? FileContents.readText("\(folder)/cgroup.procs", limit: 1 << 20)) ?? ""
            found.formUnion(text.split(separator: "\n").compactMap { ProcessID($0) })
        }
        return found.sorted()
    }

    /// Freezes those that can be frozen, or lets them go on. Waits until they are, a second at most.
    /// - Returns: whether there is a freezer that did it.
    @discardableResult
    package func setFrozen(_ isFrozen: Bool) -> Bool {
        guard let freezer else { return false }
        let (name, value) =
            version == .two
            ? ("cgroup.freeze", isFrozen ? "1" : "0")
            : ("freezer.state", isFrozen ? "FROZEN" : "THAWED")
        let (shown, wanted) = version == .two ? ("cgroup.events", "frozen \(value)") : (name, value)
        for _ in 0..<100 {
            // The answer is what counts: a kernel before 5.2 has no freezer in version 2.
            guard (try? Self.write(value, to: "\(freezer)/\(name)")) != nil else { return false }
            // As above.
            let text = (try? FileContents.readText("\(freezer)/\(shown)", limit: 4096)) ?? ""
            if text.split(separator: "\n").contains(Substring(wanted)) { return true }
            MonotonicClock.pause(milliseconds: 10)
        }
        return false
    }

    // MARK: The end

    /// Kills the members and removes the group. Waits for their end, two seconds at most.
    /// - Returns: whether it is gone.
    @discardableResult
    package func remove() -> Bool {
        for _ in 0..<100 {
            setFrozen(false)
            killMembers()
            if removeFolders() { return true }
            MonotonicClock.pause(milliseconds: 20)
        }
        return false
    }

    private func killMembers() {
        // Since Linux 5.14, with the groups within, and nobody escapes by starting others.
        if version == .two, let folder = folders.first, (try? Self.write("1", to: "\(folder)/cgroup.kill")) != nil {
            return
        }
        // A number may be another process's by the time of the signal: who is held and still a member then, is meant.
        let processes = members.compactMap(ProcessDescriptor.init)
        let still = Set(members)
        for process in processes where still.contains(process.pid) { process.send(.kill) }
    }

    @discardableResult
    private func removeFolders() -> Bool {
        var isGone = true
        for folder in [freezer].compactMap({ $0 }) + folders {
            // Busy as long as somebody is in it: the caller tries again.
            if (try? Paths.removeFolder(folder)) == nil { isGone = false }
        }
        return isGone
    }

    private static func write(_ text: String, to path: String) throws(SystemCallError) {
        do throws(SystemCallError) {
            let file = try FileHandle(path, for: .writing)
            try text.withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        } catch {
            // The error of a write does not name the file.
            throw SystemCallError(code: error.code, call: error.call, subject: path)
        }
    }
}

/// As text, a folder a line, so that somebody else can remove what a dead process left.
extension ControlGroup {
    package var text: String {
        folders.map { "\(version.rawValue) \($0)\n" }.joined() + (freezer.map { "freezer \($0)\n" } ?? "")
    }

    /// - Parameter name: the group's name; folders that are not called so, or are not in the kernel's trees, are not taken.
    package init?(text: String, name: String, root: String = "/sys/fs/cgroup/") {
        var (version, folders, freezer): (Version?, [String], String?) = (nil, [], nil)
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard parts.count == 2, parts[1].hasPrefix(root), !parts[1].contains("/.."),
                parts[1].hasSuffix("/\(name)") || parts[1].hasSuffix("/\(name)/\(Self.innerName)")
            else { return nil }
            if parts[0] == "freezer" {
                freezer = parts[1]
            } else if let known = Version(rawValue: parts[0]) {
                version = known
                folders.append(parts[1])
            }
        }
        guard let version, !folders.isEmpty else { return nil }
        self.init(version, folders: folders, freezer: freezer)
    }
}

/// Where the kernel shows the control groups of this process: in one tree (version 2), or in a tree for each controller (version 1).
package struct ControlGroupHierarchies: Sendable, Equatable {
    /// The folder of this process's own group by controller, of version 1.
    package var controllers: [String: String] = [:]
    /// The same of version 2.
    package var unified: String?
    /// The folder at which the tree of version 2 is mounted.
    package var unifiedRoot: String?

    /// - Parameters:
    ///   - mounts: /proc/self/mountinfo.
    ///   - groups: /proc/self/cgroup; lines of `NUMBER:CONTROLLERS:PATH`.
    package init(mounts: String, groups: String) {
        var paths: [String: Substring] = [:]
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            for controller in fields[1].split(separator: ",", omittingEmptySubsequences: false) {
                paths[String(controller)] = fields[2]
            }
        }
        for line in mounts.split(separator: "\n") {
            let parts = line.split(separator: " ")
            guard let dash = parts.firstIndex(of: "-"), parts.count > dash + 3, parts.count > 4 else { continue }
            func own(_ controller: String) -> String? {
                paths[controller].flatMap { Self.folder(of: $0, root: parts[3], mount: parts[4]) }
            }
            if parts[dash + 1] == "cgroup2", unified == nil {
                unified = own("")
                unifiedRoot = String(parts[4])
            }
            guard parts[dash + 1] == "cgroup" else { continue }
            for option in parts[dash + 3].split(separator: ",").map(String.init) where controllers[option] == nil {
                controllers[option] = own(option)
            }
        }
    }

    /// Of this process.
    package static func current() -> ControlGroupHierarchies {
        let texts = ["mountinfo", "cgroup"].map {
            // What cannot be read shows no groups: then there are none to use.
            (try? FileContents.readText("/proc/self/\($0)", limit: 4 << 20)) ?? ""
        }
        return ControlGroupHierarchies(mounts: texts[0], groups: texts[1])
    }

    /// The folder in version 2's tree of the group that a process is in; nil where that cannot be seen.
    package func unifiedFolder(of process: ProcessID) -> String? {
        // It may have ended.
        guard let root = unifiedRoot, let text = try? FileContents.readText("/proc/\(process)/cgroup", limit: 1 << 16),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") })
        else { return nil }
        return Self.folder(of: line.dropFirst(3), root: "/", mount: Substring(root))
    }

    /// - Parameters:
    ///   - root: the part of the tree that is mounted; in a container not all of it.
    private static func folder(of path: Substring, root: Substring, mount: Substring) -> String? {
        guard !path.contains("/..") else { return nil }
        if root == "/" { return path == "/" ? String(mount) : "\(mount)\(path)" }
        if path == root { return String(mount) }
        return path.hasPrefix("\(root)/") ? "\(mount)\(path.dropFirst(root.count))" : nil
    }
}

import Linux

/// A scope of systemd: a control group that its manager makes around processes that it did not start.
///
/// The manager is asked by `busctl`, systemd's own program for its D-Bus interface: three calls are no reason for a library.
struct SystemdScope: Sendable, Equatable {
    /// Whose manager: the machine's for root, else the user's own.
    enum Manager: String, Sendable { case system, user }

    let manager: Manager
    /// `NAME.scope`.
    let unit: String
    /// XDG_RUNTIME_DIR of a user's manager.
    let runtime: String

    /// The manager that this process can ask; nil where systemd did not start the machine, or there is no bus to it.
    /// - Parameter isThere: whether a path leads to something.
    static func manager(isRoot: Bool, runtime: String, isThere: (String) -> Bool) -> Manager? {
        // As sd_booted(3) says.
        guard isThere("/run/systemd/system"), isThere(program) else { return nil }
        if isRoot { return isThere("/run/dbus/system_bus_socket") ? .system : nil }
        return isThere("\(runtime)/systemd/private") && isThere("\(runtime)/bus") ? .user : nil
    }

    /// Of this process.
    /// - Returns: nil where there is no manager.
    static func current(name: String) -> SystemdScope? {
        let runtime = Environment.folder("XDG_RUNTIME_DIR") ?? "/run/user/\(CurrentUser.id)"
        // What cannot be looked at cannot be used either.
        let manager = manager(isRoot: CurrentUser.isRoot, runtime: runtime) { (try? Paths.isThere($0)) == true }
        return manager.map { SystemdScope(manager: $0, unit: "\(name).scope", runtime: runtime) }
    }

    /// Whether the manager is still there to be asked: a user's ends with the user's last login, and the session may not.
    var hasManager: Bool {
        // What cannot be looked at cannot be used either.
        Self.manager(isRoot: manager == .system, runtime: runtime) { (try? Paths.isThere($0)) == true } == manager
    }

    private static let program = "/usr/bin/busctl"

    /// Makes the scope around a process, and waits until that is in it: the manager answers before it has moved it.
    /// - Returns: the group where version 2 shows it; nil where the kernel has version 1.
    /// - Throws: ``GuestNetworkError/scope(_:output:)``.
    func start(_ process: ProcessID, _ limits: ControlGroup.Limits) throws(GuestNetworkError) -> ControlGroup? {
        do throws(GuestNetworkError) {
            try call(Self.start(unit, process, limits, survivesOutOfMemory: true))
        } catch {
            // systemd before 253 has no OOMPolicy for scopes, and needs none.
            try call(Self.start(unit, process, limits, survivesOutOfMemory: false))
        }
        for _ in 0..<1000 {
            // It may have ended, which shows when it is told to go on.
            let text = (try? FileContents.readText("/proc/\(process)/cgroup", limit: 1 << 16)) ?? ""
            if text.contains("/\(unit)") { return group(of: process) }
            MonotonicClock.pause(milliseconds: 2)
        }
        throw .scope(.exited(0), output: "\(unit) was not made in time")
    }

    /// Bounds a process by the scope, which ends with its last process, and is made anew by the next.
    /// - Parameters:
    ///   - isFreezable: whether it is one of those that can be held.
    ///   - group: the scope's, as it was known last.
    ///   - isMade: whether there was a scope of this name before.
    /// - Returns: the scope's group now, as ``start(_:_:)``.
    /// - Throws: ``GuestNetworkError/scope(_:output:)``.
    func place(
        _ process: ProcessID, isFreezable: Bool, in group: ControlGroup?, isMade: Bool, _ limits: ControlGroup.Limits
    ) throws(GuestNetworkError) -> ControlGroup? {
        // It is not ours to move it there, as below, or there is no group any more.
        if let group, (try? group.add(process, freezable: isFreezable)) != nil { return group }
        // For a user whose session is not below the manager: that one may move it.
        let inner = isFreezable && group?.freezer != nil ? "/\(ControlGroup.innerName)" : ""
        // As above.
        if isMade, (try? attach(process, inner: inner)) != nil { return group }
        let new = try isMade ? startAnew(process, limits) : start(process, limits)
        if isFreezable, new?.freezer != nil {
            // Without it the login is bounded all the same, and is ended where it should be frozen.
            if (try? new?.add(process, freezable: true)) == nil {
                try? attach(process, inner: "/\(ControlGroup.innerName)")
            }
        }
        return new
    }

    /// There was a scope of this name, which the manager may not have forgotten yet.
    private func startAnew(
        _ process: ProcessID, _ limits: ControlGroup.Limits
    ) throws(GuestNetworkError) -> ControlGroup? {
        let end = MonotonicClock.nanoseconds + 1_000_000_000
        while MonotonicClock.nanoseconds < end {
            do throws(GuestNetworkError) {
                return try start(process, limits)
            } catch {
                // The last try's error is the one to report.
                MonotonicClock.pause(milliseconds: 50)
            }
        }
        return try start(process, limits)
    }

    /// Moves a process into the scope.
    /// - Throws: as ``start(_:_:)``; also when the scope has ended, as it does with its last process.
    func attach(_ process: ProcessID, inner: String) throws(GuestNetworkError) {
        try call(["AttachProcessesToUnit", "ssau", unit, inner, "1", "\(process)"])
    }

    /// Ends what is still in the scope, and the scope.
    func stop() {
        // Nearly always it has ended with its last process.
        try? call(["StopUnit", "ss", unit, "replace"])
    }

    private func group(of process: ProcessID) -> ControlGroup? {
        let trees = ControlGroupHierarchies.current()
        // Where version 1 has the controllers, the tree of version 2 bounds nothing.
        guard trees.controllers["memory"] == nil, let folder = trees.unifiedFolder(of: process),
            folder.hasSuffix("/\(unit)")
        else { return nil }
        let inner = "\(folder)/\(ControlGroup.innerName)"
        // The scope is handed to us (Delegate). Where that is not so, nobody can be frozen, and logins are ended instead.
        let canFreeze = (try? Folder.make(inner, above: false)) != nil
        return ControlGroup(.two, folders: [folder], freezer: canFreeze ? inner : nil)
    }

    // MARK: Calls

    /// `StartTransientUnit(in s name, in s mode, in a(sv) properties, in a(sa(sv)) aux)`.
    static func start(
        _ unit: String, _ process: ProcessID, _ limits: ControlGroup.Limits, survivesOutOfMemory: Bool
    ) -> [String] {
        var properties = [
            ["Description", "s", "What a guest of OS Circular does outside of its virtual machine"],
            ["PIDs", "au", "1", "\(process)"], ["Delegate", "b", "true"],
            ["MemoryMax", "t", "\(limits.memory)"], ["MemorySwapMax", "t", "0"],
            ["TasksMax", "t", "\(limits.processes)"], ["CPUWeight", "t", "\(limits.weight)"],
            ["IOWeight", "t", "\(limits.weight)"], ["CollectMode", "s", "inactive-or-failed"],
        ]
        // One process that takes too much memory ends, and not all.
        if survivesOutOfMemory { properties.append(["OOMPolicy", "s", "continue"]) }
        return ["StartTransientUnit", "ssa(sv)a(sa(sv))", unit, "fail", "\(properties.count)"] + properties.joined() + [
            "0"
        ]
    }

    private func call(_ arguments: [String]) throws(GuestNetworkError) {
        let object = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]
        let options = ["--\(manager.rawValue)", "--quiet", "--timeout=5", "call"]
        let finished: ChildProcess.Finished
        do throws(SystemCallError) {
            finished = try ChildProcess.run(
                Self.program, options + object + arguments,
                environment: ChildProcess.plainEnvironment + ["XDG_RUNTIME_DIR=\(runtime)"], keeping: 2000)
        } catch {
            throw .system(error)
        }
        guard finished.ending == .exited(0) else { throw .scope(finished.ending, output: finished.text) }
    }
}

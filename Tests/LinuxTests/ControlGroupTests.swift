import Glibc
import Linux
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ControlGroupTests {
    // MARK: Where they are

    private static let versionOne = """
        31 23 0:28 / /sys/fs/cgroup rw,relatime shared:5 - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:6 - cgroup cgroup rw,cpu,cpuacct
        35 31 0:32 /box /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory
        37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime shared:11 - cgroup cgroup rw,freezer
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:13 - cgroup cgroup rw,pids
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime shared:15 - cgroup2 cgroup2 rw
        """
    private static let ownOfOne = """
        8:pids:/a
        6:freezer:/
        4:memory:/box/b
        1:cpu,cpuacct:/a
        0::/
        """

    @Test func theTreesOfVersionOneAreFound() {
        let trees = ControlGroupHierarchies(mounts: Self.versionOne, groups: Self.ownOfOne)
        #expect(
            trees.controllers == [
                "cpu": "/sys/fs/cgroup/cpu,cpuacct/a", "cpuacct": "/sys/fs/cgroup/cpu,cpuacct/a",
                "memory": "/sys/fs/cgroup/memory/b", "freezer": "/sys/fs/cgroup/freezer",
                "pids": "/sys/fs/cgroup/pids/a",
            ])
        #expect(trees.unified == "/sys/fs/cgroup/unified")
        // It counts where the controllers are, and the tree of version 2 has none then.
        let group = ControlGroup(name: "x", in: trees)
        #expect(group?.version == .one)
        #expect(
            group?.folders == [
                "/sys/fs/cgroup/memory/b/x", "/sys/fs/cgroup/pids/a/x", "/sys/fs/cgroup/cpu,cpuacct/a/x",
            ])
        #expect(group?.freezer == "/sys/fs/cgroup/freezer/x")
    }

    @Test func theTreeOfVersionTwoIsFound() {
        func group(_ own: String, root: String = "/") -> ControlGroup? {
            let mounts = "29 23 0:26 \(root) /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
            return ControlGroup(name: "x", in: ControlGroupHierarchies(mounts: mounts, groups: "0::\(own)\n"))
        }
        #expect(group("/")?.folders == ["/sys/fs/cgroup/x"])
        #expect(group("/")?.freezer == "/sys/fs/cgroup/x/logins")
        // Beside a group with processes in it, never within.
        #expect(group("/a/b")?.folders == ["/sys/fs/cgroup/a/x"])
        #expect(group("/box/b", root: "/box")?.folders == ["/sys/fs/cgroup/x"])
        #expect(group("/../b") == nil)
        #expect(group("/elsewhere", root: "/box") == nil)
        #expect(ControlGroup(name: "x", in: ControlGroupHierarchies(mounts: "", groups: "")) == nil)
    }

    @Test func whatADeadProcessLeftIsFoundByItsRecordAndNothingElse() {
        let groups = [
            ControlGroup(.one, folders: ["/sys/fs/cgroup/memory/x", "/sys/fs/cgroup/pids/a b/x"], freezer: nil),
            ControlGroup(.two, folders: ["/sys/fs/cgroup/a/x"], freezer: "/sys/fs/cgroup/a/x/logins"),
        ]
        for group in groups { #expect(ControlGroup(text: group.text, name: "x") == group) }
        for text in [
            "", "cgroup2 /etc/x\n", "cgroup2 /sys/fs/cgroup/../x\n", "cgroup2 /sys/fs/cgroup/y\n", "cgroup2\n",
        ] {
            #expect(ControlGroup(text: text, name: "x") == nil, "\(text)")
        }
        #expect(ControlGroup(text: groups[1].text + "cgroup2 /sys/fs/cgroup/y\n", name: "x") == nil)
    }

    @Test func theFilesOfVersionTwoAreWritten() throws {
        let root = try TemporaryDirectory()
        let folder = "\(root.path)/x"
        try Folder.make("\(folder)/logins")
        for name in [
            "memory.max", "pids.max", "cpu.weight", "cgroup.subtree_control", "logins/cgroup.procs", "cgroup.procs",
        ] {
            try AtomicFile.write("", to: "\(folder)/\(name)")
        }
        try AtomicFile.write("", to: "\(root.path)/cgroup.subtree_control")
        try AtomicFile.write("cpu io pids\n", to: "\(folder)/cgroup.controllers")
        func text(_ name: String) throws -> String { try FileContents.readText("\(root.path)/\(name)", limit: 4096) }
        let group = ControlGroup(.two, folders: [folder], freezer: "\(folder)/logins")
        try group.create(.init(memory: 1 << 20, processes: 7, weight: 50))
        #expect(try text("x/memory.max") == "1048576")
        #expect(try text("x/pids.max") == "7")
        #expect(try text("x/cpu.weight") == "50")
        // The group around it hands on what was missing.
        #expect(try text("cgroup.subtree_control").contains("+memory"))
        try group.add(11, freezable: true)
        try group.add(12, freezable: false)
        #expect(try text("x/logins/cgroup.procs") == "11")
        #expect(try text("x/cgroup.procs") == "12")
        #expect(group.members == [11, 12])
        // A bound that cannot be set is an error; a share that cannot be, as io.weight here, is not.
        Paths.removeIfPossible("\(folder)/pids.max")
        #expect(throws: SystemCallError.self) { try group.create(.init(memory: 1 << 20, processes: 7, weight: 50)) }
    }

    @Test func membersAreEndedByTheKernelWhereItCanDoThat() throws {
        let root = try TemporaryDirectory()
        try Folder.make("\(root.path)/logins")
        try AtomicFile.write("", to: "\(root.path)/cgroup.kill")
        let child = try ChildProcess("/bin/sleep", ["60"])
        defer {
            child.send(.kill)
            child.wait()
        }
        try AtomicFile.write("\(child.pid)\n", to: "\(root.path)/cgroup.procs")
        let group = ControlGroup(.two, folders: [root.path], freezer: "\(root.path)/logins")
        // Files that are none of the kernel's keep the folder.
        #expect(!group.remove())
        #expect(try FileContents.readText("\(root.path)/cgroup.kill", limit: 10) == "1")
        #expect(child.reap() == nil)
        Paths.removeIfPossible("\(root.path)/cgroup.kill")
        try Folder.make("\(root.path)/logins")
        #expect(!group.remove())
        #expect(child.wait() == .killed(signal: SIGKILL))
    }

    // MARK: Real ones

    /// Whether this machine lets us make groups that bound memory and processes.
    static let canMake: Bool = {
        guard let group = ControlGroup(name: "oscircular-test-\(getpid())", in: .current()),
            (try? group.create(.init(memory: 1 << 26, processes: 10, weight: 50))) != nil
        else { return false }
        return group.remove()
    }()

    private func withGroup(
        memory: Int = 1 << 28, processes: Int = 50, _ body: (ControlGroup) throws -> Void
    ) throws {
        let name = "oscircular-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let group = try #require(ControlGroup(name: name, in: .current()))
        try group.create(.init(memory: memory, processes: processes, weight: 50))
        defer {
            #expect(group.remove())
            for folder in group.folders + [group.freezer].compactMap({ $0 }) { #expect(!Folder.isFolder(folder)) }
        }
        try body(group)
    }

    private func start(_ script: String, in group: ControlGroup, output: Int32? = nil) throws -> ChildProcess {
        try ChildProcess.held("/bin/sh", ["-c", script], standardOutput: output) { try group.add($0, freezable: true) }
    }

    @Test(.enabled(if: canMake, "SKIPPED: needs the right to make control groups")) func processesAreCountedTogether()
        throws
    {
        try withGroup(processes: 10) { group in
            // A shell that cannot start another ends.
            let script = "for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait"
            let shells = try (0..<3).map { _ in try start(script, in: group) }
            #expect(eventuallyBlocking { shells.contains { $0.reap() != nil } })
            #expect((6...10).contains(group.members.count), "\(group.members.count)")
            // Nobody else is bounded.
            #expect(try ChildProcess.run("/bin/sh", ["-c", "sleep 0 & wait; echo others"]).text == "others")
            #expect(group.remove())
            for shell in shells { #expect(eventuallyBlocking { shell.reap() != nil }) }
        }
    }

    @Test(.enabled(if: canMake, "SKIPPED: needs the right to make control groups")) func memoryIsBounded() throws {
        try withGroup(memory: 1 << 25) { group in
            // Without the bound it would end at its own limit, and not by a signal.
            let child = try start("ulimit -v 4000000; exec tail /dev/zero", in: group)
            #expect(child.wait() == .killed(signal: SIGKILL))
        }
    }

    @Test(.enabled(if: canMake, "SKIPPED: needs the right to make control groups"))
    func whoIsFrozenStopsAndGoesOn() throws {
        try withGroup { group in
            let pipe = try Pipe()
            let child = try start("while :; do echo; sleep 0.01; done", in: group, output: pipe.writing.descriptor)
            try pipe.reading.makeNonblocking()
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)
            defer { buffer.deallocate() }
            func writes(within milliseconds: Int32) throws -> Bool {
                // What came before.
                while case .bytes = try pipe.reading.receive(into: buffer) {}
                var sources = [PollSource(pipe.reading.descriptor)]
                return try PollSource.wait(for: &sources, milliseconds: milliseconds)
            }
            try #require(group.freezer != nil, "this kernel has no freezer")
            #expect(try writes(within: 20_000))
            #expect(group.setFrozen(true))
            #expect(try !writes(within: 300))
            #expect(group.setFrozen(false))
            #expect(try writes(within: 20_000))
            // The group is removed while its members are frozen.
            #expect(group.setFrozen(true))
            #expect(group.remove())
            #expect(child.wait() == .killed(signal: SIGKILL))
        }
    }
}

import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import GuestNetwork

/// What one guest's logins take from another's, and from the host: nothing.
@Suite(
    .serialized, .timeLimit(.minutes(4)),
    .enabled(
        if: HostProgram.allCases.allSatisfy { (try? $0.path()) != nil },
        "SKIPPED: needs openssh-server, openssh-client, bubblewrap and util-linux"))
struct SessionBoundsTests {
    /// Whether a session as a whole can be bounded here: by a scope of systemd, or by groups.
    private static let canMake: Bool = {
        guard let folder = try? TemporaryDirectory() else { return false }
        let bounds = SessionBounds(name: "oscircular-test-\(getpid())-a", record: folder.path("bounds"))
        defer { bounds.close() }
        return !bounds.isPerProcess
    }()

    /// Whether that is by groups of our own, which need somebody to remove them.
    private static let makesOwnGroups = canMake && SystemdScope.current(name: "x") == nil

    /// Bounds with a record, ended in any case.
    private final class Bounded: Sendable {
        let folder: TemporaryDirectory
        let name = "oscircular-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let bounds: SessionBounds
        var record: String { folder.path("bounds") }
        /// Of the group or scope.
        var members: [ProcessID] { bounds.group?.members ?? [] }

        init(memory: Int = 1 << 28, processes: Int = 100) throws {
            folder = try TemporaryDirectory()
            bounds = SessionBounds(
                name: name, record: folder.path("bounds"),
                limits: .init(memory: memory, processes: processes, weight: 50))
        }

        deinit { bounds.close() }
    }

    @Test(.enabled(if: canMake, "SKIPPED: needs the right to make control groups"))
    func theProcessesOfOneGuestsLoginsTakeNoneFromAnothers() async throws {
        try await BlockingThread.run {
            let (greedy, other) = (try Bounded(processes: 300), try Bounded())
            let (first, second) = (try SSHFixture(bounds: greedy.bounds), try SSHFixture(bounds: other.bounds))
            let results = TestResults()
            results.start {
                // More than the 256 that one user's processes were limited to in all sandboxes together.
                try first.ssh(
                    "root", "sh -c 'for i in $(seq 320); do sleep 600 & done' 2>/dev/null; touch full; sleep 600",
                    expecting: 255)
            }
            #expect(
                eventuallyBlocking(within: 200) { greedy.members.count >= 295 || first.names == ["full"] })
            #expect(greedy.members.count > 256)
            #expect(try second.ssh("root", "sh -c 'echo $(ls / | wc -l)' >/dev/null; echo works") == "works\n")
            #expect(greedy.members.count <= 300)
            first.gateway.close()
            #expect(greedy.members == [])
            _ = results.wait()
        }
    }

    @Test(.enabled(if: canMake, "SKIPPED: needs the right to make control groups"))
    func theMemoryOfAGuestsLoginsIsBounded() async throws {
        try await BlockingThread.run {
            let bounded = try Bounded(memory: 1 << 27)
            let fixture = try SSHFixture(bounds: bounded.bounds)
            // 3 GiB, by a limit of its own if by nothing else.
            let output = try fixture.ssh("root", "(ulimit -v 3000000; tail /dev/zero 2>&1); echo $?")
            #expect(output.hasPrefix("137\n"), "\(output)")
            #expect(try fixture.ssh("root", "echo works") == "works\n")
        }
    }

    @Test(.enabled(if: canMake, "SKIPPED: needs the right to make control groups"))
    func loginsAreHeldAndGoOn() async throws {
        try await BlockingThread.run {
            let bounded = try Bounded()
            let fixture = try SSHFixture(bounds: bounded.bounds)
            let results = TestResults()
            results.start {
                try fixture.ssh("root", "for i in $(seq 50); do echo x >> file; sleep 0.05; done; echo done")
            }
            let path = fixture.exchange + "/file"
            func size() -> Int { (try? Paths.status(path))??.size ?? 0 }
            #expect(eventuallyBlocking(within: 60) { size() > 2 })
            bounded.bounds.setHeld(true)
            let before = size()
            // A login that comes meanwhile waits, too.
            results.start { try fixture.ssh("root", "echo late") }
            MonotonicClock.pause(milliseconds: 700)
            #expect(size() == before && before < 100)
            bounded.bounds.setHeld(false)
            #expect(results.wait() == ["done\n", "late\n"])
            // Ends with logins that are held, as a session does.
            results.start { try fixture.ssh("root", "touch begun; sleep 60", expecting: 255) }
            #expect(eventuallyBlocking(within: 60) { fixture.names.contains("begun") })
            let group = try #require(bounded.bounds.group)
            bounded.bounds.setHeld(true)
            let ends = TestResults()
            ends.start {
                fixture.gateway.close()
                return "closed"
            }
            #expect(ends.wait() == ["closed"])
            bounded.bounds.setHeld(false)
            bounded.bounds.close()
            #expect(eventuallyBlocking(within: 60) { group.isGone })
            #expect(bounded.folder.names == [])
            _ = results.wait()
        }
    }

    @Test func loginsThatCannotBeFrozenAreEndedAndRefused() async throws {
        try await BlockingThread.run {
            let bounds = SessionBounds()
            let fixture = try SSHFixture(bounds: bounds)
            let results = TestResults()
            results.start { try fixture.ssh("root", "touch begun; sleep 60", expecting: 255) }
            #expect(eventuallyBlocking(within: 60) { fixture.names == ["begun"] })
            bounds.setHeld(true)
            _ = results.wait()
            _ = try fixture.ssh("root", "echo refused", expecting: 255)
            bounds.setHeld(false)
            #expect(try fixture.ssh("root", "echo works") == "works\n")
        }
    }

    @Test func aLoginHasLimitsOfItsOwn() async throws {
        try await BlockingThread.run {
            let bounds = SessionBounds()
            bounds.setRoom(20 << 20)
            let fixture = try SSHFixture(bounds: bounds)
            let output = try fixture.ssh(
                "root", "ulimit -c; ulimit -n; ulimit -d; ulimit -f; ulimit -u; ulimit -s; cat /proc/self/oom_score_adj"
            )
            let limits = output.split(separator: "\n").compactMap { Int($0) }
            // In KiB or blocks of 1 KiB (bash), and in number. The last is what the kernel prefers to end.
            #expect(limits == [0, 64, 32768, 20480, CurrentUser.isRoot ? 32 : 8, 2048, 500], "\(output)")
            // All of them together stay below the session's bound, and so do the buffers of all their sockets: twice the kernel's usual size.
            #expect(limits.count == 7 && (limits[2] << 10) * 32 <= SessionBounds.standard.memory)
            #expect(limits.count == 7 && limits[1] * 2 * 212_992 * 32 <= SessionBounds.standard.memory)
            #expect(bounds.connectionLimit * 8 == 32)
            // A file of a login ends where the room ends.
            let stored = try fixture.ssh("root", "head -c 30000000 /dev/zero > big; stat -c %s big")
            #expect(stored.hasPrefix("20971520\n"), "\(stored)")
        }
    }

    /// The kernel lets a process of a user's own take it back, where a file system does not.
    @Test func aLoginStaysWhatTheKernelPrefersToEnd() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let output = try fixture.ssh(
                "root",
                "for p in self 1 $PPID; do (echo 0 > /proc/$p/oom_score_adj) 2>&1 | grep -c 'Read-only file system'; done; "
                    + "sort -u /proc/[0-9]*/oom_score_adj; echo works > /dev/stderr")
            #expect(output == "1\n1\n1\n500\nworks\n", "\(output)")
        }
    }

    @Test(.enabled(if: makesOwnGroups, "SKIPPED: needs the right to make control groups of its own, and no systemd"))
    func whatADeadSessionLeftIsRemoved() throws {
        let bounded = try Bounded()
        let child = try ChildProcess.held("/bin/sleep", ["60"]) { try bounded.bounds.place($0, .login) }
        let network = try ChildProcess.held("/bin/sleep", ["60"]) { try bounded.bounds.place($0, .network) }
        #expect(bounded.members == [child.pid, network.pid].sorted())
        let group = try #require(bounded.bounds.group)
        bounded.bounds.setHeld(true)
        // Not by another session's name.
        #expect(SessionBounds.clear(record: bounded.record, name: "oscircular-other"))
        #expect(!group.isGone)
        #expect(SessionBounds.clear(record: bounded.record, name: bounded.name))
        #expect(group.isGone)
        for process in [child, network] { #expect(process.wait() == .killed(signal: SIGKILL)) }
        #expect(SessionBounds.clear(record: bounded.record, name: bounded.name))
        #expect(SessionBounds.clear(record: bounded.folder.path("absent"), name: bounded.name))
    }

    @Test(.enabled(if: canMake, "SKIPPED: needs the right to make control groups"))
    func theNetworkIsNotHeldWithTheLogins() throws {
        let bounded = try Bounded()
        let output = try Pipe()
        try output.reading.makeNonblocking()
        let network = try ChildProcess.held(
            "/bin/sh", ["-c", "while :; do echo; sleep 0.01; done"], standardOutput: output.writing.descriptor
        ) { try bounded.bounds.place($0, .network) }
        bounded.bounds.setHeld(true)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 1)
        defer { buffer.deallocate() }
        while case .bytes = try output.reading.receive(into: buffer) {}
        var sources = [PollSource(output.reading.descriptor)]
        #expect(try PollSource.wait(for: &sources, milliseconds: 2000))
        let group = try #require(bounded.bounds.group)
        bounded.bounds.close()
        network.wait()
        #expect(eventuallyBlocking(within: 60) { group.isGone })
    }

    // MARK: systemd

    @Test func aManagerThatIsGoneIsAskedNoMore() throws {
        let reports = Mutex<[String]>([])
        let scope = SystemdScope(manager: .user, unit: "oscircular-test.scope", runtime: "/nonexistent")
        let bounds = SessionBounds(scope: scope) { text in reports.withLock { $0.append(text) } }
        #expect(!bounds.isPerProcess && bounds.connectionLimit == 16)
        #expect(throws: GuestNetworkError.self) {
            try ChildProcess.held("/bin/true", []) { try bounds.place($0, .login) }
        }
        #expect(bounds.isPerProcess && bounds.connectionLimit == 4)
        #expect(try ChildProcess.held("/bin/true", []) { try bounds.place($0, .login) }.wait() == .exited(0))
        #expect(reports.withLock { $0.count } == 1)
    }

    @Test func aManagerThatFailsOnceIsAskedAgain() throws {
        let reports = Mutex<[String]>([])
        let scope = SystemdScope(manager: .user, unit: "oscircular-test.scope", runtime: "/nonexistent")
        let bounds = SessionBounds(scope: scope, isThere: { _ in true }) { text in reports.withLock { $0.append(text) }
        }
        func place(_ role: SessionBounds.Role) throws {
            _ = try ChildProcess.held("/bin/true", []) { try bounds.place($0, role) }.wait()
        }
        #expect(throws: GuestNetworkError.self) { try place(.login) }
        #expect(!bounds.isPerProcess && bounds.failures == 1 && reports.withLock { $0.isEmpty })
        // The network is better unbounded than not there.
        try place(.network)
        #expect(!bounds.isPerProcess && reports.withLock { $0.count } == 1)
        #expect(throws: GuestNetworkError.self) { try place(.login) }
        #expect(bounds.isPerProcess && reports.withLock { $0.count } == 2)
        try place(.login)
    }

    /// A login that comes while the manager fails is served all the same.
    @Test func aLoginIsServedWhenTheManagerIsGivenUp() async throws {
        try await BlockingThread.run {
            let scope = SystemdScope(manager: .user, unit: "oscircular-test.scope", runtime: "/nonexistent")
            let bounds = SessionBounds(scope: scope, isThere: { _ in true }) { _ in }
            let fixture = try SSHFixture(bounds: bounds)
            #expect(try fixture.ssh("root", "echo works") == "works\n")
            #expect(bounds.isPerProcess)
        }
    }

    @Test func aManagerOfSystemdIsAskedWhereThereIsOne() {
        let all: Set = [
            "/run/systemd/system", "/usr/bin/busctl", "/run/dbus/system_bus_socket", "/run/user/7/systemd/private",
            "/run/user/7/bus",
        ]
        func manager(_ isRoot: Bool, without path: String = "") -> SystemdScope.Manager? {
            SystemdScope.manager(isRoot: isRoot, runtime: "/run/user/7") { all.contains($0) && $0 != path }
        }
        #expect(manager(true) == .system && manager(false) == .user)
        for path in ["/run/systemd/system", "/usr/bin/busctl"] {
            #expect(manager(true, without: path) == nil && manager(false, without: path) == nil)
        }
        #expect(manager(true, without: "/run/dbus/system_bus_socket") == nil)
        #expect(manager(false, without: "/run/user/7/bus") == nil)
        #expect(manager(false, without: "/run/user/7/systemd/private") == nil)
    }

    @Test func aScopeIsAskedForWithAllItsBounds() {
        let arguments = SystemdScope.start(
            "x.scope", 42, .init(memory: 1 << 30, processes: 512, weight: 50), survivesOutOfMemory: true)
        let text = arguments.joined(separator: " ")
        #expect(text.hasPrefix("StartTransientUnit ssa(sv)a(sa(sv)) x.scope fail 10 Description s "))
        for part in [
            "PIDs au 1 42", "Delegate b true", "MemoryMax t 1073741824", "MemorySwapMax t 0", "TasksMax t 512",
            "CPUWeight t 50", "IOWeight t 50", "OOMPolicy s continue",
        ] { #expect(text.contains(" \(part) "), "\(part)") }
        #expect(text.hasSuffix(" 0"))
        let older = SystemdScope.start(
            "x.scope", 42, .init(memory: 1, processes: 1, weight: 1), survivesOutOfMemory: false)
        #expect(older[4] == "9" && !older.contains("OOMPolicy"))
    }
}

extension ControlGroup {
    fileprivate var isGone: Bool { (folders + [freezer].compactMap { $0 }).allSatisfy { !Folder.isFolder($0) } }
}

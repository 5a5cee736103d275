import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import GuestNetwork

/// The session against a process that hangs, or that a guest has taken over.
@Suite(.serialized, .timeLimit(.minutes(1))) struct NetworkKeeperTests {
    private static let hasPython = BuiltProgram.isInstalled("python3")

    private final class Record: Sendable {
        private let state = Mutex<([ProcessID], [GuestNetwork.Event])>(([], []))

        var processes: [ProcessID] { state.withLock { $0.0 } }
        var events: [GuestNetwork.Event] { state.withLock { $0.1 } }

        func add(_ process: ProcessID) { state.withLock { $0.0.append(process) } }
        func add(_ event: GuestNetwork.Event) { state.withLock { $0.1.append(event) } }

        /// Why the process was lost first.
        var firstLoss: String? {
            for case .lost(let reason) in events { return reason }
            return nil
        }
    }

    /// - Parameter script: Python, run instead of the network's process when that would serve; `control` is its socket to the session.
    private func withNetwork(
        script: String? = nil, patience: UInt64? = nil,
        _ body: @escaping @Sendable (GuestNetwork, Record, _ socketPath: String) throws -> Void
    ) async throws {
        try await BlockingThread.run {
            let folder = try TemporaryDirectory(in: "/tmp", mode: 0o711)
            let gateway = try UnixListener(path: folder.path + "/ssh", owner: TestUser.network?.uid)
            var configuration = GuestNetwork.Configuration.testing(
                mode: .user, socketPath: folder.path + "/net", sshSocketPath: gateway.path)
            if let script {
                configuration.program = folder.path + "/program"
                let start = """
                    #!/usr/bin/env python3
                    import os, socket, time
                    control = socket.socket(fileno=3)
                    control.recv(9999)
                    control.send(b'R')
                    time.sleep(0.3)

                    """
                try AtomicFile.write(Array((start + script).utf8), to: configuration.program, mode: 0o755)
            }
            if let patience { configuration.patience = patience }
            let record = Record()
            configuration.willRun = { record.add($0) }
            let network = try GuestNetwork(configuration)
            defer { network.close() }
            let events = network.events
            Task { for await event in events { record.add(event) } }
            try body(network, record, configuration.socketPath)
        }
    }

    @Test func replacesAProcessThatHangs() async throws {
        try await withNetwork(patience: 300_000_000) { network, record, socketPath in
            let guest = try FakeGuest(socketPath: socketPath)
            #expect(try guest.discover() == VirtualNetwork.guest)
            let starter = try #require(record.processes.last)
            let children = try FileContents.readText("/proc/\(starter)/task/\(starter)/children", limit: 4096)
            let serving = try #require(children.split(separator: " ").first.flatMap { ProcessID($0) })
            kill(serving, SIGSTOP)
            // Each question wakes the session, which would look every three seconds.
            #expect(
                eventuallyBlocking(within: 20) {
                    _ = network.dropped
                    return record.firstLoss != nil
                })
            #expect(record.firstLoss?.contains("did not answer") == true)
            #expect(eventuallyBlocking { record.events.contains(.back) })
            #expect(try guest.discover() == VirtualNetwork.guest)
        }
    }

    /// Without memory, say; here because the session has not read for long.
    @Test func whatCannotBeSentToTheSessionIsSentLater() throws {
        // Nobody else holds the session's end.
        var ends: (MessageSocket, MessageSocket)? = try MessageSocket.pair()
        let own = try #require(ends?.0)
        var session = ends?.1
        ends = nil
        while own.send([0]) {}
        let ended = try EventDescriptor()
        try WorkerThread.start(name: "network") {
            defer { ended.signal() }
            let (peer, slots) = (FramePeer(), PortSlots())
            let options = NetworkProcess.Options(
                mode: .none, gatewayPath: "/nonexistent", user: nil, hasGuestListener: false)
            // What fails here has not reported in the end.
            guard let stack = try? NetworkProcess.makeStack(options, peer), let addresses = try? LocalAddresses(),
                let loop = try? FrameLoop(
                    mode: .none, isGuestServed: false, addresses: addresses, stack: stack, peer: peer, control: own,
                    resolver: nil,
                    ports: GuestPorts(
                        connections: PortConnections(stack: stack, slots: slots, entrances: [], path: ""),
                        slots: slots, peer: peer), slots: slots)
            else { return }
            loop.run(missing: [])
        }
        for expected in [NetworkReport.ready(missing: []), .counts([:])] {
            // It has tried by then.
            MonotonicClock.pause(milliseconds: 300)
            var reports: [NetworkReport] = []
            #expect(
                eventuallyBlocking {
                    while case .message(let bytes, _) = session?.receive() ?? .end {
                        if let report = NetworkReport(bytes) { reports.append(report) }
                    }
                    return !reports.isEmpty
                })
            #expect(reports == [expected])
            while own.send([0]) {}
            session?.send(NetworkOrder.count.bytes)
        }
        session = nil
        #expect(ended.wait(milliseconds: 5000))
    }

    @Test func leavesAProcessAloneThatAnswers() async throws {
        try await withNetwork(patience: 100_000_000) { network, record, socketPath in
            let guest = try FakeGuest(socketPath: socketPath)
            #expect(try guest.discover() == VirtualNetwork.guest)
            for _ in 0..<20 {
                _ = network.dropped
                poll(nil, 0, 30)
            }
            #expect(record.processes.count == 1 && record.events.isEmpty)
        }
    }

    @Test(.enabled(if: hasPython, "SKIPPED: needs python3"))
    func endsAProcessThatReportsWithoutEnd() async throws {
        try await withNetwork(script: "while True: control.send(b'C')\n") { _, record, _ in
            #expect(eventuallyBlocking { record.firstLoss != nil })
            #expect(record.firstLoss?.contains("nobody had asked") == true)
        }
    }

    @Test(.enabled(if: hasPython, "SKIPPED: needs python3"))
    func listensNoLongerToAProcessThatWritesWithoutEnd() async throws {
        // Ends by itself when nobody reads any more.
        try await withNetwork(script: "while True: os.write(2, b'x' * 1000)\n") { _, record, _ in
            #expect(eventuallyBlocking { record.firstLoss != nil })
        }
    }

    @Test func saysWhenQEMULeaves() async throws {
        try await withNetwork { _, record, socketPath in
            do {
                let guest = try FakeGuest(socketPath: socketPath)
                #expect(try guest.discover() == VirtualNetwork.guest)
                #expect(record.events.isEmpty)
            }
            #expect(eventuallyBlocking { record.events == [.unplugged] })
            // A guest that was started in place of another one has the network as well.
            let guest = try FakeGuest(socketPath: socketPath)
            #expect(try guest.discover() == VirtualNetwork.guest)
            #expect(eventuallyBlocking { record.events == [.unplugged, .replugged] })
        }
    }

    /// The user reads what to change.
    @Test(arguments: [
        ("kernel/apparmor_restrict_unprivileged_userns", "1\n", "userns,"),
        ("kernel/unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0\n", "user.max_user_namespaces=10000"), ("other", "1\n", "container"),
    ])
    func saysWhatForbidsNamespaces(name: String, value: String, advice: String) {
        #expect(NetworkConfinement.exposure { $0 == name ? value : nil }.contains(advice))
    }
}

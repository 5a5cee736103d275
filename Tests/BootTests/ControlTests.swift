import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

@Suite struct LineSocketTests {
    private func socketPair() throws -> (FileHandle, FileHandle) {
        var ends: [Int32] = [-1, -1]
        try systemCall("socketpair") { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) }
        return (FileHandle(owning: ends[0]), FileHandle(owning: ends[1]))
    }

    @Test func valuesGoThereInTheirOrder() throws {
        let (left, right) = try socketPair()
        try LineSocket.send(ControlRequest(command: .pause), to: left)
        try LineSocket.send(ControlResponse(refusal: "two\nlines \"quoted\" / ä"), to: left)
        let lines = LineReader(right)
        #expect(try lines.next(ControlRequest.self)?.command == .pause)
        #expect(try lines.next(ControlResponse.self)?.refusal == "two\nlines \"quoted\" / ä")
        // A line that comes in pieces, and one without its newline at the end.
        for piece in ["{\"comm", "and\": \"stop\"}\n{\"command\":", " \"force\"}"] {
            try piece.withBytes { (buffer) throws(SystemCallError) in try left.write(buffer) }
        }
        shutdown(left.descriptor, Int32(SHUT_WR))
        #expect(try lines.next(ControlRequest.self)?.command == .stop)
        #expect(try lines.next(ControlRequest.self)?.command == .force)
        #expect(try lines.next(ControlRequest.self)?.command == nil)
    }

    @Test func theEndGivesNothing() throws {
        let (left, right) = try socketPair()
        shutdown(left.descriptor, Int32(SHUT_WR))
        #expect(try LineSocket.receive(ControlRequest.self, from: right)?.command == nil)
    }

    @Test(arguments: ["{}\n", "{\"command\": \"dance\"}\n", "no JSON\n", "{\"command\": \"sta"])
    func whatIsNoRequestIsRefused(text: String) throws {
        let (left, right) = try socketPair()
        try text.withBytes { (buffer) throws(SystemCallError) in try left.write(buffer) }
        shutdown(left.descriptor, Int32(SHUT_WR))
        #expect(throws: DecodingError.self) { try LineSocket.receive(ControlRequest.self, from: right) }
    }

    @Test func aLineOverTheBoundIsRefusedThoughItsBeginningIsAValue() async throws {
        let (left, right) = try socketPair()
        left.setSocketTimeout(seconds: 10)
        try? WorkerThread.start(name: "long line") {
            let line = "{\"command\": \"stop\"}" + String(repeating: " ", count: 1 << 20) + "\n"
            _ = line.utf8.withContiguousStorageIfAvailable {
                Glibc.send(left.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
        }
        let error = await #expect(throws: SystemCallError.self) {
            try await WorkerThread.run(name: "reader") {
                try LineSocket.receive(ControlRequest.self, from: right)?.command
            }
        }
        #expect(error?.code == EMSGSIZE)
    }
}

@Suite struct ControlTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let registry: SessionRegistry

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { ["XDG_RUNTIME_DIR": folder.path, "XDG_STATE_HOME": folder.path("state")][$0] },
            user: geteuid(), home: folder.path)
        registry = SessionRegistry(places: places)
        try places.prepareRuntime()
    }

    private func status(_ id: String) -> SessionStatus {
        SessionStatus(
            id: id, catalog: "c", distribution: "debian", version: "2026-11-16", state: .running, phase: .up, pid: 1,
            started: "2026-11-23T00:00:00Z", consoleLog: "/x", bytesFetched: 1, bytesFromCache: 2, blocks: 3,
            blocksHere: 4, rate: 5)
    }

    private func serve(_ id: String, _ answer: @escaping @Sendable (ControlRequest) -> ControlResponse) throws
        -> (lock: FileHandle, server: ControlServer)
    {
        let directory = SessionDirectory(id: id, places: places)
        return (try directory.create(), try ControlServer(path: directory.control, answer: answer))
    }

    @Test func aSessionAnswersWithItsStatus() async throws {
        let expected = status("abc")
        let session = try serve("abc") { $0.command == .status ? ControlResponse(status: expected) : ControlResponse() }
        #expect(try await registry.send(.status, to: "abc").status == expected)
        #expect(await registry.statuses() == [expected])
        // Every command has a connection of its own; the server goes on.
        #expect(try await registry.send(.pause, to: "ab").status == nil)
        session.server.close()
    }

    @Test func aRefusalNamesSessionAndReason() async throws {
        let session = try serve("abc") { _ in ControlResponse(refusal: "it is stopping") }
        let error = await #expect(throws: BootError.self) { try await registry.send(.resume, to: "abc") }
        guard case .refused("abc", "it is stopping") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        session.server.close()
    }

    @Test func aSessionThatDoesNotAnswerIsSilent() async throws {
        // One has no socket, one a socket that nobody serves.
        let locks = try ["none", "mute"].map { try SessionDirectory(id: $0, places: places).create() }
        let listener = try UnixListener(path: SessionDirectory(id: "mute", places: places).control)
        for id in ["none", "mute"] {
            let error = await #expect(throws: BootError.self) { try await registry.send(.status, to: id) }
            guard case .sessionSilent(id, pid: nil) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        withExtendedLifetime((locks, listener)) {}
    }

    @Test func aSilentSessionDoesNotHideTheOthers() async throws {
        let expected = status("loud")
        let session = try serve("loud") { _ in ControlResponse(status: expected) }
        let lock = try SessionDirectory(id: "silent", places: places).create()
        #expect(await registry.statuses() == [expected])
        session.server.close()
        withExtendedLifetime(lock) {}
    }

    @Test func aSilentSessionIsNamedWithItsProcessAndEnds() async throws {
        let directory = SessionDirectory(id: "stuck", places: places)
        // As a session's process has it: the lock is its descriptor 4, and nobody else's, and that is among its arguments.
        func start() throws -> ChildProcess {
            let lock = try directory.create()
            return try ChildProcess(
                "perl", ["-e", "sleep 60", "run-session"],
                otherDescriptors: [4: lock.descriptor])
        }
        let child = try start()
        let list = await registry.survey(patience: .milliseconds(50))
        #expect(list.sessions.isEmpty)
        #expect(list.silent == [SilentSession(id: "stuck", pid: child.pid)])
        let error = await #expect(throws: BootError.self) { try await registry.send(.status, to: "stuck") }
        guard case .sessionSilent("stuck", pid: child.pid) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let process = try await WorkerThread.run(name: "kill") { [registry] in registry.kill(directory) }
        #expect(process == child.pid)
        #expect(child.wait() == .killed(signal: SIGKILL))
        #expect(access(directory.path, F_OK) != 0)
        #expect(await registry.survey(patience: .zero).silent.isEmpty)
    }

    @Test func aSessionThatStartsIsWaitedFor() async throws {
        let expected = status("new")
        let directory = SessionDirectory(id: "new", places: places)
        let lock = try directory.create()
        async let list = registry.survey(patience: .seconds(10))
        try await Task.sleep(for: .milliseconds(150))
        let server = try ControlServer(path: directory.control) { _ in ControlResponse(status: expected) }
        #expect(await list.sessions == [expected])
        server.close()
        withExtendedLifetime(lock) {}
    }

    @Test func aCommandWaitsForASessionThatStarts() async throws {
        let directory = SessionDirectory(id: "new", places: places)
        let lock = try directory.create()
        async let answer = registry.send(.stop, to: "new", patience: .seconds(10))
        try await Task.sleep(for: .milliseconds(150))
        let commands = Mutex<[ControlCommand]>([])
        let server = try ControlServer(path: directory.control) { request in
            commands.withLock { $0.append(request.command) }
            return ControlResponse()
        }
        _ = try await answer
        #expect(commands.withLock { $0 } == [.stop])
        server.close()
        withExtendedLifetime(lock) {}
    }

    @Test func aPeerThatTalksNonsenseOrSaysNothingStopsNobody() async throws {
        let expected = status("abc")
        let session = try serve("abc") { _ in ControlResponse(status: expected) }
        let path = SessionDirectory(id: "abc", places: places).control
        let mute = try UnixListener.connect(to: path)
        let loud = try UnixListener.connect(to: path)
        try "nonsense\n".withBytes { (buffer) throws(SystemCallError) in try loud.write(buffer) }
        #expect(try await registry.send(.status, to: "abc").status == expected)
        session.server.close()
        withExtendedLifetime(mute) {}
    }

    @Test func aClosedServerLeavesNoSocket() throws {
        let session = try serve("abc") { _ in ControlResponse() }
        let path = SessionDirectory(id: "abc", places: places).control
        var file = stat()
        #expect(lstat(path, &file) == 0)
        #expect(file.st_mode & 0o777 == 0o600)
        session.server.close()
        #expect(access(path, F_OK) != 0)
        #expect(throws: SystemCallError.self) { try UnixListener.connect(to: path) }
    }
}

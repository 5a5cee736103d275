import Glibc
import Linux
import TestSupport
import Testing

@Suite struct PathsTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func error(_ body: () throws -> Void) -> ErrorNumber? {
        #expect(throws: SystemCallError.self) { try body() }?.number
    }

    @Test func filesAreOpenedAsAsked() throws {
        let path = folder.path("file")
        #expect(error { _ = try FileHandle(path, for: .reading) } == .noSuchFile)
        do {
            let file = try FileHandle(path, for: .writing, .createNew, mode: 0o600)
            try [1, 2, 3].withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
            #expect(fcntl(file.descriptor, F_GETFD) == FD_CLOEXEC)
        }
        #expect(error { _ = try FileHandle(path, for: .writing, .createNew) } == .fileExists)
        #expect(error { _ = try FileHandle(path, for: .reading, .folder) } == .notAFolder)
        #expect(error { _ = try FileHandle(folder.path, for: .both) } == .isAFolder)
        let file = try FileHandle(path, for: .both, .append)
        try [4].withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
        #expect(try FileContents.read(path, limit: 10) == [1, 2, 3, 4])
        #expect(try file.seekToEnd() == 4)
        #expect(try FileHandle(path, for: .writing, [.create, .truncate]).status().size == 0)
        try Paths.makeLink(folder.path("link"), to: "file")
        #expect(error { _ = try FileHandle(folder.path("link"), for: .reading, .refuseLink) } == .isALink)
        #expect(error { _ = try Folder(path: folder.path).file("link", for: .reading) } == .isALink)
    }

    @Test func aStatusHasPlainNames() throws {
        try folder.write([1, 2, 3], to: "file")
        try Paths.makeLink(folder.path("link"), to: "file")
        let status = try #require(try Paths.status(folder.path("link")))
        #expect((status.kind, status.size, status.owner) == (.regular, 3, CurrentUser.id))
        #expect(try Paths.statusOfName(folder.path("link"))?.kind == .link)
        #expect(try Paths.status(folder.path)?.kind == .folder)
        #expect(try Paths.statusOfName(folder.path("absent")) == nil)
        #expect(try Paths.status("/dev/null")?.kind == .characterDevice)
        try Paths.addName(folder.path("second"), of: folder.path("file"))
        #expect(try Paths.status(folder.path("second"))?.identity == status.identity)
        #expect(abs(status.modifiedSeconds - WallClock.seconds) < 100)
    }

    @Test func permissionsAndOwnersAreSet() throws {
        try folder.write([1], to: "file")
        try Paths.setPermissions(folder.path("file"), 0o751)
        #expect(try Paths.status(folder.path("file"))?.permissions == 0o751)
        let file = try FileHandle(folder.path("file"), for: .reading)
        try file.setPermissions(0o640)
        #expect(try file.status().permissions == 0o640)
        // To oneself is allowed to everybody.
        try Paths.setOwner(folder.path("file"), CurrentUser.id)
        try file.setOwner(CurrentUser.id, CurrentUser.group)
        #expect(error { try Paths.setPermissions(folder.path("absent"), 0o600) } == .noSuchFile)
    }

    @Test func linksLeadWhereTheyAreWritten() throws {
        try folder.write([1], to: "file")
        try Paths.makeLink(folder.path("link"), to: "no/such/place")
        #expect(try Paths.target(ofLink: folder.path("link")) == "no/such/place")
        #expect(try Paths.target(ofLink: folder.path("file")) == nil)
        #expect(try Paths.target(ofLink: folder.path("absent")) == nil)
        #expect(error { try Paths.makeLink(folder.path("link"), to: "x") } == .fileExists)
        #expect(ResolvedPath.existing(folder.path("link")) == nil)
        #expect(
            ResolvedPath.existing("\(folder.path)/../\(folder.path.split(separator: "/").last ?? "")") == folder.path)
    }

    @Test func accessIsWhatTheKernelSays() throws {
        try folder.write([1], to: "file")
        #expect(Paths.allows([], folder.path("file")) && Paths.allows([.reading, .writing], folder.path("file")))
        #expect(!Paths.allows(.executing, folder.path("file")))
        #expect(!Paths.allows([], folder.path("absent")))
        #expect(Paths.allows(.executing, "/bin/sh"))
        Paths.removeIfPossible(folder.path("file"))
        Paths.removeIfPossible(folder.path("file"))
        #expect(!Paths.allows([], folder.path("file")))
    }

    @Test func temporaryFoldersHaveNamesOfTheirOwn() throws {
        let made = try (0..<20).map { _ in try Folder.makeTemporary(prefix: folder.path("t.")) }
        #expect(Set(made).count == 20)
        #expect(try made.allSatisfy { try Paths.status($0)?.permissions == 0o700 })
        #expect(error { _ = try Folder.makeTemporary(prefix: folder.path("absent/t.")) } == .noSuchFile)
    }
}

@Suite struct ErrorNumberTests {
    @Test func numbersAreThoseOfTheSystem() {
        let error = SystemCallError(.noSpace, call: "write", subject: "/disk/file")
        #expect(error.code == ENOSPC && error.number == .noSpace)
        #expect(error.isOutOfSpace && !error.isAbsent)
        #expect(SystemCallError(code: ENOTDIR, call: "open").isAbsent)
        #expect(error.description == "write /disk/file: No space left on device")
    }
}

@Suite struct ProcessFactsTests {
    @Test func thisProcessAndItsUserAreKnown() throws {
        #expect(CurrentProcess.id == getpid() && CurrentProcess.parent == getppid())
        #expect(CurrentUser.isRoot == (CurrentUser.id == 0))
        let user = try #require(UserDatabase.user(named: "root"))
        #expect(user == UserDatabase.user(id: 0))
        #expect(UserDatabase.user(named: "no such user") == nil)
        #expect(UserDatabase.group(named: "root") == 0)
        #expect(UserDatabase.group(named: "no such group") == nil)
        #expect(!UserDatabase.isMember("no such user", of: "root"))
        #expect(Machine.processors >= 1)
    }

    @Test func signalsThatAreBlockedWait() throws {
        // On a thread of its own: what it blocks ends with it.
        let waiting = Monitor<Set<Int32>?>(nil)
        try WorkerThread.start(name: "signals") {
            Signal.block([.windowSize])
            guard let descriptor = try? SignalDescriptor([Signal.windowSize]) else { return }
            pthread_kill(pthread_self(), SIGWINCH)
            var sources = [PollSource(descriptor.descriptor)]
            _ = try? PollSource.wait(for: &sources, milliseconds: 5000)
            waiting.change { $0 = descriptor.take() }
        }
        #expect(waiting.wait { $0 } == [SIGWINCH])
    }

    @Test func aPauseLasts() {
        let begun = MonotonicClock.nanoseconds
        MonotonicClock.pause(milliseconds: 20)
        #expect(MonotonicClock.nanoseconds - begun >= 20_000_000)
    }

    @Test func onlyTerminalsAreTerminals() throws {
        let pipe = try Pipe()
        #expect(!TerminalDevice.isTerminal(pipe.reading.descriptor))
        #expect(TerminalDevice.size(of: pipe.reading.descriptor) == nil)
        #expect(RawTerminal(pipe.reading.descriptor) == nil)
    }
}

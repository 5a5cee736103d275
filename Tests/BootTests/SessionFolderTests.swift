import Boot
import Glibc
import Linux
import TestSupport
import Testing

@Suite struct SessionFolderTests {
    private let folder: TemporaryDirectory
    private let places: Places
    private let registry: SessionRegistry

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        places = Places(
            environment: { ["XDG_RUNTIME_DIR": folder.path("run"), "XDG_STATE_HOME": folder.path("state")][$0] },
            user: geteuid(), home: folder.path)
        registry = SessionRegistry(places: places)
        try places.prepareRuntime()
    }

    private func session(_ id: String) -> SessionDirectory { SessionDirectory(id: id, places: places) }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test func aRuntimeFolderTooLongForSocketsIsSaidBeforeAnythingStarts() async throws {
        let deep = folder.path(String(repeating: "x", count: 80))
        let places = Places(
            environment: { ["XDG_RUNTIME_DIR": deep, "XDG_STATE_HOME": folder.path("state")][$0] }, user: geteuid(),
            home: folder.path)
        let request = BootRequest(
            id: "abcdefgh", name: "tiny", memoryMiB: nil, cpus: nil, display: .none, network: "none", accel: "auto",
            connect: nil)
        let error = await #expect(throws: BootError.self) {
            _ = try await SessionLauncher(places: places, program: "/bin/false").start(request)
        }
        guard case .longRuntimeFolder = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(SessionRegistry(places: places).ids() == [])
    }

    @Test func aSessionLivesForAsLongAsItsLockIsHeld() throws {
        let directory = session("abc")
        #expect(!directory.isAlive)
        do {
            let lock = try directory.create()
            #expect(directory.isAlive)
            #expect(registry.ids() == ["abc"])
            // To look does not take it.
            #expect(directory.isAlive)
            withExtendedLifetime(lock) {}
        }
        // This process lives on: its number is no proof.
        #expect(exists(directory.lock))
        #expect(!directory.isAlive)
        #expect(registry.ids() == [])
    }

    @Test func anIDThatIsTakenIsRefusedAndItsSessionUntouched() throws {
        let lock = try session("abc").create()
        let error = #expect(throws: BootError.self) { try session("abc").create() }
        guard case .file = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(session("abc").isAlive)
        #expect(try Folder(path: places.sessions).names() == ["abc"])
        withExtendedLifetime(lock) {}
    }

    @Test func whatADeadSessionLeavesOfItsExchangeFolderIsWhatTheUserKeeps() throws {
        for id in ["kept", "empty", "thrown", "alive"] {
            try Folder.make(session(id).exchange(isKept: id != "thrown") + (id == "empty" ? "" : "/below"))
        }
        try Folder.make(session("alive").exchange(isKept: false))
        // The one folder of all guests of earlier versions.
        try folder.makeFolder("state/oscircular/exchange/files")
        let lock = try session("alive").create()
        for id in ["kept", "empty", "thrown"] { _ = try session(id).create() }
        registry.clearStale()
        #expect(try Folder.names(in: places.exchanges).sorted() == ["alive", "alive.temporary", "kept"])
        #expect(exists(session("kept").exchange(isKept: true) + "/below"))
        #expect(exists(folder.path("state/oscircular/exchange/files")))
        withExtendedLifetime(lock) {}
    }

    @Test func noExchangeFolderIsRemovedForATimeThatItsGuestHasSet() throws {
        let lock = try session("alive").create()
        var longAgo = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
        // The second one's session has another runtime folder.
        for id in ["alive", "elsewhere"] {
            let path = session(id).exchange(isKept: false)
            try Folder.make("\(path)/below")
            #expect(utimes(path, &longAgo) == 0)
        }
        registry.clearStale()
        #expect(try Folder.names(in: places.exchanges).sorted() == ["alive.temporary", "elsewhere.temporary"])
        withExtendedLifetime(lock) {}
    }

    @Test func aSessionThatIsBeingMadeIsNeverTakenForADeadOne() async throws {
        let registry = registry
        let clearing = Monitor(false)
        try? WorkerThread.start(name: "clearing") {
            while clearing.wait(until: { _ in 0 }, { $0 ? true : nil }) == nil { registry.clearStale() }
        }
        let places = places
        let failures = try await WorkerThread.run(name: "making") {
            (0..<500).filter { number in
                let directory = SessionDirectory(id: "s\(number)", places: places)
                guard let lock = try? directory.create() else { return true }
                defer { withExtendedLifetime(lock) {} }
                return !directory.isAlive || access(directory.lock, F_OK) != 0
            }
        }
        clearing.change { $0 = true }
        #expect(failures == [])
    }

    @Test func clearingRemovesTheDeadAndLeavesTheLiving() throws {
        let living = session("living")
        let lock = try living.create()
        let dead = session("dead")
        _ = try dead.create()
        for directory in [living, dead] {
            try AtomicFile.write("x", to: directory.overlay)
            try Folder.make(directory.secrets)
            try AtomicFile.write("x", to: directory.keyIntoGuest)
            try AtomicFile.write("x", to: directory.log)
        }
        // Left by a session from before the machine was started anew.
        try AtomicFile.write("x", to: session("older").overlay)
        var longAgo = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
        utimes(session("older").overlay, &longAgo)
        // Of a session that lives below another runtime folder.
        try AtomicFile.write("x", to: session("elsewhere").overlay)
        try AtomicFile.write("x", to: "\(places.overlays)/No-Session.qcow2")
        registry.clearStale()
        #expect(!exists(dead.path))
        #expect(!exists(dead.overlay))
        #expect(exists(dead.log))
        #expect(!exists(session("older").overlay))
        #expect(exists(session("elsewhere").overlay))
        #expect(exists("\(places.overlays)/No-Session.qcow2"))
        #expect(living.isAlive)
        #expect(exists(living.overlay))
        #expect(exists(living.keyIntoGuest))
        withExtendedLifetime(lock) {}
    }

    @Test func logsOfTheNewestTwentyAndOfTheLivingAreKept() throws {
        let living = session("living")
        let lock = try living.create()
        let ended = (0..<25).map { session("s\($0)") }
        for (age, directory) in ([living] + ended.reversed()).enumerated() {
            // Every third one has only one file: it failed before there was a guest.
            let paths = age.isMultiple(of: 3) ? [directory.processLog] : [directory.log, directory.processLog]
            for path in paths {
                try AtomicFile.write("x", to: path)
                var times = [
                    timeval(tv_sec: 1_000_000 + age, tv_usec: 0), timeval(tv_sec: 1_000_000 + age, tv_usec: 0),
                ]
                #expect(utimes(path, &times) == 0)
            }
        }
        try AtomicFile.write("x", to: "\(places.logs)/NOTES.txt")
        registry.trimLogs()
        // s0 is the newest.
        #expect((0..<20).allSatisfy { exists(ended[$0].processLog) })
        #expect((20..<25).allSatisfy { !exists(ended[$0].processLog) && !exists(ended[$0].log) })
        #expect(exists(living.processLog))
        #expect(exists("\(places.logs)/NOTES.txt"))
        withExtendedLifetime(lock) {}
    }

    @Test func theBeginningOfAnIDWillDoWhenItIsTheOnlyOne() throws {
        let locks = try ["abc1", "abc2", "xyz"].map { try session($0).create() }
        #expect(try registry.directory(of: "x").id == "xyz")
        #expect(try registry.directory(of: "abc1").id == "abc1")
        for (text, near) in [
            ("abc", ["abc1", "abc2"]), ("q", ["abc1", "abc2", "xyz"]), ("", ["abc1", "abc2", "xyz"]),
        ] {
            let error = #expect(throws: BootError.self) { try registry.directory(of: text) }
            guard case .noSuchSession(text, near) = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        withExtendedLifetime(locks) {}
    }
}

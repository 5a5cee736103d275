import GuestDomain
import Linux
import TestSupport
import Testing

/// The numbers that the QEMUs of root's guests run as. Any folder will do for the locks, so these need no root.
@Suite struct EmulatorUserTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func claim(
        _ range: ClosedRange<UserID> = EmulatorUser.range, avoidingOwnersIn files: [String] = []
    ) throws -> EmulatorUser {
        try EmulatorUser.claim(
            name: "oscircular-abc", avoidingOwnersIn: files, folder: folder.path("ids"), range: range)
    }

    /// A number that nobody on this machine has.
    private func free() throws -> UserID { try claim().id }

    private func expectNone(_ range: ClosedRange<UserID>, avoidingOwnersIn files: [String] = []) {
        let error = #expect(throws: SystemCallError.self) { try claim(range, avoidingOwnersIn: files) }
        #expect(error?.number == .wouldBlock)
    }

    @Test func eachGuestHasAnotherAndGivesItBack() throws {
        let id = try free()
        do {
            let user = try claim(id...id)
            #expect(EmulatorUser.range.contains(user.id))
            #expect(try FileContents.readText(folder.path("ids/\(id)"), limit: 64) == "oscircular-abc\n")
            expectNone(id...id)
            withExtendedLifetime(user) {}
        }
        #expect(try Folder.names(in: folder.path("ids")) == [])
        #expect(try claim(id...id).id == id)
    }

    @Test func whatSystemdGaveToAServiceIsNotTaken() throws {
        let id = try free()
        try Folder.make(folder.path("ids"))
        let service = try FileHandle(folder.path("ids/\(id)"), for: .both, .createNew)
        #expect(try service.lock(exclusive: true, wait: false))
        expectNone(id...id)
        #expect(try Paths.isThere(folder.path("ids/\(id)")))
    }

    @Test func theNextGuestRemovesWhatKilledSessionsLeft() throws {
        try folder.makeFolder("ids")
        for (id, name) in [61_200: "oscircular-dead", 61_201: "a-service"] {
            try folder.write(Array("\(name)\n".utf8), to: "ids/\(id)")
        }
        let first = try claim(61_202...61_300)
        let second = try claim(61_202...61_300)
        #expect(try Set(Folder.names(in: folder.path("ids"))) == ["61201", "\(first.id)", "\(second.id)"])
        withExtendedLifetime((first, second)) {}
    }

    @Test func usersAndProcessesKeepTheirs() throws {
        // Root is a user, and has processes. So is whoever runs this.
        expectNone(0...0)
        expectNone(CurrentUser.id...CurrentUser.id)
    }

    @Test(.enabled(if: CurrentUser.isRoot, "only root can be another user"))
    func whatAProcessStillHasIsNotTaken() async throws {
        let id = try free()
        let process = try ChildProcess(
            "setpriv", ["--reuid=\(id)", "--regid=\(id)", "--clear-groups", "sleep", "60"], environment: nil)
        defer {
            process.signal(9)
            process.wait()
        }
        #expect(await eventually { (try? Paths.status("/proc/\(process.pid)")?.owner) == id })
        expectNone(id...id)
    }

    @Test(.enabled(if: CurrentUser.isRoot, "only root can give a file to somebody else"))
    func theFilesOfAKilledSessionsGuestAreNotTheNextGuests() throws {
        let id = try free()
        try folder.makeFolder("overlays")
        try folder.write([1], to: "overlays/abc.qcow2")
        try Paths.setOwner(folder.path("overlays/abc.qcow2"), id)
        expectNone(id...id, avoidingOwnersIn: [folder.path("overlays")])
    }
}

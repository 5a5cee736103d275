import GuestDomain
import Linux
import TestSupport
import Testing

/// The numbers that the QEMUs of root's guests run as. Any folder will do for the locks, so these need no root.
@Suite struct ClaimedUserTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func claim(
        _ range: ClosedRange<UserID> = ClaimedUser.range, avoidingOwnersIn files: [String] = []
    ) throws -> ClaimedUser {
        try #require(
            ClaimedUser.claim(
                name: "oscircular-abc", avoidingOwnersIn: files, folder: folder.path("ids"), range: range,
                device: device
            ).first)
    }

    private var device: ProcessorAccess {
        ProcessorAccess(device: folder.path("device"), lock: folder.path("lock"))
    }

    /// A number that nobody on this machine has.
    private func free() throws -> UserID { try claim().id }

    private func expectNone(_ range: ClosedRange<UserID>, avoidingOwnersIn files: [String] = []) {
        let error = #expect(throws: ClaimedUser.Failure.self) { try claim(range, avoidingOwnersIn: files) }
        guard case .taken = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func eachGuestHasAnotherAndGivesItBack() throws {
        let id = try free()
        do {
            let user = try claim(id...id)
            #expect(ClaimedUser.range.contains(user.id))
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

    @Test(.enabled(if: CurrentUser.isRoot, "only root can change who may open a file that it does not own"))
    func whatAKilledSessionMayOpenOfTheProcessorIsClosedAgain() throws {
        let device = try folder.write([1], to: "device")
        try Paths.setPermissions(device, 0o600)
        try AccessList.add(61_200, to: device, lock: folder.path("lock"))
        // Of a file with a list, the group's bits are what the list may give at most.
        #expect(try Paths.status(device)?.permissions == 0o660)
        try folder.makeFolder("ids")
        try folder.write(Array("oscircular-dead\n".utf8), to: "ids/61200")
        _ = try claim(61_202...61_300)
        #expect(try Paths.status(device)?.permissions == 0o600)
    }

    @Test func whatAContainerDoesNotHaveIsNotTakenAndTheFailureSaysWhatToDo() throws {
        let map = try folder.write(Array("         0     100000      61250\n".utf8), to: "map")
        func claim(_ range: ClosedRange<UserID>) throws(ClaimedUser.Failure) -> [ClaimedUser] {
            try ClaimedUser.claim(
                name: "oscircular-abc", avoidingOwnersIn: [], folder: folder.path("ids"), range: range,
                maps: ["/proc/self/uid_map", map], device: device)
        }
        #expect(try claim(61_240...65_519).allSatisfy { $0.id < 61_250 })
        let error = #expect(throws: ClaimedUser.Failure.self) { try claim(61_250...65_519) }
        #expect(error?.description.hasSuffix("as podman run --userns=auto:size=65536 does") == true)
        #expect(try Folder.names(in: folder.path("ids")) == [])
    }

    @Test func thereAreAsManyAsAskedForOrNone() throws {
        func claim(_ count: Int) throws(ClaimedUser.Failure) -> [ClaimedUser] {
            try ClaimedUser.claim(
                count, name: "oscircular-abc", avoidingOwnersIn: [], folder: folder.path("ids"),
                range: 61_400...61_419, device: device)
        }
        let three = try claim(3)
        #expect(Set(three.map(\.id)).count == 3)
        #expect(throws: ClaimedUser.Failure.self) { try claim(18) }
        #expect(try Set(Folder.names(in: folder.path("ids"))) == Set(three.map { "\($0.id)" }))
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
        // As a session's that was killed while its guest lives on: systemd must not give it away.
        try folder.write(Array("oscircular-dead\n".utf8), to: "ids/\(id)")
        expectNone(id...id)
        #expect(try Folder.names(in: folder.path("ids")) == ["\(id)"])
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

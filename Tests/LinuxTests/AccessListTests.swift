import Linux
import TestSupport
import Testing

@Suite(.enabled(if: CurrentUser.isRoot, "only root can be another user"))
struct AccessListTests {
    private let folder: TemporaryDirectory
    private let path: String
    private let lock: String

    init() throws {
        folder = try TemporaryDirectory()
        try Paths.setPermissions(folder.path, 0o711)
        path = try folder.write([1], to: "device")
        try Paths.setPermissions(path, 0o600)
        lock = folder.path("lock")
    }

    private func readers() async throws -> [UserID] {
        var readers: [UserID] = []
        for user in [61_184, 61_185] as [UserID] {
            let read = try await BuiltProgram.runAny(
                "setpriv", ["--reuid=\(user)", "--regid=65534", "--clear-groups", "head", "-c", "1", path])
            if read.status == 0 { readers.append(user) }
        }
        return readers
    }

    @Test func aUserIsLetInAndOutAgainAndNobodyElse() async throws {
        #expect(try await readers() == [])
        try AccessList.add(61_185, to: path, lock: lock)
        #expect(try await readers() == [61_185])
        try AccessList.add(61_184, to: path, lock: lock)
        try AccessList.add(61_184, to: path, lock: lock)
        #expect(try await readers() == [61_184, 61_185])
        try AccessList.remove(61_185, from: path, lock: lock)
        #expect(try await readers() == [61_184])
        // Without an entry as well.
        for user in [61_184, 61_185] as [UserID] { try AccessList.remove(user, from: path, lock: lock) }
        #expect(try await readers() == [])
        #expect(try Paths.status(path)?.permissions == 0o600)
    }

    /// A device may be open to everybody, and whoever opens a file may lock it.
    @Test func whoeverHoldsALockOfTheFileHoldsUpNobody() async throws {
        let (path, lock) = (path, lock)
        let reader = try FileHandle(path, for: .reading)
        #expect(try reader.lock(exclusive: false, wait: false))
        // Lets the thread go on where the lock does hold it up.
        defer { reader.unlock() }
        try WorkerThread.start(name: "access") {
            do {
                try AccessList.add(61_184, to: path, lock: lock)
            } catch {
                Issue.record("\(error)")
            }
        }
        #expect(await eventually { (try? Paths.status(path)?.permissions) == 0o660 })
        #expect(try Paths.status(lock)?.permissions == 0o600, "others can hold the lock")
    }
}

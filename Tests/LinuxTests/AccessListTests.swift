import Linux
import TestSupport
import Testing

@Suite(.enabled(if: CurrentUser.isRoot, "only root can be another user"))
struct AccessListTests {
    private let folder: TemporaryDirectory
    private let path: String

    init() throws {
        folder = try TemporaryDirectory()
        try Paths.setPermissions(folder.path, 0o711)
        path = try folder.write([1], to: "device")
        try Paths.setPermissions(path, 0o600)
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
        try AccessList.add(61_185, to: path)
        #expect(try await readers() == [61_185])
        try AccessList.add(61_184, to: path)
        try AccessList.add(61_184, to: path)
        #expect(try await readers() == [61_184, 61_185])
        try AccessList.remove(61_185, from: path)
        #expect(try await readers() == [61_184])
        // Without an entry as well.
        for user in [61_184, 61_185] as [UserID] { try AccessList.remove(user, from: path) }
        #expect(try await readers() == [])
        #expect(try Paths.status(path)?.permissions == 0o600)
    }
}

import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

/// Whom the parts of root's sessions run as. Any folder will do for the marks, so these need no root.
@Suite struct SessionUsersTests {
    private let folder: TemporaryDirectory
    private let places: Places

    init() throws {
        folder = try TemporaryDirectory()
        places = Places(environment: { _ in nil }, user: 1, home: folder.path)
    }

    private func claim(isRoot: Bool = true, marks: String = "ids", log: (String) -> Void = { _ in }) -> SessionUsers {
        let marks = folder.path(marks)
        return SessionUsers.claim(for: "oscircular-abc", places: places, isRoot: isRoot, log: log) {
            (count, name, files) throws(ClaimedUser.Failure) in
            #expect(files == [places.overlays, places.exchanges, places.homes])
            return try ClaimedUser.claim(count, name: name, avoidingOwnersIn: files, folder: marks)
        }
    }

    @Test func eachPartOfEachSessionHasAUserThatNobodyElseHas() throws {
        let (first, second) = (claim(), claim())
        let numbers = [first, second].flatMap { [$0.emulator, $0.login?.uid, $0.network?.uid] }.compactMap { $0 }
        #expect(Set(numbers).count == 6)
        #expect(numbers.allSatisfy(ClaimedUser.range.contains))
        #expect(first.login?.gid == first.login?.uid)
        #expect(try Set(Folder.names(in: folder.path("ids"))) == Set(numbers.map { "\($0)" }))
        withExtendedLifetime((first, second)) {}
    }

    @Test func aSessionWithoutUsersOfItsOwnStartsAndSaysWhyOnce() throws {
        try folder.write([1], to: "file")
        var lines: [String] = []
        let users = claim(marks: "file/ids") { lines.append($0) }
        #expect(users.emulator == nil && users.login == nil && users.network == nil)
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(line.hasPrefix("warning: this guest has no users of its own"))
        #expect(line.contains("Not a directory") && line.hasSuffix("make it a folder that root can write to"))
    }

    @Test func aUsersSessionRunsAsThatUser() {
        let users = claim(isRoot: false) { Issue.record("\($0)") }
        #expect(users.emulator == nil && users.login == nil && users.network == nil)
    }
}

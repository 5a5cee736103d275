import Boot
import Linux
import TestSupport
import Testing

@testable import oscircular

/// What `ssh`, `console` and others say of a guest that is suspended.
@Suite struct SuspendedSessionTests {
    @Test func whoAsksForASuspendedGuestHearsHowItGoesOn() throws {
        let folder = try TemporaryDirectory()
        let places = Places(
            environment: { ["XDG_RUNTIME_DIR": folder.path("run"), "XDG_STATE_HOME": folder.path("state")][$0] },
            user: 1, home: folder.path)
        let path = "\(places.suspended)/abcd1234"
        try Folder.make(path)
        try AtomicFile.write("{}", to: "\(path)/record.json")
        let context = CommandContext(places: places, configuration: Configuration())
        for id in ["abcd1234", "abcd"] {
            let failure = #expect(throws: SessionFailure.self) { try context.session(id) }
            #expect(
                failure?.message == "session abcd1234 is suspended: 'oscircular resume abcd1234' goes on with it")
        }
        for id in ["zzzz1234", ""] { #expect(throws: BootError.self) { try context.session(id) } }
    }
}

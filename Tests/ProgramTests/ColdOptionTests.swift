import Boot
import Testing

@testable import oscircular

/// Three commands have `--cold`, and each means something of its own.
@Suite struct ColdOptionTests {
    @Test func aBootIsColdOnlyWhereThatIsAsked() throws {
        let cold = try #require(try RootCommand.parseAsRoot(["boot", "tiny", "--cold", "--detach"]) as? BootCommand)
        #expect(cold.cold && cold.detach)
        let usual = try #require(try RootCommand.parseAsRoot(["boot", "tiny"]) as? BootCommand)
        #expect(!usual.cold)
    }

    @Test func whatIsSuspendedGoesOnFromItsDiskOnlyWhereThatIsAsked() throws {
        let cold = try #require(try RootCommand.parseAsRoot(["resume", "abcd1234", "--cold"]) as? ResumeCommand)
        #expect(cold.cold)
        let usual = try #require(try RootCommand.parseAsRoot(["resume", "abcd1234"]) as? ResumeCommand)
        #expect(!usual.cold && usual.share == nil)
    }

    @Test func itGoesOnWithTheFolderThatItHadOrWithoutIt() throws {
        let without = try #require(
            try RootCommand.parseAsRoot(["resume", "--share", "", "abcd1234"]) as? ResumeCommand)
        #expect(without.share?.isEmpty == true && without.id == "abcd1234")
        #expect(throws: (any Error).self) { try RootCommand.parseAsRoot(["resume", "--share", "/srv", "abcd1234"]) }
    }

    @Test func aSavingThatWasCutOffIsNoSuccess() throws {
        var status = SessionStatus(
            id: "abcd1234", catalog: "c", distribution: "d", version: "v", state: .suspended, phase: .up, pid: 0,
            started: "", consoleLog: "/l")
        status.suspended = .init(time: "", memory: 7, disk: 0)
        #expect(SuspendCommand.failure(of: status) == nil)
        status.suspended?.problem = "its memory was not saved to the end: only its disk can be started, cold"
        status.suspended?.memory = 0
        let failure = try #require(SuspendCommand.failure(of: status))
        #expect(failure.exitCode != 0 && failure.message.contains("its memory was not saved to the end"))
        #expect(failure.message.contains("'oscircular resume --cold abcd1234'"))
        status.machine = "work"
        #expect(SuspendCommand.failure(of: status)?.message.contains("'oscircular machines start work'") == true)
    }
}

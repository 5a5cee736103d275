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
        #expect(!usual.cold)
    }
}

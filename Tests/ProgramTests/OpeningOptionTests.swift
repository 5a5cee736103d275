import Boot
import Testing

@testable import oscircular

@Suite struct OpeningOptionTests {
    @Test(arguments: [BootRequest.Display.window, .console, .none])
    func theOptionAfterBootIsTheGuests(_ display: BootRequest.Display) throws {
        let command = try RootCommand.parseAsRoot(["boot", "tiny", "--display", display.rawValue, "--detach"])
        let boot = try #require(command as? BootCommand)
        #expect(boot.opening.display == display)
        let menu = try #require(try RootCommand.parseAsRoot(["--display", display.rawValue]) as? RootCommand)
        #expect(menu.opening.display == display)
    }
}

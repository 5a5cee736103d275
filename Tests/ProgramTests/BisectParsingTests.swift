import Boot
import Testing

@testable import oscircular

/// How `bisect` reads what is typed: the words of its own commands, and a system's name for all else.
@Suite struct BisectParsingTests {
    @Test func aSystemsNameNeedsNoWord() throws {
        let command = try RootCommand.parseAsRoot([
            "bisect", "debian", "--good", "2026-09-07", "--bad", "2026-11-23", "--run", "./test.sh",
        ])
        let start = try #require(command as? BisectCommand.Start)
        #expect(start.name == "debian" && start.good == "2026-09-07" && start.bad == "2026-11-23")
        #expect(start.program == "./test.sh" && start.timeout == 600 && start.noBoot == .skip)
    }

    @Test func aSystemThatIsCalledAsACommandCanBeNamed() throws {
        #expect(try RootCommand.parseAsRoot(["bisect", "good"]) is BisectCommand.Good)
        let start = try #require(try RootCommand.parseAsRoot(["bisect", "start", "good"]) as? BisectCommand.Start)
        #expect(start.name == "good")
        let full = try #require(try RootCommand.parseAsRoot(["bisect", "test/good"]) as? BisectCommand.Start)
        #expect(full.name == "test/good")
    }

    @Test func answersTakeAVersionAndASystem() throws {
        let command = try RootCommand.parseAsRoot(["bisect", "skip", "2026-11-16", "--of", "test/debian", "--json"])
        let skip = try #require(command as? BisectCommand.Skip)
        #expect(skip.options.version == "2026-11-16" && skip.options.system == "test/debian" && skip.options.json)
    }

    @Test(arguments: [
        ["debian@2026-11-16"], ["debian", "--bad", "2026-11-16"], ["debian", "--timeout", "0"],
        ["debian", "--boot-timeout", "100000"], ["debian", "--json"], ["debian", "--run", "t", "--detach"],
        ["debian", "--no-boot", "maybe"], ["debian", "--memory", "1"], [],
    ]) func whatMakesNoSenseIsRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { try RootCommand.parseAsRoot(["bisect"] + arguments) }
    }

    @Test func whatItsGuestsDoNotGetIsNamed() {
        var settings = SystemSettings()
        #expect(BisectCommand.withheld(settings) == nil)
        (settings.home, settings.share, settings.publish) = ("work", "", [])
        #expect(BisectCommand.withheld(settings) == "the home 'work'")
        (settings.share, settings.publish, settings.clipboard) = ("~/src", ["8080:80"], .on)
        #expect(
            BisectCommand.withheld(settings) == "the home 'work', the folder ~/src, published ports and the clipboard")
    }
}

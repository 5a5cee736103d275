import Linux
import TestSupport
import Testing

/// The port that the demo serves on.
@Suite(.enabled(if: ProgramPath.find("ss") != nil, "ss is not installed: apt-get install iproute2"))
struct DemoPortTests {
    private func choose(_ wanted: Int) async throws -> Int? {
        var share = Substring(#filePath)
        for _ in 0..<3 { share = share.prefix(upTo: share.lastIndex(of: "/") ?? share.startIndex) }
        let chosen = try await BuiltProgram.runAny("\(share)/share/demo/free-port", ["\(wanted)"])
        #expect(chosen.status == 0, "\(chosen.stderr)")
        return Int(chosen.stdout.dropLast())
    }

    @Test func aPortThatNobodyUsesIsTaken() async throws {
        let port = try FreePort.find()
        #expect(try await choose(port) == port)
    }

    @Test func insteadOfAPortThatIsTakenAFreeOneIsChosen() async throws {
        let listener = try LoopbackListener()
        let port = try #require(try await choose(listener.port))
        #expect(port != listener.port)
        #expect((1024..<65_536).contains(port))
        #expect(!FreePort.isAnswering(port))
        #expect(!listener.wasReached, "it was asked for by no connection")
    }
}

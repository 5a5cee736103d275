import Glibc
import Testing

@testable import Linux

/// How a program ends.
@Suite struct MainProgramTests {
    /// Libraries free there what their threads still use.
    @Test func whatLibrariesRegisteredForTheEndIsNotCalled() async {
        await #expect(processExitsWith: .exitCode(3)) {
            atexit { _exit(9) }
            MainProgram.end(3, name: "a")
        }
    }
}

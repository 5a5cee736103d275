import Glibc
import TestSupport
import Testing

@testable import Linux

/// One after the other: the environment is the whole process's. What they set is put back.
@Suite(.serialized) struct EnvironmentTests {
    private func with(_ variables: [String: String?], _ body: () throws -> Void) rethrows {
        let before = variables.keys.map { ($0, getenv($0).map { String(cString: $0) }) }
        defer { for (name, value) in before { set(name, value) } }
        for (name, value) in variables { set(name, value) }
        try body()
    }

    private func set(_ name: String, _ value: String?) {
        if let value { setenv(name, value, 1) } else { unsetenv(name) }
    }

    @Test(arguments: [nil, "", "here", "./here", "~"])
    func aHomeThatIsNoAbsolutePathIsTheUserDatabases(_ value: String?) {
        let known = getpwuid(geteuid()).map { String(cString: $0.pointee.pw_dir) }
        with(["HOME": value]) { #expect(Environment.home == known) }
        with(["HOME": "/home/ann"]) { #expect(Environment.home == "/home/ann") }
    }

    @Test func shortLivedFilesGoWhereTheyCanBeWritten() throws {
        let folder = try TemporaryDirectory()
        for value in [nil, "", "here", "/not/there", "/dev/null"] {
            with(["TMPDIR": value]) { #expect(Environment.temporaryFolder == "/tmp", "\(value ?? "unset")") }
        }
        with(["TMPDIR": folder.path]) { #expect(Environment.temporaryFolder == folder.path) }
    }

    @Test func programsThatAreStartedSeeTheSame() {
        let names = ["HOME", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "PATH"]
        with(Dictionary(uniqueKeysWithValues: names.map { ($0, $0 == "PATH" ? "" : "here") })) {
            Environment.settle()
            #expect(getenv("HOME").map { String(cString: $0).hasPrefix("/") } == true)
            for name in names.dropFirst() { #expect(getenv(name) == nil, "\(name)") }
        }
        with(["XDG_STATE_HOME": "/s", "PATH": "/usr/bin"]) {
            Environment.settle()
            #expect(getenv("XDG_STATE_HOME").map { String(cString: $0) } == "/s")
            #expect(getenv("PATH").map { String(cString: $0) } == "/usr/bin")
        }
    }
}

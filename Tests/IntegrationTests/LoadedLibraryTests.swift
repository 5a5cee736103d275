import Linux
import TestSupport
import Testing

/// Which libraries a program loads at its start, and which at their first use: they are a third of a short command's time.
@Suite struct LoadedLibraryTests {
    private let folder: TemporaryDirectory
    private let environment: [String: String]

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        var environment = ["PATH": Environment.value("PATH") ?? "/usr/bin:/bin", "HOME": folder.path]
        for name in ["RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME", "CACHE_HOME"] {
            environment["XDG_\(name)"] = folder.path(name)
            try Folder.make(folder.path(name), mode: 0o700)
        }
        self.environment = environment
    }

    private func loaded(_ program: String, _ arguments: [String]) async throws -> String {
        let environment = environment.merging(["LD_DEBUG": "files"]) { $1 }
        let result = try await BuiltProgram.run(program, arguments, environment: environment)
        #expect(result.stderr.contains("libc.so.6"), "the loader says nothing")
        return result.stderr
    }

    @Test(arguments: [["--version"], ["list", "--offline"], ["sessions"], ["cache", "status"]])
    func whatAsksNobodyLoadsNeitherLibcurlNorLibvirt(_ arguments: [String]) async throws {
        let loaded = try await loaded("oscircular", arguments)
        #expect(!loaded.contains("file=libcurl.so"))
        #expect(!loaded.contains("file=libvirt.so"))
    }

    @Test func aTransferLoadsLibcurl() async throws {
        #expect(
            try await loaded("oscircular", ["catalog", "add", "x", "http://127.0.0.1:1/"]).contains("file=libcurl.so"))
        #expect(!(try await loaded("oscircular-publish", ["--version"])).contains("file=libcurl.so"))
    }

    @Test func aLibcurlThatCannotBeLoadedIsNamed() async throws {
        try Folder.make(folder.path("libraries"))
        try folder.write(Array("not a library, but long enough to be looked at".utf8), to: "libraries/libcurl.so.4")
        let result = try await BuiltProgram.run(
            "oscircular", ["catalog", "add", "x", "http://127.0.0.1:1/"],
            environment: environment.merging(["LD_LIBRARY_PATH": folder.path("libraries")]) { $1 })
        #expect(result.status == 69, "\(result)")
        #expect(result.stderr.contains("libcurl.so.4"), "\(result.stderr)")
    }
}

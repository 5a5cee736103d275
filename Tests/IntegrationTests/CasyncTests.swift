import Glibc
import Linux
import TestSupport
import Testing

/// Images that casync has made are mounted by us, and the other way round.
@Suite(
    .serialized,
    .enabled(if: ProgramPath.find("casync") != nil, "casync is not installed: apt-get install casync"),
    .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct CasyncTests {
    @Test(arguments: [[], ["--chunk-size=262144:262144:262144"], ["--digest=sha256"], ["--digest=sha512-256"]])
    func whatCasyncMadeIsServedByteForByte(_ options: [String]) async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 9_000_123, seed: 11)
            let base = try scenario.emptyFolder("casync")
            let made = try await BuiltProgram.runAny(
                "casync", ["make", "--store=\(base)/default.castr"] + options + ["\(base)/disk.caibx", image])
            try #require(made.status == 0, "\(made.stderr)")
            let server = try FaultyHTTPServer(folder: base)
            let directory = try scenario.emptyFolder("m")
            for index in ["\(base)/disk.caibx", "\(server.url)disk.caibx"] {
                try await scenario.client("cache", "clear")
                try await scenario.client("mount", index, directory)
                #expect(try await scenario.areEqual(image, "\(directory)/disk"), "\(index)")
                try await scenario.client("umount", directory)
            }
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func whatWeMadeIsExtractedByCasync() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 5_000_001, seed: 12)
            let index = try await scenario.make(image, as: "disk")
            let output = scenario.folder.path("extracted.img")
            let store = scenario.folder.path("loose/default.castr")
            let extracted = try await BuiltProgram.runAny(
                "casync", ["extract", "--store=\(store)", index, output])
            #expect(extracted.status == 0, "\(extracted.stderr)")
            #expect(try await scenario.areEqual(image, output))
        }
    }
}

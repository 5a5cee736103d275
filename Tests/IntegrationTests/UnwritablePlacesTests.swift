import Glibc
import Linux
import TestSupport
import Testing

/// `oscircular mount` where nothing of the user's can be written.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct UnwritablePlacesTests {
    @Test func aMountNeedsNoFolderThatCanBeWritten() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 3_000_001, seed: 4)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            // Files where the folders of logs and blocks should be.
            for name in ["no-state", "no-cache"] { try scenario.folder.write([1], to: name) }
            var environment = scenario.environment
            environment["XDG_STATE_HOME"] = scenario.folder.path("no-state")
            environment["XDG_CACHE_HOME"] = scenario.folder.path("no-cache")
            let result = try await BuiltProgram.run(
                "oscircular", ["mount", index, directory], environment: environment)
            #expect(result.status == 0, "\(result.stderr)")
            #expect(result.stdout == "\(directory)/disk\n")
            #expect(result.stderr.contains("without a log") && result.stderr.contains("no-state"), "\(result.stderr)")
            #expect(result.stderr.contains("cannot be kept in \(scenario.folder.path("no-cache"))"), "\(result.stderr)")
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func aVersionsIndexNeedsNoPlaceInTheState() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 300_001, seed: 5)
            _ = try await scenario.publisher("add", scenario.tree, "tiny", "2026-11-16", image)
            try await scenario.client("catalog", "refresh")
            // A file where the folder of indexes should be: root may write in any folder.
            let indexes = "state/oscircular/catalogs/test/indexes"
            try scenario.folder.write([1], to: indexes)
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", "tiny", directory)
            #expect(try await scenario.areEqual(image, "\(directory)/2026-11-16"))
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
            let runtime = try Folder.names(in: scenario.folder.path("run/oscircular"))
            #expect(!runtime.contains { $0.contains("index") }, "left: \(runtime)")
        }
    }
}

import Glibc
import ImageIndex
import Linux
import TestSupport
import Testing

/// A server that misbehaves, seen through a mounted image.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct FaultTests {
    private static let size = 12 * 262_144

    /// Mounts an image of twelve blocks, whose blocks a faulty server has.
    private func withMount(
        configuration: String = "", prepare: (FaultyHTTPServer, [String]) -> Void,
        _ body: (Scenario, FaultyHTTPServer, _ blocks: [String], _ image: String, _ file: String) async throws -> Void
    ) async throws {
        try await Scenario.with(configuration: configuration) { scenario in
            let image = scenario.folder.path("a.img")
            try PublisherFixtures.writeImage([.random(Self.size, seed: 21)], to: image)
            let index = try await scenario.make(image, as: "disk", in: "served")
            var blocks: [String] = []
            try ImageIndex(path: index).forEachBlock { blocks.append("/default.castr/\($0.id.chunkStorePath)") }
            let server = try FaultyHTTPServer(folder: scenario.folder.path("served"))
            prepare(server, blocks)
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", index, directory, "--store", "\(server.url)default.castr/")
            try await body(scenario, server, blocks, image, "\(directory)/disk")
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func oneFailureOfEachKindIsNotSeen() async throws {
        try await withMount { server, blocks in
            server.script(blocks[0], .status(404))
            server.script(blocks[1], .status(503))
            server.script(blocks[2], .wrongBytes)
            server.script(blocks[3], .truncated(after: 1000))
            server.script(blocks[4], .reset(after: 1000))
            server.script(blocks[5], .replaced([]))
            server.script(blocks[6], .replaced([UInt8](repeating: 0, count: 262_144)))
            server.script(blocks[7], .status(500), .status(429))
            server.script(blocks[8], .endless)
            server.script(blocks[9], .drip(bytes: 16_384, everyMilliseconds: 100))
            server.script(blocks[10], .delay(milliseconds: 1500))
        } _: { scenario, server, blocks, image, file in
            #expect(try await scenario.areEqual(image, file))
            for block in blocks[..<7] + [blocks[8]] {
                #expect(server.requests.count { $0 == block } == 2, "it failed once and was asked for again")
            }
            #expect(server.requests.count { $0 == blocks[7] } == 3, "it failed twice")
            for block in blocks[9...10] { #expect(server.requests.count { $0 == block } == 1, "slow is no failure") }
            let verified = try await scenario.client("cache", "verify")
            #expect(verified.contains(" 0 damaged"), "nothing wrong was kept: \(verified)")
        }
    }

    @Test(arguments: [HTTPFault.wrongBytes, .status(404), .hang, .truncated(after: 100), .reset(after: 100)])
    func whatNeverComesRightIsAnErrorInTimeAndNeverZeros(_ fault: HTTPFault) async throws {
        try await withMount(configuration: "[read]\nbound = 2\n") { server, blocks in
            server.always(blocks[7], fault)
        } _: { scenario, server, blocks, image, file in
            let start = MonotonicClock.nanoseconds
            let read = try await BuiltProgram.runAny(
                "dd", ["if=\(file)", "of=\(scenario.folder.path("out"))", "bs=4096", "count=1", "skip=\(7 * 64 + 3)"])
            let seconds = Double(MonotonicClock.nanoseconds - start) / 1e9
            #expect(read.status == 1)
            #expect(read.stderr.contains("Input/output error"), "\(read.stderr)")
            #expect(seconds < 4.5, "the bound is 2 s: \(seconds)")
            #expect(try FileContents.read(scenario.folder.path("out"), limit: 4096).isEmpty, "no byte was invented")
            // All else is there, although the kernel reads ahead into it.
            for (first, count) in [(0, 7), (8, 4)] {
                let words = "bs=262144 count=\(count) skip=\(first) status=none"
                let part = scenario.folder.path("part")
                let rest = try await BuiltProgram.runAny(
                    "sh",
                    [
                        "-ec",
                        "dd if=\(file) of=\(part) \(words); dd if=\(image) \(words) | cmp - \(part)",
                    ])
                #expect(rest.status == 0, "\(rest.stdout) \(rest.stderr)")
            }
            // And it too, once the server is right again.
            server.always(blocks[7], .none)
            server.stop()
            try server.start()
            var isEqual = false
            for _ in 0..<20 where !isEqual {
                isEqual = try await scenario.areEqual(image, file)
                if !isEqual { try await Task.sleep(for: .milliseconds(500)) }
            }
            #expect(isEqual)
        }
    }

    @Test func aServerThatWentAwayIsWaitedForWithinTheBound() async throws {
        try await withMount(configuration: "[read]\nbound = 20\n") { server, _ in
            server.stop()
        } _: { scenario, server, _, image, file in
            async let equal = scenario.areEqual(image, file)
            try await Task.sleep(for: .seconds(2))
            try server.start()
            #expect(try await equal)
        }
    }
}

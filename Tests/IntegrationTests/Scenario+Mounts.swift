import Glibc
import ImageIndex
import Linux
import TestSupport

extension Scenario {
    /// Runs a test in a scenario of its own and takes everything away afterwards, also when the test fails.
    static func with(
        images: [(version: String, path: String)] = [], options: [String] = [], configuration: String = "",
        _ body: (Scenario) async throws -> Void
    ) async throws {
        let scenario = try await Scenario(images: images, options: options, configuration: configuration)
        do {
            try await body(scenario)
        } catch {
            await scenario.endWithMounts()
            throw error
        }
        await scenario.endWithMounts()
    }

    /// As ``end()``, and without the mounts that a failed test left.
    private func endWithMounts() async {
        await end()
        for path in mounts() { _ = try? await BuiltProgram.runAny("umount", ["-l", path]) }
        for process in mountProcesses() { kill(process, SIGKILL) }
    }

    /// An empty folder of the scenario's own.
    func emptyFolder(_ name: String) throws -> String { try folder.makeFolder(name) }

    /// What is mounted below the scenario's folder, the last first.
    func mounts() -> [String] {
        let table = (try? FileContents.readText("/proc/self/mountinfo", limit: 1 << 20)) ?? ""
        return table.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            return fields.count > 4 && fields[4].hasPrefix(folder.path) ? String(fields[4]) : nil
        }.reversed()
    }

    /// Background processes of `mount`.
    func mountProcesses() -> [pid_t] { ProcessTable.pids(running: "serve-mount", under: folder.path) }

    /// Waits until no process serves a mount and nothing is mounted but, perhaps, at one folder of the test's own.
    func mountsHaveEnded(except own: String = "") async throws -> Bool {
        for _ in 0..<100 {
            let isHere = !mounts().allSatisfy { $0 == own }
            // A sandbox or a guest that started meanwhile took the mount along; its process ends with them.
            if !isHere && (mountProcesses().isEmpty || livesInAnotherNamespace()) { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    /// Whether a process of another mount namespace still sees a mount of ours.
    private func livesInAnotherNamespace() -> Bool {
        Folder.namesIfAny(in: "/proc").filter { pid_t($0) != nil }.contains { pid in
            let table = (try? FileContents.readText("/proc/\(pid)/mountinfo", limit: 1 << 20)) ?? ""
            return table.contains("\(folder.path)/")
        }
    }

    /// Publishes an image without a tree: `folder/NAME.caibx` with its blocks in `folder/default.castr`.
    /// - Returns: the index's path.
    func make(_ image: String, as name: String, in folderName: String = "loose") async throws -> String {
        let base = folder.path(folderName)
        try Folder.make(base)
        let index = "\(base)/\(name).caibx"
        let made = try await BuiltProgram.run(
            "oscircular-publish", ["make", image, index, "--store", "\(base)/default.castr"], environment: environment)
        guard made.status == 0 else { throw Failure("make: \(made.stderr)") }
        return index
    }

    /// Whether two files are equal.
    func areEqual(_ left: String, _ right: String) async throws -> Bool {
        try await BuiltProgram.runAny("cmp", [left, right]).status == 0
    }

    /// An image of data, holes and repeats.
    func image(_ name: String, bytes: Int, seed: UInt64) throws -> String {
        let path = folder.path(name)
        try PublisherFixtures.writeRandomImage(size: bytes, seed: seed, to: path)
        return path
    }

    /// Distinct blocks of an index that are no holes, by their names.
    static func blocks(of index: String) throws -> Set<String> {
        var names: Set<String> = []
        try ImageIndex(path: index).forEachBlock { block in
            if !block.isHole { names.insert(block.id.hex) }
        }
        return names
    }

    /// The names of the blocks in request paths.
    static func blocks(inRequests requests: some Sequence<String>) -> [String] {
        requests.filter { $0.hasSuffix(".cacnk") }.map { String($0.dropLast(6).suffix(64)) }
    }

    /// The published index of a version of `tiny`.
    func publishedIndex(_ version: String) -> String {
        let folder = "\(tree)/targets/tiny"
        return "\(folder)/"
            + (Folder.namesIfAny(in: folder).first { $0.hasSuffix(".\(version).caibx") } ?? version)
    }
}

/// Images of two weeks, of which the second is the first with a few parts changed.
enum TwoWeeks {
    static let older = "2026-11-09"
    static let newer = "2026-11-16"

    /// Writes both into a folder.
    static func make(in folder: TemporaryDirectory) throws -> [(version: String, path: String)] {
        let block = 262_144
        func stretches(_ changed: UInt64) -> [PublisherFixtures.Stretch] {
            [
                .random(8 * block, seed: 1), .hole(4 * block), .random(2 * block, seed: changed), .zeros(block),
                .random(5 * block, seed: 3), .random(block, seed: changed + 1), .random(1000, seed: 4),
            ]
        }
        let paths = [folder.path("older.img"), folder.path("newer.img")]
        try PublisherFixtures.writeImage(stretches(100), to: paths[0])
        try PublisherFixtures.writeImage(stretches(200), to: paths[1])
        return [(older, paths[0]), (newer, paths[1])]
    }
}

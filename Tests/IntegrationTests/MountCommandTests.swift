import Glibc
import Linux
import TestSupport
import Testing

/// `oscircular mount` and `umount` as a user runs them, with a real web server and the kernel's FUSE.
@Suite(.serialized, .enabled(if: MountingMachine.isReady, MountingMachine.reason))
struct MountCommandTests {
    @Test func anIndexIsMountedAsOneFileEqualToTheImage() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 20_000_001, seed: 1)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            let output = try await scenario.client("mount", index, directory)
            #expect(output == "\(directory)/disk\n")
            #expect(Folder.namesIfAny(in: directory) == ["disk"])
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            let sums = try await BuiltProgram.runAny("sha256sum", [image, "\(directory)/disk"]).stdout
            let lines = sums.split(separator: "\n").map { $0.prefix(64) }
            #expect(lines.count == 2 && lines.first == lines.last)
            let write = try await BuiltProgram.runAny("sh", ["-c", "echo x > \(directory)/disk"])
            #expect(write.status != 0, "the file is read-only")
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can be another user"))
    func rootsMountIsRootsAloneUnlessOthersAreAllowed() async throws {
        try await Scenario.with { scenario in
            let index = try await scenario.make(try scenario.image("a.img", bytes: 300_000, seed: 1), as: "disk")
            let directory = try scenario.emptyFolder("m")
            for (options, mayOthersRead) in [([], false), (["--allow-other"], true)] as [([String], Bool)] {
                let mounted = try await BuiltProgram.run(
                    "oscircular", ["mount", index, directory] + options, environment: scenario.environment)
                #expect(mounted.status == 0, "\(mounted.stderr)")
                let read = try await BuiltProgram.runAny(
                    "setpriv", ["--reuid=4242", "--clear-groups", "head", "-c", "1", "\(directory)/disk"])
                #expect((read.status == 0) == mayOthersRead, "\(options): \(read.stderr)")
                try await scenario.client("umount", directory)
            }
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func aVersionIsMountedUnderItsName() async throws {
        let sources = try TemporaryDirectory()
        let weeks = try TwoWeeks.make(in: sources)
        try await Scenario.with(images: weeks) { scenario in
            let (old, new) = (try scenario.emptyFolder("old"), try scenario.emptyFolder("new"))
            try await scenario.client("mount", "tiny@\(TwoWeeks.older)", old)
            try await scenario.client("mount", "test/tiny", new)
            #expect(Folder.namesIfAny(in: new) == [TwoWeeks.newer], "the newest unless one is named")
            #expect(try await scenario.areEqual(weeks[0].path, "\(old)/\(TwoWeeks.older)"))
            #expect(try await scenario.areEqual(weeks[1].path, "\(new)/\(TwoWeeks.newer)"))
            try await scenario.client("umount", old)
            try await scenario.client("umount", new)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func anIndexOfAServerIsMountedWithItsStoreOrAnother() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 3_000_000, seed: 2)
            _ = try await scenario.make(image, as: "disk", in: "served")
            let server = try FaultyHTTPServer(folder: scenario.folder.path("served"))
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", "\(server.url)disk.caibx", directory)
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            #expect(server.requests.contains { $0.hasPrefix("/default.castr/") })
            try await scenario.client("umount", directory)

            // The same index here, its blocks elsewhere; nothing of the first mount in the cache.
            try await scenario.client("cache", "clear")
            let own = scenario.folder.path("own.caibx")
            try AtomicFile.write(
                try FileContents.read(scenario.folder.path("served/disk.caibx"), limit: 1 << 20), to: own)
            let before = server.requests.count
            try await scenario.client("mount", own, directory, "--store", "\(server.url)default.castr/")
            #expect(try await scenario.areEqual(image, "\(directory)/own"))
            #expect(server.requests.count > before)
            try await scenario.client("umount", directory)
            // A folder is a store too.
            try await scenario.client("cache", "clear")
            server.stop()
            try await scenario.client("mount", own, directory, "--store", scenario.folder.path("served/default.castr"))
            #expect(try await scenario.areEqual(image, "\(directory)/own"))
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    /// A name with escapes, a signed URL, a scheme in capitals, a folder that is no plain word.
    @Test func anIndexIsFoundUnderAnyURLThatNamesIt() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 300_000, seed: 5)
            for folder in ["served", "served/My Stick #1 é"] {
                _ = try await scenario.make(image, as: "a b", in: folder)
            }
            let base = scenario.folder.path("served")
            let server = try NginxServer(tree: base)
            let directory = try scenario.emptyFolder("m")
            let capitals = "HTTP://user:word@" + server.url.dropFirst("http://".count)
            for place in [
                "\(server.url)a%20b.caibx?token=a/b.c#d", "\(capitals)a b.caibx",
                "\(server.url)My%20Stick%20%231%20%C3%A9/a%20b.caibx", "\(server.url)My Stick %231 é/a b.caibx",
                "\(base)/My Stick #1 é/a b.caibx", "FILE://\(base)/My%20Stick%20%231%20%C3%A9/a%20b.caibx",
            ] {
                try await scenario.client("cache", "clear")
                try await scenario.client("mount", place, directory)
                #expect(Folder.namesIfAny(in: directory) == ["a b"], "\(place)")
                #expect(try await scenario.areEqual(image, "\(directory)/a b"), "\(place)")
                try await scenario.client("umount", directory)
            }
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func eightProcessesThatReadAtOnceSeeTheImage() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 24_000_000, seed: 3)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", index, directory)
            let statuses = try await withThrowingTaskGroup(of: Int32.self) { group in
                for reader in 0..<8 {
                    group.addTask {
                        var random = SeededRandom(seed: UInt64(reader))
                        let commands = (0..<40).map { _ in
                            let length = Int.random(in: 1...700_000, using: &random)
                            let offset = Int.random(in: 0..<(24_000_000 - length), using: &random)
                            return "cmp -i \(offset) -n \(length) '\(image)' '\(directory)/disk' || exit 1"
                        }
                        return try await BuiltProgram.runAny("sh", ["-c", commands.joined(separator: "\n")]).status
                    }
                }
                return try await group.reduce(into: [Int32]()) { $0.append($1) }
            }
            #expect(statuses == [Int32](repeating: 0, count: 8))
            try await scenario.client("umount", directory)
        }
    }

    @Test(.enabled(if: ProgramPath.find("mke2fs") != nil, "mke2fs is not installed: apt-get install e2fsprogs"))
    func aFileSystemInAMountedImageIsClean() async throws {
        try await Scenario.with { scenario in
            let content = try scenario.emptyFolder("content")
            for number in 0..<20 {
                try PublisherFixtures.writeImage(
                    [.random(100_000, seed: UInt64(number))], to: "\(content)/\(number)")
            }
            let image = scenario.folder.path("ext4.img")
            let made = try await BuiltProgram.runAny("mke2fs", ["-q", "-t", "ext4", "-d", content, image, "32M"])
            try #require(made.status == 0, "\(made.stderr)")
            let index = try await scenario.make(image, as: "ext4")
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", index, directory)
            let check = try await BuiltProgram.runAny("fsck.ext4", ["-fn", "\(directory)/ext4"])
            #expect(check.status == 0, "\(check.stdout) \(check.stderr)")
            try await scenario.client("umount", directory)
        }
    }

    @Test func inTheForegroundItEndsWhenInterrupted() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 1_000_000, seed: 4)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            for signal in [SIGINT, SIGTERM] {
                let process = try ChildProcess(
                    BuiltProgram.path("oscircular"), ["mount", index, directory, "--foreground"],
                    environment: scenario.environment.map { "\($0)=\($1)" },
                    standardInput: STDIN_FILENO, standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO,
                    session: .own)
                for _ in 0..<200 where scenario.mounts().isEmpty { try await Task.sleep(for: .milliseconds(50)) }
                #expect(try await scenario.areEqual(image, "\(directory)/disk"))
                kill(process.pid, signal)
                let status = try await WorkerThread.run(name: "foreground") { process.wait().shellStatus }
                #expect(status == 0)
                #expect(scenario.mounts().isEmpty)
            }
        }
    }

    @Test func aFolderThatCannotBeMountedOnIsRefused() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 1_000_000, seed: 5)
            let index = try await scenario.make(image, as: "disk")
            let full = try scenario.emptyFolder("full")
            try scenario.folder.write([1], to: "full/file")
            #expect(try await scenario.attempt("mount", index, full).status == 75)
            #expect(try await scenario.attempt("mount", index, scenario.folder.path("none")).status == 66)
            #expect(try await scenario.attempt("mount", index, image).status == 66, "a file is no folder")

            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", index, directory)
            let second = try await scenario.attempt("mount", index, directory)
            #expect(second.status == 75)
            #expect(second.error.hasPrefix("oscircular: "), "\(second.error)")
            #expect(try await scenario.areEqual(image, "\(directory)/disk"), "the first goes on")
            try await scenario.client("umount", directory)
            #expect(try await scenario.attempt("umount", directory).status == 66)
            #expect(try await scenario.attempt("umount", full).status == 66)
            #expect(try await scenario.attempt("umount", scenario.folder.path("none")).status == 66)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func whatIsInUseStaysMountedUntilItIsNot() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 1_000_000, seed: 6)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", index, directory)
            let user = open("\(directory)/disk", O_RDONLY | O_CLOEXEC)
            #expect(user >= 0)
            let refused = try await scenario.attempt("umount", directory)
            #expect(refused.status == 75, "\(refused.error)")
            close(user)
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
        }
    }

    @Test func aMountWhoseProcessWasKilledIsTakenOver() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 1_000_000, seed: 7)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", index, directory)
            let processes = scenario.mountProcesses()
            #expect(processes.count == 1)
            processes.forEach { kill($0, SIGKILL) }
            for _ in 0..<100 where !scenario.mountProcesses().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
            #expect(scenario.mounts() == [directory], "the stale mount is there")
            try await scenario.client("mount", index, directory)
            #expect(scenario.mounts() == [directory])
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            scenario.mountProcesses().forEach { kill($0, SIGKILL) }
            for _ in 0..<100 where !scenario.mountProcesses().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
            try await scenario.client("umount", directory)
            #expect(scenario.mounts().isEmpty)
        }
    }

    @Test func theCacheMayBeRemovedUnderAMount() async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 128_000_000, seed: 8)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            let cache = scenario.folder.path("cache/oscircular")
            try await scenario.client("mount", index, directory)
            let first = try await BuiltProgram.runAny("cmp", ["-n", "8000000", image, "\(directory)/disk"])
            #expect(first.status == 0, "\(first.stderr)")
            // What was fetched ahead may still be on its way into it.
            _ = try await BuiltProgram.runAny("sh", ["-c", "until rm -rf '\(cache)' 2> /dev/null; do :; done"])
            var next = 24_000_000
            // Its process keeps blocks in a new folder; not at once where it was in the middle of a write, which makes it rest for five
            // seconds. Blocks that were fetched ahead before do not come again.
            let isKept = try await eventually(within: .seconds(15)) {
                let part = try await BuiltProgram.runAny(
                    "cmp", ["-i", "\(next)", "-n", "4000000", image, "\(directory)/disk"])
                #expect(part.status == 0, "\(part.stderr)")
                next += 4_000_000
                let status = try JSONValue.object(try await scenario.client("cache", "status", "--json"))
                if try #require(status["blocks"]?.integer) > 0 { return true }
                try await Task.sleep(for: .milliseconds(600))
                return false
            }
            #expect(isKept)
            // Again and again while it is read.
            async let remover = BuiltProgram.runAny(
                "sh", ["-c", "for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf '\(cache)'; sleep 0.05; done"])
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            _ = try await remover
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
            // What is there now is whole.
            let verified = try await scenario.client("cache", "verify")
            #expect(verified.contains(" 0 damaged"), "\(verified)")
            try await scenario.client("mount", index, directory)
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            try await scenario.client("umount", directory)
        }
    }

    @Test func aCacheSmallerThanTheImageKeepsItsLimit() async throws {
        try await Scenario.with(configuration: "[cache]\nlimit = \"2MiB\"\n") { scenario in
            let image = scenario.folder.path("a.img")
            try PublisherFixtures.writeImage([.random(12_000_000, seed: 9)], to: image)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            try await scenario.client("mount", index, directory)
            #expect(try await scenario.areEqual(image, "\(directory)/disk"))
            try await scenario.client("umount", directory)
            #expect(try await scenario.mountsHaveEnded())
            let status = try JSONValue.object(try await scenario.client("cache", "status", "--json"))
            #expect(status["limit"]?.integer == 2_097_152)
            let used = try #require(status["used"]?.integer)
            #expect(used > 0 && used <= 2_097_152)
        }
    }

    @Test func threeProcessesShareACacheSmallerThanOneImage() async throws {
        try await Scenario.with(configuration: "[cache]\nlimit = \"3MiB\"\n") { scenario in
            let image = scenario.folder.path("a.img")
            try PublisherFixtures.writeImage([.random(12_000_000, seed: 11)], to: image)
            let index = try await scenario.make(image, as: "disk")
            let folders = try ["m1", "m2", "m3"].map { try scenario.emptyFolder($0) }
            for folder in folders { try await scenario.client("mount", index, folder) }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for folder in folders {
                    group.addTask { try await scenario.areEqual(image, "\(folder)/disk") }
                }
                for try await isEqual in group { #expect(isEqual) }
            }
            for folder in folders { try await scenario.client("umount", folder) }
            #expect(try await scenario.mountsHaveEnded())
            let status = try JSONValue.object(try await scenario.client("cache", "status", "--json"))
            let used = try #require(status["used"]?.integer)
            #expect(used > 0 && used <= 3 << 20)
        }
    }

    @Test(arguments: [
        ("mount -t tmpfs none /dev && mknod /dev/null c 1 3", "FUSE is not available: open /dev/fuse"),
        ("mount -t tmpfs none /dev && mknod /dev/null c 1 3", "modprobe fuse"),
        ("mount --bind /dev/null /dev/fuse", "mount failed"),
    ])
    func withoutTheFUSEDeviceTheErrorSaysWhatToDo(hiding: String, words: String) async throws {
        try await Scenario.with { scenario in
            let image = try scenario.image("a.img", bytes: 1_000_000, seed: 12)
            let index = try await scenario.make(image, as: "disk")
            let directory = try scenario.emptyFolder("m")
            // In a mount namespace of its own, where the device is not there, or is another one.
            let command = "\(hiding) && exec \"$@\""
            let result = try await BuiltProgram.runAny(
                "unshare",
                ["--mount", "sh", "-c", command, "sh", BuiltProgram.path("oscircular"), "mount", index, directory],
                environment: scenario.environment)
            #expect(result.status == 69, "\(result.stderr)")
            #expect(result.stderr.contains(words), "\(result.stderr)")
            #expect(scenario.mounts().isEmpty)
        }
    }
}

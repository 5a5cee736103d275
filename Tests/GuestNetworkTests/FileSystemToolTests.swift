import Linux
import TestSupport
import Testing

@testable import GuestNetwork

/// e2fsprogs on a file that a guest may have written.
@Suite(
    .serialized, .timeLimit(.minutes(2)),
    .enabled(
        if: HostProgram.allCases.allSatisfy { (try? $0.path()) != nil },
        "SKIPPED: needs openssh-server, openssh-client, bubblewrap, util-linux and e2fsprogs"))
struct FileSystemToolTests {
    private let folder: TemporaryDirectory
    private let tool: FileSystemTool

    init() throws {
        let folder = try TemporaryDirectory()
        self.folder = folder
        let path = try folder.write([], to: "disk")
        try FileHandle(path, for: .writing).truncate(to: 64 << 20)
        let user = CurrentUser.isRoot ? SandboxUser(number: 61_234) : nil
        if let user { try Paths.setOwner(path, user.uid, user.gid) }
        tool = FileSystemTool(path: path, user: user)
    }

    private func run(
        _ program: FileSystemTool.Program, _ arguments: [String], sizeLimit: UInt64 = 64 << 20,
        within time: Duration = .seconds(60)
    ) throws -> ChildProcess.Finished {
        try tool.run(program, arguments, sizeLimit: sizeLimit, within: time)
    }

    @Test func makesChecksAndResizesAFileSystem() throws {
        #expect(try run(.make, ["-q", FileSystemTool.disk, "32M"]).ending == .exited(0))
        #expect(try run(.check, ["-f", "-p", FileSystemTool.disk]).ending == .exited(0))
        #expect(try run(.tune, ["-L", "label", FileSystemTool.disk]).ending == .exited(0))
        let resized = try run(.resize, [FileSystemTool.disk])
        #expect(resized.ending == .exited(0), "\(resized.text)")
    }

    /// A program that was taken over by what it reads would try these. mkfs shows them: it copies a folder into a new file system (`-d`).
    @Test func seesNothingElseOfTheHost() throws {
        try folder.write(Array("secret".utf8), to: "secret")
        for path in [folder.path, "/root", "/home", "/var/lib", "/etc/passwd", "/run", "/proc/1/root/var", "/sys"] {
            let finished = try run(.make, ["-q", "-F", "-d", path, FileSystemTool.disk, "32M"])
            #expect(finished.ending != .exited(0), "\(path)")
        }
        // Its own folder for small files is not there to be filled either.
        #expect(try run(.resize, ["-z", "/tmp/undo", FileSystemTool.disk]).ending != .exited(0))
        #expect(try run(.resize, ["-z", "/usr/undo", FileSystemTool.disk]).ending != .exited(0))
        #expect(folder.names == ["disk", "secret"])
    }

    @Test func theFileGrowsNoFurtherThanItMay() throws {
        let finished = try run(.make, ["-q", "-F", FileSystemTool.disk, "1G"])
        #expect(finished.ending != .exited(0), "\(finished.text)")
        #expect(try Paths.status(folder.path("disk"))?.size == 64 << 20)
    }

    @Test func endsWhenItsTimeIsOver() throws {
        let begun = ContinuousClock.now
        // It asks on its input, which is empty, or works; in no time it cannot be done.
        let finished = try run(.check, ["-f", "-c", "-c", "-y", FileSystemTool.disk], within: .milliseconds(1))
        #expect(finished.ranOutOfTime)
        #expect(ContinuousClock.now - begun < .seconds(10))
    }
}

import Glibc
import Linux
import TestSupport

/// A small XFS, on which files can share their blocks; unmounted when the object goes.
final class ReflinkFolder: Sendable {
    static let reason = "NOT TESTED: files that share blocks need root, loop devices and xfsprogs"
    static let isPossible: Bool = (try? ReflinkFolder()) != nil

    private let directory: TemporaryDirectory
    let path: String

    init() throws {
        directory = try TemporaryDirectory()
        path = try directory.makeFolder("mounted")
        let disk = directory.path("disk")
        try PublisherFixtures.writeImage([.hole(400 << 20)], to: disk)
        try ReflinkFolder.run("/usr/sbin/mkfs.xfs", ["-q", "-m", "reflink=1", disk])
        try ReflinkFolder.run("mount", ["-o", "loop", disk, path])
    }

    deinit { umount2(path, Int32(MNT_DETACH)) }

    private static func run(_ program: String, _ arguments: [String]) throws {
        guard try ChildProcess(program, arguments).wait() == .exited(0) else {
            throw SystemCallError(code: EIO, call: program, subject: arguments.joined(separator: " "))
        }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// A copy that shares all blocks.
    func clone(_ name: String, to target: String) throws {
        let source = try FileHandle(file(name), for: .reading)
        let clone = try FileHandle(file(target), for: .writing, .create)
        guard try clone.shareBlocks(of: source) else { throw SystemCallError(code: EOPNOTSUPP, call: "clone") }
    }
}

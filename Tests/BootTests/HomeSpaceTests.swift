import Linux
import TestSupport
import Testing

@testable import Boot

/// Homes on a disk that is full.
@Suite(
    .serialized, .timeLimit(.minutes(2)),
    .enabled(
        if: CurrentUser.isRoot && ProgramPath.find("mkfs.ext4") != nil && ProgramPath.find("bwrap") != nil,
        "SKIPPED: needs root to mount a small file system, e2fsprogs and bubblewrap"))
struct HomeSpaceTests {
    private func onSmallDisk(_ body: (TemporaryDirectory, HomeLibrary) throws -> Void) throws {
        let folder = try TemporaryDirectory(mode: 0o711)
        let mounted = try ChildProcess.run(
            "mount", ["-t", "tmpfs", "-o", "size=32m,mode=711", "tmpfs", folder.path])
        try #require(mounted.ending == .exited(0), "\(mounted.text)")
        // Best effort: the folder's own end says what is left.
        defer { _ = try? ChildProcess.run("umount", ["-l", folder.path]) }
        try body(folder, HomeLibrary(places: HomeLibraryTests.places(folder.path), reserve: 1 << 20))
    }

    /// Fills the disk until so many bytes are free.
    private func leave(_ bytes: Int, in folder: TemporaryDirectory) throws {
        Paths.removeIfPossible(folder.path("fill"))
        let rest = try FileSystemSpace(of: Folder(path: folder.path)).available - bytes
        try AtomicFile.write([UInt8](repeating: 1, count: max(rest, 0)), to: folder.path("fill"))
    }

    private func code(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "done"
        } catch HomeError.file(let error) where error.number == .noSpace {
            return "full"
        } catch HomeError.noRoom {
            return "no room"
        } catch {
            return "\(error)"
        }
    }

    @Test func aFullDiskLeavesEveryHomeAsItWas() throws {
        try onSmallDisk { (folder, library) in
            let (work, other) = (try #require(KeptName("work")), try #require(KeptName("other")))
            try library.create(work, size: 64 << 20)
            let files = library.files(work)
            try AtomicFile.write([UInt8](repeating: 7, count: 6 << 20), to: folder.path("data"))
            let program = try #require(ProgramPath.find("debugfs"))
            let written = try ChildProcess.run(program, ["-w", "-R", "write \(folder.path("data")) data", files.disk])
            Paths.removeIfPossible(folder.path("data"))
            #expect(try library.home(work).allocated > 6 << 20, "\(written.text)")
            let backup = try library.backup(work)

            try leave(4 << 20, in: folder)
            #expect(code { try library.backup(work) } == "no room")
            #expect(code { try library.grow(work, to: 128 << 20) } == "no room")
            #expect(code { try library.restore(work) } == "no room")
            try leave(100_000, in: folder)
            #expect(code { try library.create(other) } == "full")
            #expect(library.names == [work])
            #expect(Folder.namesIfAny(in: files.folder).allSatisfy { !$0.hasSuffix(".tmp") })
            #expect(try library.home(work).size == 64 << 20 && library.home(work).backups == [backup])
            #expect(try library.check(work).isRepaired == false)
            // What takes no room.
            try library.restore(work, isForced: true)
            #expect(try library.home(work).trouble == nil)
            #expect(try library.home(work).backups.count == 1, "the home that was, in the place of the backup that is")
            #expect(try library.check(work).isRepaired == false)

            Paths.removeIfPossible(folder.path("fill"))
            try library.create(other, size: 64 << 20)
            #expect(library.names == [other, work])
        }
    }
}

import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

/// Folders, and what their calls do when the kernel says no.
@Suite(.serialized) struct FolderTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func isThere(_ name: String) -> Bool { access(folder.path(name), F_OK) == 0 }

    private func fail(_ call: String, _ path: String = "", with code: Int32 = EIO) {
        let whole = path.isEmpty ? folder.path : folder.path(path)
        FileCalls.watch { $0 == call && $1 == whole ? .error(code) : nil }
    }

    @Test func aFolderThatBreaksOffIsNoShorterFolder() throws {
        for number in 0..<5 { try folder.write([], to: "\(number)") }
        let left = Mutex(3)
        FileCalls.watch { [path = folder.path] call, place in
            guard call == "readdir", place == path else { return nil }
            return left.withLock {
                $0 -= 1; return $0 < 0
            } ? .error(ESTALE) : nil
        }
        defer { FileCalls.watch(nil) }
        #expect(throws: SystemCallError(code: ESTALE, call: "readdir")) { try Folder.names(in: folder.path) }
        #expect(Folder.namesIfAny(in: folder.path) == [])
        FileCalls.watch(nil)
        #expect(try Folder.names(in: folder.path).sorted() == ["0", "1", "2", "3", "4"])
    }

    @Test func namesAreReadOnlyForAsLongAsTheyAreWanted() throws {
        for number in 0..<50 { try folder.write([], to: "\(number)") }
        let reads = Mutex(0)
        FileCalls.watch { [path = folder.path] call, place in
            if call == "readdir", place == path { reads.withLock { $0 += 1 } }
            return nil
        }
        defer { FileCalls.watch(nil) }
        var names = 0
        try Folder(path: folder.path).forEachName { (_) throws(SystemCallError) in
            names += 1
            return names < 3
        }
        #expect(names == 3)
        // "." and "..", too.
        #expect(reads.withLock { $0 } <= 5)
    }

    @Test func anAbsentFolderHasNoNamesAndAnUnreadableOneAnError() throws {
        #expect(try Folder.names(in: folder.path("none")) == [])
        fail("open", with: EMFILE)
        defer { FileCalls.watch(nil) }
        #expect(throws: SystemCallError(code: EMFILE, call: "open", subject: folder.path)) {
            try Folder.names(in: folder.path)
        }
    }

    @Test func whatCannotBeSeenIsNotAbsent() throws {
        try folder.write([1], to: "a")
        let open = try Folder(path: folder.path)
        #expect(try open.entry("b") == nil)
        #expect(try !Paths.isThere(folder.path("b")))
        #expect(try !open.remove("b"))
        #expect(try !Paths.remove(folder.path("a/b")))
        fail("stat", "a")
        defer { FileCalls.watch(nil) }
        #expect(throws: SystemCallError.self) { try open.entry("a") }
        #expect(throws: SystemCallError.self) { try Paths.isThere(folder.path("a")) }
        fail("unlink", "a")
        #expect(throws: SystemCallError.self) { try open.remove("a") }
        #expect(isThere("a"))
    }

    // MARK: Trees

    @Test(arguments: ["tree", "tree/", "tree//"]) func aTreeGoesWithItsLinksAndNotWhatTheyLeadTo(_ name: String) throws
    {
        try folder.makeFolder("tree/below/deep")
        try folder.makeFolder("other")
        try folder.write([1], to: "other/file")
        try folder.write([1], to: "tree/below/file")
        symlink(folder.path("other"), folder.path("tree/below/link"))
        symlink(folder.path("nowhere"), folder.path("tree/broken"))
        mkfifo(folder.path("tree/pipe"), 0o600)
        try Folder.removeTree(folder.path(name))
        #expect(!isThere("tree"))
        #expect(isThere("other/file"))
    }

    @Test func aLinkInThePlaceOfATreeGoesAlone() throws {
        try folder.makeFolder("other")
        try folder.write([1], to: "other/file")
        symlink("other", folder.path("link"))
        try Folder.removeTree(folder.path("link"))
        #expect(!isThere("link") && isThere("other/file"))
        try Folder.removeTree(folder.path("none"))
        try Folder.removeTree(folder.path("none/below"))
        try Folder.removeTree(folder.path("other/file"))
        #expect(!isThere("other/file"))
    }

    @Test func aFolderThatIsSwappedForALinkMeanwhileIsNotFollowed() throws {
        try folder.makeFolder("tree/screen")
        try folder.makeFolder("other")
        try folder.write([1], to: "other/file")
        // After it was seen to be a folder, and before it is opened.
        let paths = ["tree/screen", "other", "tree/away"].map(folder.path)
        FileCalls.watch { call, path in
            if call == "open", path == paths[0], access(paths[2], F_OK) != 0 {
                rename(paths[0], paths[2])
                symlink(paths[1], paths[0])
            }
            return nil
        }
        defer { FileCalls.watch(nil) }
        #expect(throws: SystemCallError.self) { try Folder.removeTree(folder.path("tree")) }
        #expect(isThere("other/file"))
    }

    @Test func aTreeInAFolderThatCannotBeListedGoes() throws {
        try folder.makeFolder("above/tree/below")
        chmod(folder.path("above"), 0o300)
        defer { chmod(folder.path("above"), 0o700) }
        try Folder.removeTree(folder.path("above/tree"))
        #expect(!isThere("above/tree"))
    }

    @Test func aTreeThatCannotBeReadIsAnErrorAndStays() throws {
        try folder.makeFolder("tree/below")
        try folder.write([1], to: "tree/below/file")
        for (call, path) in [
            ("open", "tree/below"), ("readdir", "tree/below"), ("stat", "tree/below/file"), ("stat", "tree"),
            ("unlink", "tree/below/file"), ("rmdir", "tree/below"),
        ] {
            fail(call, path)
            defer { FileCalls.watch(nil) }
            #expect(throws: SystemCallError.self, "\(call) \(path)") { try Folder.removeTree(folder.path("tree")) }
        }
        try Folder.removeTree(folder.path("tree"))
        #expect(!isThere("tree"))
        #expect(throws: SystemCallError.self) { try Folder.removeTree("/") }
        #expect(throws: SystemCallError.self) { try Folder.removeTree(folder.path("..")) }
    }

    /// As a guest may leave them.
    @Test func neitherDepthNorMissingRightsKeepATree() throws {
        let script = """
            import os, sys
            os.chdir(sys.argv[1]); os.mkdir("tree"); os.chdir("tree")
            open("removed-1", "w"); os.mkdir("removed-2"); open("removed-2/file", "w")
            os.mkdir("closed"); os.mkdir("closed/below"); os.chmod("closed/below", 0); os.chmod("closed", 0)
            for i in range(3000): os.mkdir("d"); os.chdir("d")
            open("file", "w")
            """
        let finished = try ChildProcess.run("/usr/bin/python3", ["-c", script, folder.path])
        #expect(finished.ending == .exited(0), "\(finished.text)")
        try Folder.removeTree(folder.path("tree"))
        #expect(!isThere("tree"))
    }

    // MARK: Whole files

    @Test func aFileIsTheOldOneOrTheNewOneWhateverFails() async throws {
        let problems = try await FileFaults.tryEvery("atomic file") { number in
            try folder.makeFolder("\(number)")
            try folder.write(Array("old".utf8), to: "\(number)/file")
            return AtomicTrial(folder: folder.path("\(number)"))
        }
        #expect(problems == [])
    }
}

private struct AtomicTrial: FaultTrial {
    let folder: String
    static let new = [UInt8](repeating: 7, count: 100_000)

    func run() async throws { try AtomicFile.write(Self.new, to: "\(folder)/file", durable: true) }

    func isTolerable(_ fault: FileFaults.Injected) -> Bool { false }

    func check(_ outcome: FileFaults.Outcome) async throws {
        let bytes = try FileContents.read("\(folder)/file", limit: 1 << 20)
        try FileFaults.require(bytes == (outcome.error == nil ? Self.new : Array("old".utf8)), "\(bytes.count) bytes")
        let left = FileFaults.halfMade(try Folder.names(in: folder), after: outcome)
        try FileFaults.require(left.isEmpty, "left: \(left)")
    }
}

import Glibc
import Linux
import TestSupport
import Testing

@Suite struct UnixListenerTests {
    private let folder: TemporaryDirectory
    private var path: String { folder.path("socket") }

    init() throws { folder = try TemporaryDirectory() }

    private func inode() -> ino_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_ino : nil
    }

    @Test func aFileOfThatNameStays() throws {
        try folder.write(Array("kept".utf8), to: "socket")
        #expect(throws: SystemCallError(code: EADDRINUSE, call: "bind", subject: path)) { try UnixListener(path: path) }
        #expect(try FileContents.readText(path, limit: 100) == "kept")
    }

    @Test func theSocketOfALiveListenerStays() throws {
        let listener = try UnixListener(path: path)
        let before = inode()
        #expect(throws: SystemCallError(code: EADDRINUSE, call: "bind", subject: path)) { try UnixListener(path: path) }
        #expect(inode() == before && before != nil)
        _ = try UnixListener.connect(to: path)
        #expect(listener.accept(nonblocking: true) != nil)
    }

    @Test func theSocketOfADeadListenerIsReplaced() throws {
        // Bound, and closed without being removed, as by a process that was killed.
        let dead = FileHandle(owning: socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
        try UnixListener.withAddress(path) { (address, length) throws(SystemCallError) in
            try systemCall("bind", path) { bind(dead.descriptor, address, length) }
        }
        let listener = try UnixListener(path: path)
        _ = try UnixListener.connect(to: path)
        withExtendedLifetime(listener) {}
    }

    @Test func theNameGoesWithTheObjectUnlessItIsAnothers() throws {
        var listener: UnixListener? = try UnixListener(path: path)
        #expect(inode() != nil)
        listener = nil
        #expect(inode() == nil)
        listener = try UnixListener(path: path)
        unlink(path)
        try folder.write([1], to: "socket")
        withExtendedLifetime(listener) {}
        listener = nil
        #expect(inode() != nil)
    }
}

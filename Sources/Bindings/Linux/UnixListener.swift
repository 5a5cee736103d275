import CLinux
import Glibc

/// A listening stream socket in the file system. The name goes away with the object.
package final class UnixListener: Sendable {
    /// The most bytes of a socket's path: `sun_path` without its final zero.
    package static let longestPath = 107

    /// Absolute path of the socket.
    package let path: String
    private let handle: FileHandle
    /// The file that `bind` made: another of this name is not ours to remove.
    private let device: dev_t
    private let inode: ino_t

    /// For poll; readable when a connection waits.
    package var descriptor: Int32 { handle.descriptor }

    /// Listens at `path`; a socket that a dead process left there is replaced, anything else is not. Two that start in the same
    /// moment would both take a dead one away: callers hold their folder's lock.
    /// - Parameters:
    ///   - path: at most ``longestPath`` bytes, in a folder that only its owner may write to.
    ///   - owner: the user who gets the socket's file; nil leaves it to the caller.
    ///   - hidesFolder: whoever gets a connection learns the socket's name from it, and not the folders above.
    /// - Throws: ``SystemCallError``; `ENAMETOOLONG` for a long path, `EADDRINUSE` where somebody listens or a file is.
    package init(
        path: String, mode: mode_t = 0o600, owner: uid_t? = nil, hidesFolder: Bool = false
    ) throws(SystemCallError) {
        // The members come last: only an object that is whole runs `deinit`, which removes the name.
        let handle = FileHandle(
            owning: try systemCall("socket", path) { socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | socketFlags, 0) })
        let descriptor = handle.descriptor
        Self.removeDeadSocket(path)
        // The mode of the socket's inode is what bind gives to the file, less the umask: no moment with a wider one.
        try systemCall("fchmod", path) { fchmod(descriptor, mode) }
        try Self.withAddress(path) { (address, length) throws(SystemCallError) in
            if !hidesFolder { try systemCall("bind", path) { Glibc.bind(descriptor, address, length) } }
        }
        if hidesFolder { try Self.bind(descriptor, byFolderOf: path) }
        var status = stat()
        do {
            try systemCall("stat", path) { lstat(path, &status) }
            try systemCall("chmod", path) { chmod(path, mode) }
            if let owner { try systemCall("lchown", path) { lchown(path, owner, gid_t.max) } }
            try systemCall("listen", path) { listen(descriptor, 64) }
        } catch {
            unlink(path)
            throw error
        }
        self.path = path
        self.handle = handle
        device = status.st_dev
        inode = status.st_ino
    }

    /// The kernel keeps the address as it is given, and finds the socket by its inode.
    private static func bind(_ descriptor: Int32, byFolderOf path: String) throws(SystemCallError) {
        let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
        let folder = try Folder(passingThrough: Folder.parent(of: path) ?? "/")
        defer { withExtendedLifetime(folder) {} }
        try withAddress("/proc/self/fd/\(folder.descriptor)/\(name)") { (address, length) throws(SystemCallError) in
            try systemCall("bind", path) { Glibc.bind(descriptor, address, length) }
        }
    }

    /// From now on whoever accepts at it waits for a connection: for a program that is given the socket and expects that.
    /// - Throws: ``SystemCallError`` of `fcntl`.
    package func makeBlocking() throws(SystemCallError) {
        let flags = try systemCall("fcntl") { fcntl(descriptor, F_GETFL) }
        try systemCall("fcntl") { fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
    }

    deinit { removeName() }

    /// Removes the socket's name, if it is still this socket's; connections that wait stay.
    package func removeName() {
        var status = stat()
        // While the socket is open no other file gets its inode.
        if lstat(path, &status) == 0, status.st_dev == device, status.st_ino == inode { unlink(path) }
    }

    /// A waiting connection, close-on-exec; nil when there is none (any more).
    ///
    /// When this process is out of descriptors the connection stays in the queue: then this pauses 50 ms, so that a loop
    /// around poll does not spin.
    package func accept(nonblocking: Bool) -> FileHandle? {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | (nonblocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        let connection = osc_accept4(descriptor, flags)
        if connection >= 0 { return FileHandle(owning: connection) }
        if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM { poll(nil, 0, 50) }
        return nil
    }

    /// Connects to a listening socket; waits while its queue is full.
    /// - Parameter timeout: seconds for connecting and for each later read or write; nil waits for ever.
    /// - Throws: ``SystemCallError`` of `socket` or `connect`.
    package static func connect(to path: String, timeout: Int? = nil) throws(SystemCallError) -> FileHandle {
        let handle = FileHandle(
            owning: try systemCall("socket", path) {
                socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            })
        if let timeout { handle.setSocketTimeout(seconds: timeout) }
        try withAddress(path) { (address, length) throws(SystemCallError) in
            try systemCall("connect", path) { Glibc.connect(handle.descriptor, address, length) }
        }
        return handle
    }

    /// Gives the path as a socket address for the duration of the call.
    /// - Throws: `ENAMETOOLONG` as ``SystemCallError``, and what `body` throws.
    @discardableResult
    package static func withAddress<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(SystemCallError) -> Result
    ) throws(SystemCallError) -> Result {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count <= longestPath, !bytes.contains(0) else {
            throw SystemCallError(code: ENAMETOOLONG, call: "bind", subject: path)
        }
        let storage = UnsafeMutableRawPointer.allocate(
            byteCount: MemoryLayout<sockaddr_un>.size, alignment: MemoryLayout<sockaddr_un>.alignment)
        defer { storage.deallocate() }
        storage.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<sockaddr_un>.size)
        storage.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
        (storage + 2).copyMemory(from: bytes, byteCount: bytes.count)
        return try body(storage.assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<sockaddr_un>.size))
    }

    /// Removes the name if it is a socket's: for a socket of one's own that a library made.
    package static func removeSocket(_ path: String) {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK { unlink(path) }
    }

    /// Removes the name if it is a socket's that nobody listens on.
    package static func removeDeadSocket(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        do throws(SystemCallError) {
            let probe = FileHandle(
                owning: try systemCall("socket", path) {
                    socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | socketFlags, 0)
                })
            try withAddress(path) { (address, length) throws(SystemCallError) in
                try systemCall("connect", path) { Glibc.connect(probe.descriptor, address, length) }
            }
        } catch {
            // Anything else comes from somebody who is there, or nothing could be asked: then bind says that the name is taken.
            if error.code == ECONNREFUSED { unlink(path) }
        }
    }
}

private let socketFlags = Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)

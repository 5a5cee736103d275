import CLinux
import Glibc
import Synchronization

/// The kernel's calls about files, each in one place: ``Folder``, ``FileHandle``, ``Paths`` and ``AtomicFile`` make theirs here, so that a
/// test can make any one of them fail (docs/decisions/0023-one-place-for-file-calls.md).
package enum FileCalls {
    /// What happens instead of a call.
    package enum Fault: Sendable, Equatable {
        /// The call is not made and fails with this `errno`.
        case error(Int32)
        /// A write takes half of its bytes. Other calls are made as they are.
        case short
    }

    /// Told the name and the path of a call that is about to be made, on the thread that makes it.
    package typealias Watcher = @Sendable (_ call: String, _ path: String) -> Fault?

    private static let isWatched = Atomic(false)
    private static let watcher = Mutex<Watcher?>(nil)

    /// Asks before every call of this process from now on, until it is called with nil. For tests.
    package static func watch(_ new: Watcher?) {
        watcher.withLock { $0 = new }
        isWatched.store(new != nil, ordering: .relaxed)
    }

    // MARK: Paths

    static func open(_ path: String, _ flags: Int32, _ mode: mode_t = 0) throws(SystemCallError) -> Int32 {
        try call("open", path) { Glibc.open(path, flags | O_CLOEXEC, mode) }
    }

    static func status(_ path: String) throws(SystemCallError) -> stat {
        var status = stat()
        _ = try call("stat", path) { stat(path, &status) }
        return status
    }

    static func fileSystemStatus(_ path: String) throws(SystemCallError) -> statvfs {
        var status = statvfs()
        _ = try call("statvfs", path) { statvfs(path, &status) }
        return status
    }

    static func access(_ path: String, _ mode: Int32) throws(SystemCallError) {
        _ = try call("access", path) { Glibc.access(path, mode) }
    }

    static func mkdir(_ path: String, _ mode: mode_t) throws(SystemCallError) {
        _ = try call("mkdir", path) { Glibc.mkdir(path, mode) }
    }

    static func rename(_ old: String, _ new: String) throws(SystemCallError) {
        _ = try call("rename", new) { Glibc.rename(old, new) }
    }

    static func unlink(_ path: String) throws(SystemCallError) {
        _ = try call("unlink", path) { Glibc.unlink(path) }
    }

    static func rmdir(_ path: String) throws(SystemCallError) {
        _ = try call("rmdir", path) { Glibc.rmdir(path) }
    }

    /// - Parameter seconds: since 1970; nil is now, to the nanosecond.
    static func utimens(_ path: String, seconds: Int?) throws(SystemCallError) {
        _ = try call("utimensat", path) {
            guard let seconds else { return utimensat(AT_FDCWD, path, nil, 0) }
            let time = timespec(tv_sec: seconds, tv_nsec: 0)
            return utimensat(AT_FDCWD, path, [time, time], 0)
        }
    }

    /// A link is what it is itself.
    static func linkStatus(_ path: String) throws(SystemCallError) -> stat {
        var status = stat()
        _ = try call("lstat", path) { lstat(path, &status) }
        return status
    }

    static func chmod(_ path: String, _ mode: mode_t) throws(SystemCallError) {
        _ = try call("chmod", path) { Glibc.chmod(path, mode) }
    }

    static func lchown(_ path: String, _ user: uid_t, _ group: gid_t) throws(SystemCallError) {
        _ = try call("lchown", path) { Glibc.lchown(path, user, group) }
    }

    static func symlink(_ target: String, _ path: String) throws(SystemCallError) {
        _ = try call("symlink", path) { Glibc.symlink(target, path) }
    }

    static func link(_ old: String, _ new: String) throws(SystemCallError) {
        _ = try call("link", new) { Glibc.link(old, new) }
    }

    /// - Throws: EINVAL for what is not a link.
    static func readlink(_ path: String) throws(SystemCallError) -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = try call("readlink", path) { Glibc.readlink(path, &bytes, bytes.count) }
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    // MARK: Names in an open folder

    static func open(
        _ name: String, in folder: Int32, _ flags: Int32, _ mode: mode_t = 0
    ) throws(SystemCallError) -> Int32 {
        try call("open", name, in: folder) { openat(folder, name, flags | O_CLOEXEC, mode) }
    }

    /// A link is what it is itself.
    static func status(_ name: String, in folder: Int32) throws(SystemCallError) -> stat {
        var status = stat()
        _ = try call("stat", name, in: folder) { fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) }
        return status
    }

    static func mkdir(_ name: String, in folder: Int32, _ mode: mode_t) throws(SystemCallError) {
        _ = try call("mkdir", name, in: folder) { mkdirat(folder, name, mode) }
    }

    static func rename(_ old: String, _ new: String, in folder: Int32) throws(SystemCallError) {
        _ = try call("rename", new, in: folder) { renameat(folder, old, folder, new) }
    }

    static func rename(
        _ old: String, in folder: Int32, _ new: String, in other: Int32
    ) throws(SystemCallError) {
        _ = try call("rename", new, in: other) { renameat(folder, old, other, new) }
    }

    /// - Throws: EEXIST where something has the new name; EINVAL where the file system cannot tell.
    static func renameNew(_ old: String, _ new: String, in folder: Int32) throws(SystemCallError) {
        _ = try call("rename", new, in: folder) { osc_rename_new(folder, old, new) }
    }

    static func unlink(_ name: String, in folder: Int32) throws(SystemCallError) {
        _ = try call("unlink", name, in: folder) { unlinkat(folder, name, 0) }
    }

    static func rmdir(_ name: String, in folder: Int32) throws(SystemCallError) {
        _ = try call("rmdir", name, in: folder) { unlinkat(folder, name, AT_REMOVEDIR) }
    }

    /// Gives the names in a folder but `.` and `..` one by one, until `body` says false. A read that fails is an error, not the folder's
    /// end.
    static func forEachName(
        in folder: Int32, _ body: (String) throws(SystemCallError) -> Bool
    ) throws(SystemCallError) {
        // A descriptor of its own: readdir's position belongs to the open file.
        let own = try open(".", in: folder, O_RDONLY | O_DIRECTORY)
        guard let stream = fdopendir(own) else {
            let error = SystemCallError.last("fdopendir")
            close(own)
            throw error
        }
        defer { closedir(stream) }
        while true {
            var entry: UnsafeMutablePointer<dirent>?
            _ = try call("readdir", "", in: folder) { () -> Int32 in
                errno = 0
                entry = readdir(stream)
                return entry == nil && errno != 0 ? -1 : 0
            }
            guard let entry else { return }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != "..", try !body(name) { return }
        }
    }

    // MARK: Open files

    static func fstat(_ file: Int32) throws(SystemCallError) -> stat {
        var status = stat()
        _ = try call("fstat", "", in: file) { Glibc.fstat(file, &status) }
        return status
    }

    static func fstatvfs(_ file: Int32) throws(SystemCallError) -> statvfs {
        var status = statvfs()
        _ = try call("fstatvfs", "", in: file) { Glibc.fstatvfs(file, &status) }
        return status
    }

    static func pread(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer, _ offset: Int) throws(SystemCallError)
        -> Int
    {
        try call("pread", "", in: file) { Glibc.pread(file, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    /// At the descriptor's own position, as pipes are read; 0 at their end.
    static func read(_ file: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int {
        try call("read", "", in: file) { Glibc.read(file, buffer.baseAddress, buffer.count) }
    }

    /// May take fewer bytes than there are.
    static func write(_ file: Int32, _ buffer: UnsafeRawBufferPointer) throws(SystemCallError) -> Int {
        var count = buffer.count
        if isWatched.load(ordering: .relaxed) {
            switch fault("write", path(of: file)) {
            case .error(let code): throw SystemCallError(code: code, call: "write")
            case .short: count = max(1, count / 2)
            case nil: break
            }
        }
        return try systemCall("write") { Glibc.write(file, buffer.baseAddress, count) }
    }

    /// At an offset, whatever the descriptor's position is. May take fewer bytes than there are.
    static func pwrite(_ file: Int32, _ buffer: UnsafeRawBufferPointer, _ offset: Int) throws(SystemCallError) -> Int {
        try call("pwrite", "", in: file) { Glibc.pwrite(file, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    static func ftruncate(_ file: Int32, _ size: Int) throws(SystemCallError) {
        _ = try call("ftruncate", "", in: file) { Glibc.ftruncate(file, off_t(size)) }
    }

    static func fsync(_ file: Int32) throws(SystemCallError) {
        _ = try call("fsync", "", in: file) { Glibc.fsync(file) }
    }

    static func lock(_ file: Int32, _ operation: Int32) throws(SystemCallError) {
        _ = try call("flock", "", in: file) { flock(file, operation) }
    }

    /// Sets the file's times to now.
    static func futimens(_ file: Int32) throws(SystemCallError) {
        _ = try call("futimens", "", in: file) { Glibc.futimens(file, nil) }
    }

    static func lseek(_ file: Int32, _ offset: Int, _ whence: Int32) throws(SystemCallError) -> Int {
        Int(try call("lseek", "", in: file) { Glibc.lseek(file, off_t(offset), whence) })
    }

    static func fchmod(_ file: Int32, _ mode: mode_t) throws(SystemCallError) {
        _ = try call("fchmod", "", in: file) { Glibc.fchmod(file, mode) }
    }

    static func fchown(_ file: Int32, _ user: uid_t, _ group: gid_t) throws(SystemCallError) {
        _ = try call("fchown", "", in: file) { Glibc.fchown(file, user, group) }
    }

    /// The target shares the source's blocks from then on.
    static func clone(_ source: Int32, to target: Int32) throws(SystemCallError) {
        _ = try call("ficlone", "", in: target) { osc_clone_file(target, source) }
    }

    /// Whether another open file holds a lock of a part of the file (`fcntl`'s, not `flock`'s).
    static func hasRangeLock(_ file: Int32) throws(SystemCallError) -> Bool {
        try call("fcntl", "", in: file) { osc_has_range_lock(file) } != 0
    }

    /// Closes a descriptor. What it may still report (a late error of a network file system) came with `fsync` where it matters.
    static func close(_ file: Int32) { _ = Glibc.close(file) }

    // MARK: The seam

    @inline(__always)
    private static func call<Result: FixedWidthInteger>(
        _ name: String, _ path: String, _ body: () -> Result
    ) throws(SystemCallError) -> Result {
        if isWatched.load(ordering: .relaxed), case .error(let code) = fault(name, path) {
            throw SystemCallError(code: code, call: name, subject: path)
        }
        return try systemCall(name, path, body)
    }

    /// - Parameter name: of what is in the folder; empty when the call is about the open file itself.
    @inline(__always)
    static func call<Result: FixedWidthInteger>(
        _ call: String, _ name: String, in folder: Int32, _ body: () -> Result
    ) throws(SystemCallError) -> Result {
        if isWatched.load(ordering: .relaxed),
            case .error(let code) = fault(call, name.isEmpty ? path(of: folder) : "\(path(of: folder))/\(name)")
        {
            throw SystemCallError(code: code, call: call, subject: name)
        }
        return try systemCall(call, name, body)
    }

    private static func fault(_ call: String, _ path: String) -> Fault? {
        watcher.withLock { $0 }?(call, path)
    }

    /// Where an open file lies, for the watcher.
    private static func path(of file: Int32) -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = Glibc.readlink("/proc/self/fd/\(file)", &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

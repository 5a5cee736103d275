import CFUSE
import Glibc
import Linux
import Synchronization

/// Serves one folder with exactly one read-only regular file that never changes, through libfuse's low-level interface.
///
/// Once mounted it stays so until it is unmounted, by ``unmount(force:)`` or by anybody, even when nobody refers to it.
// @unchecked: `handle` is written before the loop's thread starts and then used by that thread only; `device` is written in
// init only.
package final class FUSEMount: @unchecked Sendable {
    /// Where it is mounted; absolute.
    package let directory: String
    let file: ServedFile
    let reader: any FileReader
    let outstanding = OutstandingAnswers()
    /// Every read is an error from now on.
    let isBroken = Atomic(false)
    let options: Options
    private var handle: OpaquePointer?
    /// The kernel's number for this mount, as ``MountTable/Entry/device``.
    private var device: String?
    private let end = Mutex(End.waited(by: []))

    private enum End {
        case waited(by: [@Sendable () -> Void])
        case reached
    }

    /// Mounts and starts to serve; returns when the file can be opened.
    /// - Parameters:
    ///   - directory: an existing folder; absolute, links resolved.
    ///   - fileName: the file's name, without a slash.
    ///   - size: its bytes.
    ///   - modified: its time, in seconds since 1970.
    /// - Throws: ``MountError/noDevice(_:)``, ``MountError/mountFailed(path:message:)``.
    package init(
        mountingAt directory: String, fileName: String, size: UInt64, modified: Int,
        options: Options = Options(),
        reader: any FileReader
    ) throws(MountError) {
        self.directory = directory
        self.options = options
        self.reader = reader
        file = ServedFile(name: fileName, size: size, modified: modified, readers: options.readers)
        do {
            _ = try FileHandle(path: "/dev/fuse", flags: O_RDWR)
        } catch {
            throw .noDevice(error)
        }
        LibraryLog.install()
        _ = LibraryLog.takeLastError()
        var operations = FUSEMount.operations()
        let session = FUSEMount.withArguments(options) { count, arguments in
            osc_fuse_session_new(count, arguments, &operations, Unmanaged.passUnretained(self).toOpaque())
        }
        guard let session else {
            throw .mountFailed(path: directory, message: LibraryLog.takeLastError() ?? "no session")
        }
        guard fuse_session_mount(session, directory) == 0 else {
            fuse_session_destroy(session)
            throw .mountFailed(path: directory, message: LibraryLog.takeLastError() ?? "mount was refused")
        }
        handle = session
        // INIT is answered here, before the threads answer the rest: the kernel sets the read-ahead when it takes that answer. A question
        // to the mount would tell as well, but whoever kills this process while it waits for an answer of its own makes it hang for ever.
        do throws(SystemCallError) {
            guard osc_fuse_answer_init(session) > 0 else {
                throw SystemCallError(code: ENODEV, call: "read", subject: "/dev/fuse")
            }
            try outstanding.start()
            try WorkerThread.start(name: "osc-fuse") { self.serve() }
        } catch {
            outstanding.close(ENOTCONN)
            fuse_session_unmount(session)
            fuse_session_destroy(session)
            throw .mountFailed(path: directory, message: "\(error)")
        }
        // Without it the read-ahead stays as it is, and an unmount does not see that somebody else was faster.
        device = (try? MountTable.entry(at: directory)).flatMap { $0?.device }
        raiseReadAhead()
    }

    /// Ends the mount.
    /// - Parameter force: also when it is in use: readers get an error.
    /// - Throws: ``MountError/busy(path:)`` without `force`; ``MountError/unmountFailed(_:)``.
    package func unmount(force: Bool = false) throws(MountError) {
        // Ended already, or on its way: what is mounted there now is somebody else's.
        if isEnded { return }
        // Where the table cannot be read the unmounting itself says what is wrong.
        if let device, let table = try? MountTable.entries(), !table.contains(where: { $0.device == device }) { return }
        if !force {
            try Mountpoint(directory).unmount()
            return
        }
        // A plain user can seldom break the connection; then this ends the reads, and the mount with its last reader.
        isBroken.store(true, ordering: .sequentiallyConsistent)
        defer { outstanding.failAll(ENOTCONN) }
        try Mountpoint(directory).abort()
    }

    /// Whether the mount has ended and everything it held is freed.
    package var isEnded: Bool {
        end.withLock { if case .reached = $0 { true } else { false } }
    }

    /// Calls `body` once when the mount has ended, on the loop's thread, or now when it has.
    package func whenEnded(_ body: @escaping @Sendable () -> Void) {
        let now = end.withLock { end in
            guard case .waited(let bodies) = end else { return true }
            end = .waited(by: bodies + [body])
            return false
        }
        if now { body() }
    }

    /// Returns when the mount has ended, whatever ended it.
    package func waitUntilUnmounted() async {
        await withCheckedContinuation { continuation in
            whenEnded { continuation.resume() }
        }
    }

    /// The loop's thread. `umount` makes the kernel answer ENODEV, which ends the loop; only this thread frees the session.
    private func serve() {
        guard let handle else { return }
        _ = osc_fuse_session_loop(handle, UInt32(options.threads))
        outstanding.close(ENOTCONN)
        fuse_session_unmount(handle)
        fuse_session_destroy(handle)
        self.handle = nil
        let bodies = end.withLock { end in
            defer { end = .reached }
            guard case .waited(let bodies) = end else { return [@Sendable () -> Void]() }
            return bodies
        }
        for body in bodies { body() }
    }

    /// The kernel offers 128 KiB and lets a server only lower it; root may raise it afterwards.
    private func raiseReadAhead() {
        guard geteuid() == 0, let device else { return }
        // Reads are slower without it, and right.
        try? FileHandle(path: "/sys/class/bdi/\(device)/read_ahead_kb", flags: O_WRONLY).write(
            text: "\(options.readAheadKiB)")
    }

    private static func withArguments<Result>(
        _ options: Options, _ body: (Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var words = ["ro", "fsname=oscircular", "subtype=oscircular", "max_read=\(longestRead)"]
        if options.readers != .ownUser { words += ["allow_other", "default_permissions"] }
        var arguments: [UnsafeMutablePointer<CChar>?] = ["oscircular", "-o", words.joined(separator: ",")]
            .map { (word: String) in strdup(word) }
        let count = Int32(arguments.count)
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        return arguments.withUnsafeMutableBufferPointer { buffer in
            // The array is never empty, so it has an address.
            body(count, buffer.baseAddress.unsafelyUnwrapped)
        }
    }
}

extension FUSEMount {
    /// Who may look into the folder and read its file.
    package enum Readers: Sendable, Equatable {
        /// This process's user: where that is not root, the kernel lets nobody else in, root neither.
        case ownUser
        /// One user, who owns folder and file then: for root's mounts that QEMU's own user reads.
        case user(UserID)
        /// Everybody. A plain user needs `user_allow_other` in /etc/fuse.conf.
        case everyone
    }

    /// How a ``FUSEMount`` is mounted and served.
    package struct Options: Sendable {
        package var readers: Readers
        /// Threads that take requests. They never wait for the network, so few are enough.
        package var threads: Int
        /// Kernel read-ahead in KiB, set where this process may (root).
        package var readAheadKiB: Int
        /// Direct reads are split and sent side by side: several times faster, but the kernel then tells nobody of a killed
        /// reader, which stays until its read is answered.
        package var parallelDirectReads: Bool

        package init(
            readers: Readers = .ownUser, threads: Int = 10, readAheadKiB: Int = 1024, parallelDirectReads: Bool = true
        ) {
            self.readers = readers
            self.threads = threads
            self.readAheadKiB = readAheadKiB
            self.parallelDirectReads = parallelDirectReads
        }
    }
}

/// Why a FUSE file could not be mounted or unmounted.
package enum MountError: Error, Sendable, Equatable {
    /// /dev/fuse is missing, or this process may not open it.
    case noDevice(SystemCallError)
    /// libfuse refused; `message` is its own last message.
    case mountFailed(path: String, message: String)
    /// Somebody has the file open or stands in the folder.
    case busy(path: String)
    /// The call that unmounts failed for another reason.
    case unmountFailed(SystemCallError)
}

extension MountError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noDevice(let cause): "FUSE is not available: \(cause)"
        case .mountFailed(let path, let message): "mounting at \(path): \(message)"
        case .busy(let path): "\(path) is in use"
        case .unmountFailed(let cause): "unmounting: \(cause)"
        }
    }
}

import Glibc
import Linux
import Synchronization

/// The host's end of a guest's serial port: a log, and any number of viewers.
///
/// QEMU connects to one socket, viewers to another. One thread does all of it. A viewer gets the last 64 KiB first; one that
/// does not read is dropped, so that it cannot hold up the guest.
package final class GuestConsole: Sendable {
    /// Bytes kept for those who come later, and the most that may wait for a viewer.
    static let backlogSize = 65_536
    /// The log's size before it is renamed to `….1` and begun again: a guest cannot fill the disk.
    static let logSize = 16 << 20

    private let wake: FileHandle
    private let ended = Mutex(false)

    /// Listens from now on.
    /// - Parameters:
    ///   - emulatorUser: owns the guest's socket when QEMU runs as another user.
    /// - Throws: ``SystemCallError``.
    package init(
        guestSocketPath: String, viewerSocketPath: String, logPath: String, emulatorUser: uid_t? = nil
    ) throws(SystemCallError) {
        let guest = try UnixSocket.listen(at: guestSocketPath)
        if let emulatorUser { try systemCall("chown", guestSocketPath) { chown(guestSocketPath, emulatorUser, gid_t.max) } }
        let viewers = try UnixSocket.listen(at: viewerSocketPath)
        let file = try ConsoleLog.open(logPath)
        let pipe = try Pipe()
        wake = pipe.writing
        WorkerThread.start(name: "console") {
            let log = ConsoleLog(path: logPath, limit: GuestConsole.logSize, file: file)
            ConsoleLoop(guestListener: guest, viewerListener: viewers, wake: pipe.reading, log: log).run()
            unlink(guestSocketPath)
            unlink(viewerSocketPath)
        }
    }

    deinit { close() }

    /// Ends the thread and all connections.
    package func close() {
        ended.withLock { isEnded in
            if isEnded { return }
            isEnded = true
            var byte: UInt8 = 1
            _ = write(wake.descriptor, &byte, 1)
        }
    }
}

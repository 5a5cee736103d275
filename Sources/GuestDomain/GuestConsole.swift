import Linux

/// The host's end of a guest's serial port: a log, and any number of viewers.
///
/// QEMU connects to one socket, viewers to another. One thread does all of it. A viewer gets the last 64 KiB first; one that
/// does not read is dropped, so that it cannot hold up the guest.
package final class GuestConsole: Sendable {
    /// Bytes that may wait for a viewer: a burst over a slow link, not a terminal that stands still.
    static let viewerLimit = 4 << 20
    /// Bytes kept for those who come later.
    package static let backlogSize = 65_536
    /// The log's size before it is renamed to `….1` and begun again: a guest cannot fill the disk.
    package static let logSize = 16 << 20

    /// Sees all that the guest says, in pieces as they come, on the console's thread: it must not block.
    package typealias Observer = @Sendable (UnsafeRawBufferPointer) -> Void

    private let wake: EventDescriptor
    private let ended: EventDescriptor

    /// Listens from now on.
    /// - Parameters:
    ///   - emulatorUser: owns the guest's socket when QEMU runs as another user.
    ///   - before: what the guest said last when it was suspended: viewers see it first, and the log begins with it.
    ///   - logSize: bytes of the log before it is renamed.
    /// - Throws: ``SystemCallError``.
    package init(
        guestSocketPath: String, viewerSocketPath: String, logPath: String, emulatorUser: UserID? = nil,
        before: [UInt8] = [], logSize: Int = GuestConsole.logSize, observer: Observer? = nil
    ) throws(SystemCallError) {
        let guest = try UnixListener(path: guestSocketPath, owner: emulatorUser)
        let viewers = try UnixListener(path: viewerSocketPath)
        let file = try ConsoleLog.open(logPath)
        let (wake, ended) = (try EventDescriptor(), try EventDescriptor())
        self.wake = wake
        self.ended = ended
        try WorkerThread.start(name: "console") {
            let log = ConsoleLog(path: logPath, limit: logSize, file: file)
            before.withUnsafeBytes { log.append($0) }
            ConsoleLoop(
                guestListener: guest, viewerListener: viewers, wake: wake, log: log, observer: observer,
                backlog: before
            ).run()
            Paths.removeIfPossible(guestSocketPath)
            Paths.removeIfPossible(viewerSocketPath)
            ended.signal()
        }
    }

    deinit { close() }

    /// Ends the thread and all connections, soon. What the guest said before is in the log then.
    package func close() { wake.signal() }

    /// As ``close()``, and waits until it is done.
    package func finish() async {
        close()
        let ended = ended
        // Without a thread to wait on it ends all the same, soon.
        _ = try? await WorkerThread.run(name: "console end") { ended.wait() }
    }
}

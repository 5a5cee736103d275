import Glibc
import Linux

/// The console's thread: waits for all sockets at once and copies between them.
struct ConsoleLoop {
    let guestListener: FileHandle
    let viewerListener: FileHandle
    let wake: FileHandle
    let log: ConsoleLog
    private var guest: FileHandle?
    private var toGuest: [UInt8] = []
    private var viewers: [Viewer] = []
    private var backlog: [UInt8] = []

    private struct Viewer {
        let handle: FileHandle
        var pending: [UInt8]
    }

    init(guestListener: FileHandle, viewerListener: FileHandle, wake: FileHandle, log: ConsoleLog) {
        self.guestListener = guestListener
        self.viewerListener = viewerListener
        self.wake = wake
        self.log = log
    }

    consuming func run() {
        var loop = self
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        while loop.step(buffer) {}
    }

    /// One wait and what it brought. Returns false at the end.
    private mutating func step(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        var waiting = [pollfd(wake, reads: true), pollfd(guestListener, reads: true), pollfd(viewerListener, reads: true)]
        if let guest { waiting.append(pollfd(guest, reads: true, writes: !toGuest.isEmpty)) }
        let viewersStart = waiting.count
        // While the guest does not take its input, viewers are not read: their typing waits in the kernel.
        for viewer in viewers {
            waiting.append(
                pollfd(viewer.handle, reads: toGuest.count < 4096, writes: !viewer.pending.isEmpty))
        }
        let count = poll(&waiting, nfds_t(waiting.count), -1)
        if count < 0 { return errno == EINTR }
        if waiting[0].revents != 0 { return false }

        for position in viewers.indices.reversed() {
            let ready = waiting[viewersStart + position]
            if !serve(viewer: position, ready, buffer) { viewers.remove(at: position) }
        }
        if guest != nil { serveGuest(waiting[3], buffer) }
        if waiting[1].revents != 0, let new = try? UnixSocket.accept(guestListener) {
            // A restarted QEMU replaces the old connection.
            guest = ConsoleLoop.nonBlocking(new)
            toGuest = []
        }
        if waiting[2].revents != 0, let new = try? UnixSocket.accept(viewerListener) {
            viewers.append(Viewer(handle: ConsoleLoop.nonBlocking(new), pending: backlog))
        }
        return true
    }

    private mutating func serveGuest(_ ready: pollfd, _ buffer: UnsafeMutableRawBufferPointer) {
        guard let guest else { return }
        if ready.revents & Int16(POLLOUT) != 0, !toGuest.isEmpty {
            let count = toGuest.withUnsafeBytes { write(guest.descriptor, $0.baseAddress, $0.count) }
            if count > 0 { toGuest.removeFirst(count) }
        }
        if ready.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
            let count = read(guest.descriptor, buffer.baseAddress, buffer.count)
            if count > 0 {
                output(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                self.guest = nil
            }
        }
    }

    private mutating func output(_ bytes: UnsafeRawBufferPointer) {
        log.append(bytes)
        backlog.append(contentsOf: bytes)
        if backlog.count > 2 * GuestConsole.backlogSize { backlog.removeFirst(backlog.count - GuestConsole.backlogSize) }
        for position in viewers.indices { viewers[position].pending.append(contentsOf: bytes) }
    }

    /// - Returns: false when the viewer is gone or too slow.
    private mutating func serve(
        viewer position: Int, _ ready: pollfd, _ buffer: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let handle = viewers[position].handle
        if ready.revents & Int16(POLLOUT) != 0 {
            let count = viewers[position].pending.withUnsafeBytes { write(handle.descriptor, $0.baseAddress, $0.count) }
            if count > 0 { viewers[position].pending.removeFirst(count) }
            if count < 0 && errno != EAGAIN && errno != EINTR { return false }
        }
        if viewers[position].pending.count > 4 * GuestConsole.backlogSize { return false }
        if ready.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
            let count = read(handle.descriptor, buffer.baseAddress, min(buffer.count, 4096))
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { return false }
            if count > 0, guest != nil { toGuest.append(contentsOf: buffer[..<count]) }
        }
        return true
    }

    private static func nonBlocking(_ handle: FileHandle) -> FileHandle {
        _ = fcntl(handle.descriptor, F_SETFL, O_NONBLOCK)
        return handle
    }
}

extension pollfd {
    fileprivate init(_ handle: FileHandle, reads: Bool, writes: Bool = false) {
        let events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0)
        self.init(fd: handle.descriptor, events: Int16(events), revents: 0)
    }
}

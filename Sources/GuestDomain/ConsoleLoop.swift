import Glibc
import Linux

/// The console's thread: waits for all sockets at once and copies between them.
struct ConsoleLoop {
    private let guestListener: UnixListener
    private let viewerListener: UnixListener
    private let wake: EventDescriptor
    private let log: ConsoleLog
    private let observer: GuestConsole.Observer?
    private var guest: FileHandle?
    private var toGuest: [UInt8] = []
    private var viewers: [Viewer] = []
    private var backlog: [UInt8] = []

    private struct Viewer {
        let handle: FileHandle
        var pending: [UInt8]
    }

    /// - Parameter wake: ends the loop when it is signalled.
    init(
        guestListener: UnixListener, viewerListener: UnixListener, wake: EventDescriptor, log: ConsoleLog,
        observer: GuestConsole.Observer?
    ) {
        self.guestListener = guestListener
        self.viewerListener = viewerListener
        self.wake = wake
        self.log = log
        self.observer = observer
    }

    consuming func run() {
        var loop = self
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        while loop.step(buffer) {}
        loop.drain(buffer)
    }

    /// What the guest said last reaches the log and, if they take it soon, the viewers.
    private mutating func drain(_ buffer: UnsafeMutableRawBufferPointer) {
        while let guest {
            let count = read(guest.descriptor, buffer.baseAddress, buffer.count)
            guard count > 0 else { break }
            output(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        guest = nil
        let end = MonotonicClock.nanoseconds + 500_000_000
        while MonotonicClock.nanoseconds < end {
            viewers.removeAll { $0.pending.isEmpty }
            if viewers.isEmpty { return }
            var waiting = viewers.map { pollfd($0.handle.descriptor, reads: false, writes: true) }
            poll(&waiting, nfds_t(waiting.count), 100)
            for position in viewers.indices.reversed()
            where waiting[position].revents != 0 && !serve(viewer: position, waiting[position], buffer) {
                viewers.remove(at: position)
            }
        }
    }

    /// One wait and what it brought. Returns false at the end.
    private mutating func step(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        var waiting = [
            pollfd(wake.descriptor, reads: true), pollfd(guestListener.descriptor, reads: true),
            pollfd(viewerListener.descriptor, reads: true),
        ]
        if let guest { waiting.append(pollfd(guest.descriptor, reads: true, writes: !toGuest.isEmpty)) }
        let viewersStart = waiting.count
        // While the guest does not take its input, viewers are not read: their typing waits in the kernel.
        for viewer in viewers {
            waiting.append(
                pollfd(viewer.handle.descriptor, reads: toGuest.count < 4096, writes: !viewer.pending.isEmpty))
        }
        let count = poll(&waiting, nfds_t(waiting.count), -1)
        if count < 0 { return errno == EINTR }
        if waiting[0].revents != 0 { return false }

        for position in viewers.indices.reversed() {
            let ready = waiting[viewersStart + position]
            if !serve(viewer: position, ready, buffer) { viewers.remove(at: position) }
        }
        if guest != nil { serveGuest(waiting[3], buffer) }
        if waiting[1].revents != 0, let new = guestListener.accept(nonblocking: true) {
            // A restarted QEMU replaces the old connection.
            guest = new
            toGuest = []
        }
        if waiting[2].revents != 0, let new = viewerListener.accept(nonblocking: true) {
            viewers.append(Viewer(handle: new, pending: Array(backlog.suffix(GuestConsole.backlogSize))))
        }
        return true
    }

    private mutating func serveGuest(_ ready: pollfd, _ buffer: UnsafeMutableRawBufferPointer) {
        guard let guest else { return }
        if ready.revents & Int16(POLLOUT) != 0, !toGuest.isEmpty {
            let count = toGuest.withUnsafeBytes { ConsoleLoop.send(guest, $0) }
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
        observer?(bytes)
        backlog.append(contentsOf: bytes)
        if backlog.count > 2 * GuestConsole.backlogSize {
            backlog.removeFirst(backlog.count - GuestConsole.backlogSize)
        }
        for position in viewers.indices { viewers[position].pending.append(contentsOf: bytes) }
    }

    /// - Returns: false when the viewer is gone or too slow.
    private mutating func serve(
        viewer position: Int, _ ready: pollfd, _ buffer: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let handle = viewers[position].handle
        if ready.revents & Int16(POLLOUT) != 0 {
            let count = viewers[position].pending.withUnsafeBytes { ConsoleLoop.send(handle, $0) }
            if count > 0 { viewers[position].pending.removeFirst(count) }
            if count < 0 && errno != EAGAIN && errno != EINTR { return false }
        }
        if viewers[position].pending.count > GuestConsole.viewerLimit { return false }
        if ready.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
            let count = read(handle.descriptor, buffer.baseAddress, min(buffer.count, 4096))
            if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { return false }
            if count > 0, guest != nil { toGuest.append(contentsOf: buffer[..<count]) }
        }
        return true
    }

    /// As write, without the signal that a closed connection raises.
    private static func send(_ handle: FileHandle, _ bytes: UnsafeRawBufferPointer) -> Int {
        Glibc.send(handle.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    }
}

extension pollfd {
    fileprivate init(_ descriptor: Int32, reads: Bool, writes: Bool = false) {
        let events = (reads ? POLLIN : 0) | (writes ? POLLOUT : 0)
        self.init(fd: descriptor, events: Int16(events), revents: 0)
    }
}

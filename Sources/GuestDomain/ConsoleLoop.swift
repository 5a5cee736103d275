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
    private var backlog: [UInt8]
    private var parking = ParkWords()

    private struct Viewer {
        let handle: FileHandle
        var pending: [UInt8]
    }

    /// - Parameters:
    ///   - wake: ends the loop when it is signalled.
    ///   - backlog: what viewers see first.
    init(
        guestListener: UnixListener, viewerListener: UnixListener, wake: EventDescriptor, log: ConsoleLog,
        observer: GuestConsole.Observer?, backlog: [UInt8] = []
    ) {
        self.guestListener = guestListener
        self.viewerListener = viewerListener
        self.wake = wake
        self.log = log
        self.observer = observer
        self.backlog = backlog
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
        // What cannot be read any more is lost with QEMU.
        while let guest, case .bytes(let count)? = try? guest.receive(into: buffer) {
            output(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        guest = nil
        let end = MonotonicClock.nanoseconds + 500_000_000
        while MonotonicClock.nanoseconds < end {
            viewers.removeAll { $0.pending.isEmpty }
            if viewers.isEmpty { return }
            var waiting = viewers.map { PollSource($0.handle.descriptor, .writable) }
            // Tried again until the half second is over.
            _ = try? PollSource.wait(for: &waiting, milliseconds: 100)
            for position in viewers.indices.reversed()
            where waiting[position].hasNews && !serve(viewer: position, waiting[position], buffer) {
                viewers.remove(at: position)
            }
        }
    }

    /// One wait and what it brought. Returns false at the end.
    private mutating func step(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
        var waiting = [
            PollSource(wake.descriptor), PollSource(guestListener.descriptor), PollSource(viewerListener.descriptor),
        ]
        if let guest {
            waiting.append(PollSource(guest.descriptor, toGuest.isEmpty ? .readable : [.readable, .writable]))
        }
        let viewersStart = waiting.count
        // While the guest does not take its input, viewers are not read: their typing waits in the kernel.
        for viewer in viewers {
            var wanted: PollSource.Events = toGuest.count < 4096 ? .readable : []
            if !viewer.pending.isEmpty { wanted.insert(.writable) }
            waiting.append(PollSource(viewer.handle.descriptor, wanted))
        }
        // Without memory to wait, the console ends; its log says what the guest said until then.
        guard (try? PollSource.wait(for: &waiting)) != nil else { return false }
        if waiting[0].hasNews { return false }

        for position in viewers.indices.reversed() {
            let ready = waiting[viewersStart + position]
            if !serve(viewer: position, ready, buffer) { viewers.remove(at: position) }
        }
        if guest != nil { serveGuest(waiting[3], buffer) }
        if waiting[1].hasNews, let new = guestListener.accept(nonblocking: true) {
            // A restarted QEMU replaces the old connection.
            guest = new
            toGuest = []
        }
        if waiting[2].hasNews, let new = viewerListener.accept(nonblocking: true) {
            viewers.append(Viewer(handle: new, pending: Array(backlog.suffix(GuestConsole.backlogSize))))
        }
        return true
    }

    private mutating func serveGuest(_ ready: PollSource, _ buffer: UnsafeMutableRawBufferPointer) {
        guard let guest else { return }
        if ready.found.contains(.writable), !toGuest.isEmpty {
            // A connection that is gone is seen at the next read.
            let count = toGuest.withUnsafeBytes { try? guest.send($0) }
            toGuest.removeFirst(count ?? 0)
        }
        guard ready.isReadable else { return }
        // A connection that cannot be read is gone, whatever the error.
        switch try? guest.receive(into: buffer) {
        case .bytes(let count): output(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        case .nothingYet: break
        case .end, nil: self.guest = nil
        }
    }

    private mutating func output(_ bytes: UnsafeRawBufferPointer) {
        log.append(bytes)
        observer?(bytes)
        backlog.append(contentsOf: bytes)
        if backlog.count > 2 * GuestConsole.backlogSize {
            backlog.removeFirst(backlog.count - GuestConsole.backlogSize)
        }
        // Whoever comes to a guest that has just woken sees its prompt, which is asked for then.
        if parking.take(bytes).contains(.awake) { backlog = [] }
        for position in viewers.indices { viewers[position].pending.append(contentsOf: bytes) }
    }

    /// - Returns: false when the viewer is gone or too slow.
    private mutating func serve(
        viewer position: Int, _ ready: PollSource, _ buffer: UnsafeMutableRawBufferPointer
    ) -> Bool {
        let handle = viewers[position].handle
        if ready.found.contains(.writable) {
            // A viewer that cannot be written to is gone, whatever the error; so is one that cannot be read.
            guard let count = viewers[position].pending.withUnsafeBytes({ try? handle.send($0) }) else { return false }
            viewers[position].pending.removeFirst(count)
        }
        if viewers[position].pending.count > GuestConsole.viewerLimit { return false }
        guard ready.isReadable else { return true }
        let typed = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, 4096)])
        // As above.
        switch try? handle.receive(into: typed) {
        case .bytes(let count):
            if guest != nil { toGuest.append(contentsOf: typed[..<count]) }
            return true
        case .nothingYet: return true
        case .end, nil: return false
        }
    }
}

/// What a guest says on its serial port, on disk, bounded. Text only, so that it can be shown on any terminal by any program.
final class ConsoleLog {
    private let path: String
    private let limit: Int
    private var file: FileHandle?
    private var size = 0
    private var filter = TerminalFilter(for: .text)

    /// - Parameter file: from ``open(_:)``.
    init(path: String, limit: Int, file: FileHandle) {
        self.path = path
        self.limit = limit
        self.file = file
    }

    /// Appends; a full disk loses the log's end, never the guest.
    func append(_ said: UnsafeRawBufferPointer) {
        let bytes = filter.pass(said)
        if size + bytes.count > limit {
            // The guest goes on without its log, or with the old one written over.
            try? Paths.rename(path, to: path + ".1")
            file = try? ConsoleLog.open(path)
            size = 0
        }
        // The doc comment's reason.
        try? bytes.withUnsafeBytes { try file?.write($0) }
        size += bytes.count
    }

    /// Begins the log anew.
    static func open(_ path: String) throws(SystemCallError) -> FileHandle {
        try FileHandle(path, for: .writing, [.create, .truncate, .append, .refuseLink], mode: 0o600)
    }
}

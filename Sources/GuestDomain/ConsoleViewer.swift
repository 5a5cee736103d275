import Glibc
import Linux

/// A guest's serial console on this process's standard input and output.
package enum ConsoleViewer {
    package enum End: Sendable, Equatable {
        /// The user typed Ctrl-].
        case left
        /// The guest is gone.
        case closed
        /// The output cannot be written, which the program's end says.
        case unread
        /// The caller wanted the end.
        case interrupted
    }

    /// Ctrl-], as telnet and virsh have it.
    private static let escape: UInt8 = 0x1d

    /// Connects and relays until the user leaves or the guest ends. Blocks. The terminal is restored on every way out.
    /// - Parameters:
    ///   - input: read from; a terminal is in raw mode until the end.
    ///   - output: written to.
    ///   - interruption: ends the viewer when it is signalled; for a program's signals, which would otherwise end it
    ///     with the terminal in raw mode.
    /// - Throws: ``SystemCallError`` when the session's console does not answer.
    package static func run(
        socketPath: String, input: Int32 = STDIN_FILENO, output: StandardOutput = .program,
        interruption: EventDescriptor? = nil
    ) throws(SystemCallError) -> End {
        let console = try UnixListener.connect(to: socketPath)
        let terminal = RawTerminal(input)
        defer { terminal?.restore() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        var readsInput = true
        while true {
            var waiting = [
                pollfd(fd: console.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: readsInput ? input : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: interruption?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&waiting, 3, -1) < 0 {
                if errno == EINTR { continue }
                throw SystemCallError.last("poll")
            }
            if waiting[2].revents != 0 { return .interrupted }
            if waiting[0].revents != 0 {
                let count = read(console.descriptor, buffer.baseAddress, buffer.count)
                if count <= 0 { return .closed }
                if !output.write(UnsafeRawBufferPointer(rebasing: buffer[..<count])) { return .unread }
            }
            if waiting[1].revents != 0 {
                let count = read(input, buffer.baseAddress, buffer.count)
                // At the end of a file or pipe the guest's output still matters.
                if count <= 0 {
                    readsInput = false
                    continue
                }
                let typed = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                // Only a person leaves by a key; bytes of a pipe are passed on as they are.
                let end = terminal == nil ? nil : typed.firstIndex(of: escape)
                send(UnsafeRawBufferPointer(rebasing: typed[..<(end ?? count)]), to: console)
                if end != nil { return .left }
            }
        }
    }

    /// A guest that is gone is seen at the next read.
    private static func send(_ bytes: UnsafeRawBufferPointer, to console: FileHandle) {
        var done = 0
        while done < bytes.count {
            let count = Glibc.send(
                console.descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done, Int32(MSG_NOSIGNAL))
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return }
            done += count
        }
    }
}

/// A terminal that passes every key on, until it is restored.
private struct RawTerminal {
    private let descriptor: Int32
    private var saved = termios()

    /// Nil when the descriptor is no terminal.
    init?(_ descriptor: Int32) {
        self.descriptor = descriptor
        guard tcgetattr(descriptor, &saved) == 0 else { return nil }
        var raw = saved
        cfmakeraw(&raw)
        tcsetattr(descriptor, TCSANOW, &raw)
    }

    func restore() {
        var saved = saved
        tcsetattr(descriptor, TCSANOW, &saved)
    }
}

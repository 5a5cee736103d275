import Glibc
import Linux

/// A guest's serial console on this process's standard input and output.
package enum ConsoleViewer {
    package enum End: Sendable, Equatable {
        /// The user typed Ctrl-].
        case left
        /// The guest is gone.
        case closed
    }

    /// Ctrl-], as telnet and virsh have it.
    private static let escape: UInt8 = 0x1d

    /// Connects and relays until the user leaves or the guest ends. Blocks. The terminal is restored on every way out.
    /// - Throws: ``SystemCallError`` when the session's console does not answer.
    package static func run(socketPath: String) throws(SystemCallError) -> End {
        let console = try UnixSocket.connect(to: socketPath)
        let terminal = RawTerminal(STDIN_FILENO)
        defer { terminal?.restore() }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16_384, alignment: 16)
        defer { buffer.deallocate() }
        var readsInput = true
        while true {
            var waiting = [
                pollfd(fd: console.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: readsInput ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&waiting, 2, -1) < 0 {
                if errno == EINTR { continue }
                throw SystemCallError.last("poll")
            }
            if waiting[0].revents != 0 {
                let count = read(console.descriptor, buffer.baseAddress, buffer.count)
                if count <= 0 { return .closed }
                writeAll(STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            if waiting[1].revents != 0 {
                let count = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
                // At the end of a file or pipe the guest's output still matters.
                if count <= 0 {
                    readsInput = false
                    continue
                }
                let typed = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                // Only a person leaves by a key; bytes of a pipe are passed on as they are.
                let end = terminal == nil ? nil : typed.firstIndex(of: escape)
                writeAll(console.descriptor, UnsafeRawBufferPointer(rebasing: typed[..<(end ?? count)]))
                if end != nil { return .left }
            }
        }
    }

    private static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) {
        var done = 0
        while done < bytes.count {
            let count = write(descriptor, bytes.baseAddress?.advanced(by: done), bytes.count - done)
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

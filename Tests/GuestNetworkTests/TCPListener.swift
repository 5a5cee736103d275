import Glibc
import Linux

/// A listening TCP socket on a free port of this machine.
final class TCPListener: Sendable {
    let port: UInt16
    private let handle: FileHandle

    /// - Parameter address: 127.0.0.1, or 0.0.0.0 for every address.
    init(_ address: IPv4Address = IPv4Address(127, 0, 0, 1)) throws {
        handle = FileHandle(
            owning: try systemCall("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }
        )
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = address.value.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = handle.descriptor
        try withUnsafeMutablePointer(to: &name) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                try systemCall("bind") { bind(descriptor, generic, length) }
                try systemCall("listen") { listen(descriptor, 16) }
                try systemCall("getsockname") { getsockname(descriptor, generic, &length) }
            }
        }
        port = UInt16(bigEndian: name.sin_port)
    }

    /// True when somebody connected.
    func visited(milliseconds: Int32) -> Bool {
        var item = pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&item, 1, milliseconds) > 0
    }

    /// Passes each connection on to a unix socket until the object and its thread's last connection are gone.
    func relay(to socketPath: String, until stop: EventDescriptor) {
        try? WorkerThread.start(name: "relay") { [handle] in
            while true {
                var items = [
                    pollfd(fd: stop.descriptor, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0),
                ]
                guard poll(&items, 2, -1) >= 0, items[0].revents == 0 else { return }
                let connection = accept(handle.descriptor, nil, nil)
                guard connection >= 0 else { continue }
                let client = FileHandle(owning: connection)
                guard let server = try? UnixListener.connect(to: socketPath) else { continue }
                try? WorkerThread.start(name: "relay-up") { Self.copy(client, server) }
                try? WorkerThread.start(name: "relay-down") { Self.copy(server, client) }
            }
        }
    }

    private static func copy(_ source: FileHandle, _ target: FileHandle) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(source.descriptor, &buffer, buffer.count, 0)
            guard count > 0, send(target.descriptor, buffer, count, Int32(MSG_NOSIGNAL)) == count else { break }
        }
        shutdown(target.descriptor, Int32(SHUT_WR))
    }
}

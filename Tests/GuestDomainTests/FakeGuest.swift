import Glibc
import Linux

/// QEMU's serial port, or a viewer, as the console sees it: a connection that writes and reads.
final class FakeGuest: Sendable {
    private let handle: FileHandle

    init(_ socketPath: String) throws { handle = try UnixListener.connect(to: socketPath) }

    func say(_ text: String) throws { try say(Array(text.utf8)) }

    func say(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try handle.write($0) } }

    /// Bytes that are there or come, on a thread of its own.
    /// - Returns: when there are as many or the connection ends; nil when neither happens in time.
    func hear(_ count: Int, seconds: Int32 = 5) async throws -> [UInt8]? {
        let handle = handle
        return try await WorkerThread.run(name: "test-hear") {
            var heard: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while heard.count < count {
                var item = pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0)
                if poll(&item, 1, seconds * 1000) <= 0 { return nil }
                let got = read(handle.descriptor, &buffer, min(buffer.count, count - heard.count))
                if got <= 0 { break }
                heard += buffer[..<got]
            }
            return heard
        }
    }

    func hearText(_ count: Int, seconds: Int32 = 5) async throws -> String? {
        try await hear(count, seconds: seconds).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the other side has closed the connection.
    func isClosed() async throws -> Bool {
        let bytes = try await hear(1 << 30, seconds: 2)
        return bytes != nil
    }
}

import Glibc
import Linux
import Synchronization

@testable import SFTP

/// An sftp server that says what a test wants: each request is answered by a closure, on a thread of its own.
final class ScriptedServer: Sendable {
    struct Request {
        let kind: UInt8
        let number: UInt32
        var body: SFTPReader
    }

    private let (fromClient, toServer): (FileHandle, FileHandle)
    private let (fromServer, toClient): (FileHandle, FileHandle)

    /// - Parameter answer: messages for a request, each without its length; none for silence.
    init(_ answer: @escaping @Sendable (Request) -> [[UInt8]]) throws {
        // Its client leaves whenever it likes.
        signal(SIGPIPE, SIG_IGN)
        let (up, down) = (try Pipe(), try Pipe())
        (fromClient, toServer) = (up.reading, up.writing)
        (fromServer, toClient) = (down.reading, down.writing)
        try WorkerThread.start(name: "sftp server") { [fromClient, toClient] in
            while let message = Self.message(fromClient) {
                if message[0] == 1 {
                    guard Self.write([2, 0, 0, 0, 3], to: toClient) else { return }
                    continue
                }
                var body = SFTPReader(message[1...])
                guard let number = try? body.number() else { return }
                for bytes in answer(Request(kind: message[0], number: number, body: body)) {
                    guard Self.write(bytes, to: toClient) else { return }
                }
            }
        }
    }

    func connect(cancel: EventDescriptor? = nil, patience: Int = 5) throws -> SFTPConnection {
        try SFTPConnection(
            reading: try fromServer.duplicate(), writing: try toServer.duplicate(), cancel: cancel, patience: patience)
    }

    private static func message(_ handle: FileHandle) -> [UInt8]? {
        guard let head = read(handle, 4) else { return nil }
        let length = head.reduce(0) { $0 << 8 | Int($1) }
        return length > 0 ? read(handle, length) : nil
    }

    private static func read(_ handle: FileHandle, _ count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: count)
        while bytes.count < count {
            var item = pollfd(fd: handle.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&item, 1, 10_000)
            let got = Glibc.read(handle.descriptor, &buffer, count - bytes.count)
            guard got > 0 else { return nil }
            bytes += buffer[..<got]
        }
        return bytes
    }

    private static func write(_ message: [UInt8], to handle: FileHandle) -> Bool {
        var head = SFTPWriter()
        head.add(UInt32(message.count))
        let bytes = head.bytes + message
        var sent = 0
        while sent < bytes.count {
            var item = pollfd(fd: handle.descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&item, 1, 10_000)
            let count = bytes.withUnsafeBytes {
                Glibc.write(handle.descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent)
            }
            if count < 0 && errno == EAGAIN { continue }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    // MARK: Answers

    struct Entry: Sendable {
        let name: [UInt8]
        let mode: UInt32

        init(name: [UInt8], mode: UInt32) { (self.name, self.mode) = (name, mode) }
        init(_ name: String, _ mode: UInt32) { self.init(name: Array(name.utf8), mode: mode) }
    }

    static func message(_ kind: SFTPMessage.Kind, _ number: UInt32, _ fill: (inout SFTPWriter) -> Void) -> [UInt8] {
        var body = SFTPWriter()
        body.add(number)
        fill(&body)
        return [kind.rawValue] + body.bytes
    }

    static func status(_ number: UInt32, _ code: UInt32) -> [UInt8] {
        message(.answer, number) {
            $0.add(code)
            $0.add("".utf8)
            $0.add("".utf8)
        }
    }

    static func attributes(_ number: UInt32, mode: UInt32, size: UInt64) -> [UInt8] {
        message(.attributes, number) { add(mode: mode, size: size, to: &$0) }
    }

    static func add(mode: UInt32, size: UInt64, to writer: inout SFTPWriter) {
        writer.add(UInt32(5))
        writer.add(size)
        writer.add(mode)
    }

    static func names(_ number: UInt32, _ names: [Entry]) -> [UInt8] {
        message(.names, number) {
            $0.add(UInt32(names.count))
            for entry in names {
                $0.add(entry.name)
                $0.add("".utf8)
                add(mode: entry.mode, size: 4, to: &$0)
            }
        }
    }
}

/// A tree in a guest that lies about it.
final class LyingTree: Sendable {
    let folder: UInt32 = 0o040755
    let file: UInt32 = 0o100644
    /// What READDIR says, once for each folder.
    let entries: @Sendable () -> [ScriptedServer.Entry]
    /// The size that FSTAT says, and what is in a file at an offset, at most so many bytes; nil for its end.
    let size: UInt64
    let content: @Sendable (UInt64, Int) -> [UInt8]?
    private let listed = Mutex(false)

    init(
        size: UInt64 = 4, entries: @escaping @Sendable () -> [ScriptedServer.Entry],
        content: @escaping @Sendable (UInt64, Int) -> [UInt8]? = { _, count in Array("evil".utf8.prefix(count)) }
    ) {
        (self.size, self.entries, self.content) = (size, entries, content)
    }

    func answer(_ request: ScriptedServer.Request) -> [[UInt8]] {
        var body = request.body
        switch SFTPMessage.Kind(rawValue: request.kind) {
        case .statusOfName, .status:
            return [ScriptedServer.attributes(request.number, mode: folder, size: 0)]
        case .statusOfHandle:
            return [ScriptedServer.attributes(request.number, mode: file, size: size)]
        case .open, .openFolder:
            listed.withLock { $0 = false }
            return [ScriptedServer.message(.handle, request.number) { $0.add("h".utf8) }]
        case .readFolder:
            let isAgain = listed.withLock { was in
                defer { was = true }
                return was
            }
            return [
                isAgain ? ScriptedServer.status(request.number, 1) : ScriptedServer.names(request.number, entries())
            ]
        case .read:
            guard (try? body.text()) != nil, let offset = try? body.long(), let count = try? body.number() else {
                return []
            }
            guard let bytes = content(offset, Int(count)) else { return [ScriptedServer.status(request.number, 1)] }
            return [ScriptedServer.message(.data, request.number) { $0.add(bytes) }]
        default: return [ScriptedServer.status(request.number, 0)]
        }
    }
}

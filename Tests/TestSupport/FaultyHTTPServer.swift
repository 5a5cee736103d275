import Glibc
import Linux
import Synchronization

/// A small HTTP/1.1 server on the loopback that serves a folder, with connections that are kept, and faults by script.
package final class FaultyHTTPServer: Sendable {
    private struct State {
        var listener: FileHandle?
        var connections: [Int32: FileHandle] = [:]
        var scripts: [String: [HTTPFault]] = [:]
        var always: [String: HTTPFault] = [:]
        var log: [String] = []
        var headers: [String] = []
        var accepted = 0
        var handler: Handler?
        var bodyBytes = 0
    }

    /// Answers a request in place of the folder and its faults; nil leaves it to them. Called on the connection's thread.
    /// - Parameters:
    ///   - path: with its query.
    ///   - header: all lines of it.
    package typealias Handler = @Sendable (_ path: String, _ header: String) -> Reply?

    /// An answer, byte by byte as a test wants it.
    package struct Reply: Sendable {
        package var status: Int
        /// `Name: value`, one each; the length of the body is added.
        package var fields: [String]
        package var body: [UInt8]
        /// Bytes that `Content-Length` announces; nil where that is true.
        package var announced: Int?
        package var milliseconds: Int

        package init(
            _ status: Int, _ fields: [String] = [], body: [UInt8] = [], announced: Int? = nil, milliseconds: Int = 0
        ) {
            (self.status, self.fields, self.body) = (status, fields, body)
            (self.announced, self.milliseconds) = (announced, milliseconds)
        }
    }

    /// The folder that is served.
    package let folder: String
    /// Stays the same over ``stop()`` and ``start()``.
    package let port: UInt16
    /// Where it listens.
    package let address: IPv4Address
    private let state = Mutex(State())

    /// Starts to serve on a free port.
    package init(folder: String, at address: IPv4Address = IPv4Address(127, 0, 0, 1)) throws {
        self.folder = folder
        self.address = address
        let listener = try FaultyHTTPServer.listen(address, port: 0)
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener.descriptor, $0, &length) }
        }
        port = UInt16(bigEndian: address.sin_port)
        serve(on: listener)
    }

    deinit { stop() }

    /// `http://127.0.0.1:PORT/`
    package var url: String { "http://\(address):\(port)/" }

    /// The faults of the next requests for a path (`/abcd/…`), one each; `*` stands for all paths without a script.
    package func script(_ path: String, _ faults: HTTPFault...) {
        state.withLock { $0.scripts[path, default: []] += faults }
    }

    /// The fault of all requests for a path, or of all with `*`, that have no script left.
    package func always(_ path: String, _ fault: HTTPFault) {
        state.withLock { $0.always[path] = fault }
    }

    /// Answers all requests from now on.
    package func handle(_ handler: Handler?) { state.withLock { $0.handler = handler } }

    /// Bytes of bodies that went out, of all requests.
    package var bodyBytes: Int { state.withLock { $0.bodyBytes } }

    /// Paths in the order of the requests.
    package var requests: [String] { state.withLock { $0.log } }

    /// The request headers, each as it came.
    package var requestHeaders: [String] { state.withLock { $0.headers } }

    /// Connections accepted since the first start.
    package var connectionCount: Int { state.withLock { $0.accepted } }

    /// Closes the port and all connections.
    package func stop() {
        let (listener, connections) = state.withLock { state in
            defer { (state.listener, state.connections) = (nil, [:]) }
            return (state.listener, state.connections)
        }
        if let listener { shutdown(listener.descriptor, Int32(SHUT_RDWR)) }
        connections.values.forEach { shutdown($0.descriptor, Int32(SHUT_RDWR)) }
    }

    /// Serves again after ``stop()``, on the same port.
    package func start() throws { serve(on: try FaultyHTTPServer.listen(address, port: port)) }

    private static func listen(_ place: IPv4Address, port: UInt16) throws -> FileHandle {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let listener = FileHandle(owning: try systemCall("socket") { socket(AF_INET, type, 0) })
        var one: Int32 = 1
        setsockopt(listener.descriptor, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = place.value.bigEndian
        try systemCall("bind", "port \(port)") {
            withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        try systemCall("listen") { Glibc.listen(listener.descriptor, 128) }
        return listener
    }

    private func serve(on listener: FileHandle) {
        state.withLock { $0.listener = listener }
        try? WorkerThread.start(name: "http-accept") { [weak self] in
            while true {
                let descriptor = accept(listener.descriptor, nil, nil)
                guard descriptor >= 0, let self else { return }
                let connection = FileHandle(owning: descriptor)
                let isOpen = self.state.withLock { state in
                    guard state.listener === listener else { return false }
                    state.accepted += 1
                    state.connections[descriptor] = connection
                    return true
                }
                guard isOpen else { return }
                try? WorkerThread.start(name: "http-serve") { [weak self] in
                    var rest: [UInt8] = []
                    while let (path, header) = FaultyHTTPServer.request(from: connection, &rest), let self {
                        guard self.answer(path, header, on: connection) else { break }
                    }
                    shutdown(descriptor, Int32(SHUT_RDWR))
                    _ = self?.state.withLock { $0.connections.removeValue(forKey: descriptor) }
                }
            }
        }
    }

    /// Reads up to the empty line; nil when the other side is gone.
    private static func request(from connection: FileHandle, _ rest: inout [UInt8]) -> (path: String, header: String)? {
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let text = String(decoding: rest, as: UTF8.self)
            if let end = text.firstRange(of: "\r\n\r\n") {
                let header = String(text[..<end.lowerBound])
                rest.removeFirst(header.utf8.count + 4)
                let words = header.prefix { $0 != "\r\n" }.split(separator: " ")
                return words.count == 3 ? (String(words[1]), header) : nil
            }
            let count = recv(connection.descriptor, &piece, piece.count, 0)
            guard count > 0 else { return nil }
            rest += piece[..<count]
        }
    }

    private func fault(of path: String, _ header: String) -> HTTPFault {
        state.withLock { state in
            state.log.append(path)
            state.headers.append(header)
            for key in [path, "*"] {
                if state.scripts[key]?.isEmpty == false { return state.scripts[key]?.removeFirst() ?? .none }
                if let always = state.always[key] { return always }
            }
            return .none
        }
    }

    /// False when the connection is at its end.
    private func answer(_ path: String, _ header: String, on connection: FileHandle) -> Bool {
        let fault = fault(of: path, header)
        if let reply = state.withLock({ $0.handler })?(path, header) {
            usleep(UInt32(reply.milliseconds * 1000))
            let fields = reply.fields.map { "\($0)\r\n" }.joined()
            let length = reply.announced ?? reply.body.count
            return send(connection, "HTTP/1.1 \(reply.status) Scripted\r\n\(fields)Content-Length: \(length)\r\n\r\n")
                && send(connection, reply.body, counted: true) && length <= reply.body.count
        }
        let body = path.contains("..") ? nil : FaultyHTTPServer.contents(of: folder + path)
        switch fault {
        case .status(let status): return send(connection, status, Array("fault\n".utf8))
        case .statusRetry(let status, let seconds):
            return send(connection, status, Array("busy\n".utf8), extra: "Retry-After: \(seconds)\r\n")
        case .redirect(let target): return send(connection, 302, [], extra: "Location: \(target)\r\n")
        case .replaced(let bytes): return send(connection, 200, bytes)
        case .hang: return !waitForEnd(connection)
        case .endless:
            let piece = [UInt8](repeating: 7, count: 65_536)
            guard send(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n") else { return false }
            while send(connection, piece) {}
            return false
        default: break
        }
        guard let body else { return send(connection, 404, Array("not found\n".utf8)) }
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n"
        switch fault {
        case .wrongBytes:
            var wrong = body
            wrong[wrong.count / 2] ^= 1
            return send(connection, 200, wrong)
        case .truncated(let count):
            _ = send(connection, head) && send(connection, Array(body.prefix(count)))
            return false
        case .reset(let count):
            _ = send(connection, head) && send(connection, Array(body.prefix(count)))
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(connection.descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
            // shutdown would say good-bye; closing a socket that must not linger sends RST.
            var unspecified = sockaddr()
            unspecified.sa_family = sa_family_t(AF_UNSPEC)
            connect(connection.descriptor, &unspecified, socklen_t(MemoryLayout<sockaddr>.size))
            return false
        case .drip(let bytes, let milliseconds):
            guard send(connection, head) else { return false }
            for start in stride(from: 0, to: body.count, by: bytes) {
                guard send(connection, Array(body[start..<min(start + bytes, body.count)])) else { return false }
                usleep(UInt32(milliseconds * 1000))
            }
            return true
        case .delay(let milliseconds):
            usleep(UInt32(milliseconds * 1000))
            return send(connection, 200, body)
        default: return send(connection, 200, body)
        }
    }

    private func send(_ connection: FileHandle, _ status: Int, _ body: [UInt8], extra: String = "") -> Bool {
        send(connection, "HTTP/1.1 \(status) Scripted\r\n\(extra)Content-Length: \(body.count)\r\n\r\n")
            && send(connection, body)
    }

    private func send(_ connection: FileHandle, _ text: String) -> Bool { send(connection, Array(text.utf8)) }

    private func send(_ connection: FileHandle, _ bytes: [UInt8], counted: Bool = false) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    connection.descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            done += count
            if counted { state.withLock { $0.bodyBytes += count } }
        }
        return true
    }

    /// Blocks until the other side or ``stop()`` ends the connection.
    private func waitForEnd(_ connection: FileHandle) -> Bool {
        var byte: UInt8 = 0
        while recv(connection.descriptor, &byte, 1, 0) > 0 {}
        return true
    }

    private static func contents(of path: String) -> [UInt8]? {
        guard let file = try? FileHandle(path: path, flags: O_RDONLY), let status = try? file.status(),
            status.st_mode & S_IFMT == S_IFREG
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0, at: 0) }) else { return nil }
        return Array(bytes.prefix(count))
    }
}

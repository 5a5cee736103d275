import Synchronization

/// A server on the loopback that gives parts of files as vendors' servers do, counts what it is asked for, and does wrong what it is told.
package final class RangedServer: Sendable {
    package struct File: Sendable {
        package var bytes: [UInt8]
        package var entityTag: String?
        package var lastModified: String?

        package init(_ bytes: [UInt8], entityTag: String? = "\"a\"", lastModified: String? = nil) {
            (self.bytes, self.entityTag, self.lastModified) = (bytes, entityTag, lastModified)
        }
    }

    /// What was asked.
    package struct Request: Sendable {
        /// With its query.
        package let path: String
        /// Bytes that were asked for; nil without a range.
        package let range: ClosedRange<Int>?
        /// By names in lower-case letters.
        package let fields: [String: String]
    }

    /// Answers in place of the file; nil leaves it to the file.
    package typealias Handler = @Sendable (Request, File?) -> FaultyHTTPServer.Reply?

    private struct State {
        var files: [String: File] = [:]
        var handler: Handler?
        var requests: [Request] = []
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    private let shared = Shared()
    private let server: FaultyHTTPServer

    package init() throws {
        server = try FaultyHTTPServer(folder: "/nonexistent")
        server.handle { [shared] path, header in RangedServer.answer(path, header, shared) }
    }

    /// `http://127.0.0.1:PORT/PATH`
    package func url(_ path: String) -> String { server.url + path }
    /// `127.0.0.1:PORT`
    package var name: String { "127.0.0.1:\(server.port)" }
    package var bodyBytes: Int { server.bodyBytes }
    package func stop() { server.stop() }
    package func start() throws { try server.start() }

    /// - Parameter path: without its slash.
    package func put(_ path: String, _ file: File?) { shared.state.withLock { $0.files["/" + path] = file } }
    /// Asked before the files.
    package func handle(_ handler: Handler?) { shared.state.withLock { $0.handler = handler } }
    package var requests: [Request] { shared.state.withLock { $0.requests } }

    private static func answer(_ path: String, _ header: String, _ shared: Shared) -> FaultyHTTPServer.Reply {
        var fields: [String: String] = [:]
        for line in header.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0].lowercased()] = parts[1].drop { $0 == " " }.description }
        }
        let ends = fields["range"]?.split(separator: "=").last?.split(separator: "-").compactMap { Int($0) }
        let range = ends.flatMap { $0.count == 2 && $0[0] <= $0[1] ? $0[0]...$0[1] : nil }
        let request = Request(path: path, range: range, fields: fields)
        let (file, handler) = shared.state.withLock { state in
            state.requests.append(request)
            return (state.files[String(path.prefix { $0 != "?" })], state.handler)
        }
        return handler?(request, file) ?? RangedServer.usual(request, file)
    }

    /// What a good server does.
    package static func usual(_ request: Request, _ file: File?) -> FaultyHTTPServer.Reply {
        guard let file else { return .init(404, body: Array("gone\n".utf8)) }
        // Twice, as caches before some servers make it.
        var fields = ["Accept-Ranges: bytes", "Accept-Ranges: bytes"]
        if let tag = file.entityTag { fields.append("ETag: \(tag)") }
        if let time = file.lastModified { fields.append("Last-Modified: \(time)") }
        let condition = request.fields["if-range"]
        guard let range = request.range, condition == nil || condition == file.entityTag else {
            return .init(200, fields, body: file.bytes)
        }
        guard range.lowerBound < file.bytes.count else {
            return .init(416, ["Content-Range: bytes */\(file.bytes.count)"])
        }
        let last = min(range.upperBound, file.bytes.count - 1)
        fields.append("Content-Range: bytes \(range.lowerBound)-\(last)/\(file.bytes.count)")
        return .init(206, fields, body: Array(file.bytes[range.lowerBound...last]))
    }
}

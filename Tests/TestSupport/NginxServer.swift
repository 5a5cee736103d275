import Glibc
import Linux

/// A real nginx that serves one published tree on a free loopback port, as `share/nginx` says.
package final class NginxServer: @unchecked Sendable {
    // @unchecked: `process` is touched by start, stop and deinit only, which a test calls one after the other.

    /// Base of the tree, with a slash.
    package let url: String
    private let folder: TemporaryDirectory
    /// Where it listens.
    package let port: Int
    private var process: ChildProcess?

    /// Starts the server and waits until it answers.
    /// - Parameters:
    ///   - certificates: makes it speak TLS, as `localhost` and `127.0.0.1`.
    ///   - isHTTP2: with TLS, offers HTTP/2 as well.
    ///   - directives: more of nginx's, for the server.
    /// - Throws: ``SystemCallError``, ``NginxServerError``.
    package init(tree: String, certificates: TestCertificates? = nil, isHTTP2: Bool = false, directives: String = "")
        throws
    {
        folder = try TemporaryDirectory()
        port = try FreePort.find()
        url = "\(certificates == nil ? "http" : "https")://127.0.0.1:\(port)/"
        // Workers of a root's nginx run as www-data and must get through to the tree.
        chmod(folder.path, 0o755)
        var share = Substring(#filePath)
        for _ in 0..<3 { share = share.prefix(upTo: share.lastIndex(of: "/") ?? share.startIndex) }
        let configuration = """
            daemon off;
            worker_processes 1;
            \(geteuid() == 0 ? "user root;" : "")
            pid \(folder.path)/pid;
            error_log \(folder.path)/error.log;
            events { worker_connections 256; }
            http {
                access_log \(folder.path)/access.log;
                client_body_temp_path \(folder.path)/body;
                proxy_temp_path \(folder.path)/proxy;
                fastcgi_temp_path \(folder.path)/fastcgi;
                uwsgi_temp_path \(folder.path)/uwsgi;
                scgi_temp_path \(folder.path)/scgi;
                server {
                    listen 127.0.0.1:\(port)\(certificates == nil ? "" : isHTTP2 ? " ssl http2" : " ssl");
                    \(certificates?.directives ?? "")
                    \(directives)
                    root "\(tree)";
                    include "\(share)/share/nginx/oscircular.conf";
                }
            }
            """
        try folder.write(Array(configuration.utf8), to: "nginx.conf")
        try start()
    }

    deinit { stop() }

    /// Starts it again on the same port after ``stop()``.
    package func start() throws {
        let program = ProgramPath.find("nginx") ?? "nginx"
        process = try ChildProcess(
            program, ["-e", "\(folder.path)/error.log", "-c", "\(folder.path)/nginx.conf"],
            environment: nil, standardOutput: STDOUT_FILENO, standardError: STDERR_FILENO, session: .own)
        for _ in 0..<100 {
            if FreePort.isAnswering(port) { return }
            usleep(50_000)
        }
        let log = (try? FileContents.readText("\(folder.path)/error.log", limit: 65_536)) ?? ""
        throw NginxServerError.notAnswering(log)
    }

    /// Ends it; connections break.
    package func stop() {
        guard let process else { return }
        process.signal(SIGTERM)
        _ = process.wait()
        self.process = nil
    }

    /// Request paths of the access log since the server was made, in order.
    package func requests() -> [String] {
        // A request is written down just after it has been answered.
        MonotonicClock.pause(milliseconds: 30)
        let log = (try? FileContents.readText("\(folder.path)/access.log", limit: 64 << 20)) ?? ""
        return log.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: "\"")
            guard parts.count > 1 else { return nil }
            return parts[1].split(separator: " ").dropFirst().first.map(String.init)
        }
    }
}

package enum NginxServerError: Error {
    /// It did not come up; its error log.
    case notAnswering(String)
}

extension NginxServer {
    /// A server in front of an object store that answers a fifth of the requests with 503 SlowDown, and drops an eighth.
    package static func flaky(before store: ObjectStoreServer) throws -> NginxServer {
        let busy = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        return try NginxServer(
            tree: "/nonexistent",
            directives: """
                client_max_body_size 64m;
                if ($request_id ~ "^[0-2]") { return 503 "\(busy)"; }
                if ($request_id ~ "^[3-4]") { return 444; }
                location / {
                    proxy_pass \(store.endpoint);
                    proxy_set_header Host $http_host;
                }
                """)
    }
}

/// Ports on the loopback interface.
package enum FreePort {
    /// A TCP port that nobody listens on now.
    package static func find() throws -> Int { try listen().port }

    /// A socket that listens on a free port.
    package static func listen() throws -> (handle: FileHandle, port: Int) {
        let handle = try stream()
        var address = loopback(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutablePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                try systemCall("bind") { bind(handle.descriptor, pointer, size) }
                try systemCall("listen") { Glibc.listen(handle.descriptor, 16) }
                try systemCall("getsockname") { getsockname(handle.descriptor, pointer, &size) }
            }
        }
        return (handle, Int(UInt16(bigEndian: address.sin_port)))
    }

    /// Whether something accepts connections there.
    package static func isAnswering(_ port: Int) -> Bool {
        guard let handle = try? stream() else { return false }
        var address = loopback(port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(handle.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func stream() throws(SystemCallError) -> FileHandle {
        FileHandle(
            owning: try systemCall("socket") { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }
        )
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
        return address
    }
}

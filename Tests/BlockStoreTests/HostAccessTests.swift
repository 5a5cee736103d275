import Curl
import Glibc
import Linux
import TestSupport
import Testing

/// Servers that want to know who we are, over TLS by an authority of the test's own.
@Suite(.serialized, .enabled(if: BuiltProgram.isInstalled("nginx") && BuiltProgram.isInstalled("openssl")))
struct HostAccessTests {
    private static let secret = "s3cret-token"
    private let certificates: TestCertificates
    private let tree: TemporaryDirectory

    init() throws {
        certificates = try TestCertificates()
        tree = try TemporaryDirectory()
        chmod(tree.path, 0o755)
        try tree.write(Array("hello".utf8), to: "hello")
    }

    private func host(_ server: NginxServer, _ change: (inout HostAccess) -> Void = { _ in }) -> HostAccess {
        var host = HostAccess(name: URLText.server(of: server.url) ?? "")
        host.authorities = certificates.authority
        change(&host)
        return host
    }

    /// The body of `/hello`, or the failure.
    private func get(_ url: String, _ hosts: HostAccess...) async -> Result<String, TransferError> {
        let queue = TransferQueue(options: TransferOptions(stallSeconds: 5, connectSeconds: 5, hosts: hosts))
        defer { queue.close() }
        do {
            return .success(String(decoding: try await queue.get(url, maximumBytes: 100).body.bytes, as: UTF8.self))
        } catch {
            return .failure(error as? TransferError ?? .cancelled)
        }
    }

    @Test func trustsAnAuthorityForItsServerOnly() async throws {
        let server = try NginxServer(tree: tree.path, certificates: certificates)
        guard case .failure(.unsupported) = await get(server.url + "hello") else {
            Issue.record("an unknown authority was trusted")
            return
        }
        #expect(await get(server.url + "hello", host(server)) == .success("hello"))
        var other = HostAccess(name: "127.0.0.1")
        other.authorities = certificates.authority
        guard case .failure(.unsupported) = await get(server.url + "hello", other) else {
            Issue.record("another port's authority was trusted")
            return
        }
    }

    @Test func sendsATokenThatMayBeRenewed() async throws {
        let server = try NginxServer(
            tree: tree.path, certificates: certificates,
            directives: "if ($http_authorization != \"Bearer \(Self.secret)\") { return 401; }")
        let file = try certificates.file("token", "too-old\n")
        let access = host(server) { $0.bearerFile = file }
        let url = server.url + "hello"
        #expect(await get(url, access) == .failure(.http(url: url, status: 401)))
        _ = try certificates.file("token", Self.secret + "\n")
        #expect(await get(url, access) == .success("hello"))
    }

    @Test func showsItsCertificate() async throws {
        let server = try NginxServer(
            tree: tree.path, certificates: certificates,
            directives: "ssl_client_certificate \(certificates.authority); ssl_verify_client on;")
        #expect(
            await get(server.url + "hello", host(server)) == .failure(.http(url: server.url + "hello", status: 400)))
        let access = host(server) {
            $0.certificate = certificates.clientCertificate
            $0.key = certificates.clientKey
        }
        #expect(await get(server.url + "hello", access) == .success("hello"))
    }

    @Test func looksUpNameAndPassword() async throws {
        // "reader:s3cret-token" in base64.
        let server = try NginxServer(
            tree: tree.path, certificates: certificates,
            directives: "if ($http_authorization != \"Basic cmVhZGVyOnMzY3JldC10b2tlbg==\") { return 401; }")
        let file = try certificates.file("netrc", "machine 127.0.0.1 login reader password \(Self.secret)\n")
        #expect(await get(server.url + "hello", host(server) { $0.netrc = .file(file) }) == .success("hello"))
        #expect(
            await get(server.url + "hello", host(server)) == .failure(.http(url: server.url + "hello", status: 401)))
    }

    @Test func tellsNothingToAServerThatItIsSentTo() async throws {
        // Answers 200 with an empty page only to those who bring nothing.
        let stranger = try NginxServer(
            tree: tree.path, certificates: certificates,
            directives: """
                ssl_client_certificate \(certificates.authority); ssl_verify_client optional;
                if ($http_authorization) { return 418; }
                if ($ssl_client_verify != NONE) { return 418; }
                """)
        let server = try NginxServer(
            tree: tree.path, certificates: certificates,
            directives: """
                ssl_client_certificate \(certificates.authority); ssl_verify_client on;
                if ($http_authorization != "Bearer \(Self.secret)") { return 401; }
                location = /away { return 302 \(stranger.url)hello; }
                location = /home { return 302 /hello; }
                """)
        let file = try certificates.file("token", Self.secret)
        let access = host(server) {
            $0.bearerFile = file
            $0.certificate = certificates.clientCertificate
            $0.key = certificates.clientKey
        }
        #expect(await get(server.url + "away", access, host(stranger)) == .success("hello"))
        #expect(await get(server.url + "home", access) == .success("hello"))
    }

    @Test func tellsNothingToAServerThatAStrangerSendsItTo() async throws {
        let server = try NginxServer(
            tree: tree.path, certificates: certificates,
            directives: "if ($http_authorization != \"Bearer \(Self.secret)\") { return 401; }")
        let stranger = try FaultyHTTPServer(folder: tree.path)
        stranger.always("*", .redirect(to: server.url + "hello"))
        let file = try certificates.file("token", Self.secret)
        let access = host(server) { $0.bearerFile = file }
        let queue = TransferQueue(options: TransferOptions(stallSeconds: 5, connectSeconds: 5, hosts: [access]))
        defer { queue.close() }
        let unknown = await #expect(throws: TransferError.self) {
            try await queue.get(stranger.url + "x", maximumBytes: 100, reach: .named(by: .machine))
        }
        #expect(unknown == .http(url: server.url + "hello", status: 401))
        // Where the user named the first server, or names this one as a mirror.
        _ = try await queue.get(stranger.url + "x", maximumBytes: 100)
        _ = try await queue.get(server.url + "hello", maximumBytes: 100, reach: .named(by: .machine))
    }

    @Test func sendsNothingInTheClear() async throws {
        let file = try certificates.file("token", Self.secret)
        var access = HostAccess(name: "example.invalid")
        access.bearerFile = file
        guard case .failure(.unsupported(_, let message)) = await get("http://example.invalid/hello", access) else {
            Issue.record("it was tried")
            return
        }
        #expect(message.contains("https only") && !message.contains(Self.secret))
    }

    @Test(arguments: ["", "two words", "line\nand line", "\u{e9}"])
    func refusesAFileThatHoldsNoToken(text: String) async throws {
        let server = try NginxServer(tree: tree.path, certificates: certificates)
        let file = try certificates.file("token", text)
        guard case .failure(.unsupported(_, let message)) = await get(server.url, host(server) { $0.bearerFile = file })
        else {
            Issue.record("it was sent")
            return
        }
        #expect(message.contains(file))
    }

    @Test(arguments: [
        ("https://Example.org/x", "example.org"), ("https://example.org:443", "example.org"),
        ("https://example.org:8443/", "example.org:8443"), ("http://u:p@h:80/x", "h"), ("http://h:443/", "h:443"),
        ("https://a@b@c?x", "c"), ("https://[::1]:443/", "[::1]"), ("file:///x", nil), ("nonsense", nil),
    ])
    func namesTheServerOfAURL(url: String, server: String?) {
        #expect(URLText.server(of: url) == server)
    }
}

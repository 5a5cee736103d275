import Linux

/// An authority of its own, and what it signed: a server's certificate for `localhost` and `127.0.0.1`, and a client's.
package struct TestCertificates: Sendable {
    private let folder: TemporaryDirectory

    /// Makes them with the `openssl` program.
    /// - Throws: what starting a program throws; ``Failure``.
    package init() throws {
        folder = try TemporaryDirectory()
        try run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=Test authority", "-keyout", folder.path("ca.key"), "-out", authority)
        try sign("server", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        try sign("client", "extendedKeyUsage=clientAuth")
    }

    /// PEM files.
    package var authority: String { folder.path("ca.pem") }
    package var clientCertificate: String { folder.path("client.pem") }
    package var clientKey: String { folder.path("client.key") }

    /// A token, a netrc or the like, in a file beside them.
    package func file(_ name: String, _ text: String) throws -> String {
        try folder.write(Array(text.utf8), to: name)
    }

    /// For nginx's server block.
    var directives: String {
        "ssl_certificate \(folder.path("server.pem")); ssl_certificate_key \(folder.path("server.key"));"
    }

    private func sign(_ name: String, _ extensions: String) throws {
        let (request, settings) = (folder.path("\(name).csr"), try file("\(name).ext", extensions))
        try run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(name)", "-keyout",
            folder.path("\(name).key"), "-out", request)
        try run(
            "x509", "-req", "-in", request, "-CA", authority, "-CAkey", folder.path("ca.key"), "-CAcreateserial",
            "-days", "2", "-extfile", settings, "-out", folder.path("\(name).pem"))
    }

    private func run(_ arguments: String...) throws {
        let finished = try ChildProcess.run("openssl", arguments, environment: nil)
        guard finished.ending == .exited(0) else { throw Failure(message: finished.text) }
    }

    /// openssl's message.
    package struct Failure: Error {
        package let message: String
    }
}

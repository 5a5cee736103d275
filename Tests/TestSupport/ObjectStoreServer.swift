import Glibc
import Linux

/// A real S3 object store on the loopback: Ceph's radosgw, with its objects in memory. It needs about a second to start.
package final class ObjectStoreServer: Sendable {
    package static let keyID = "testkey"
    package static let secret = "testsecret"

    package let port: Int
    private let folder: TemporaryDirectory

    package static var isInstalled: Bool {
        ["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"].allSatisfy { ProgramPath.find($0) != nil }
    }

    package static let reason = "Ceph's object store is not installed: share/install-packages test"

    /// Starts it and waits until it answers.
    package init() async throws {
        var share = Substring(#filePath)
        for _ in 0..<2 { share = share.prefix(upTo: share.lastIndex(of: "/") ?? share.startIndex) }
        folder = try TemporaryDirectory()
        port = try ObjectStoreServer.freePorts()
        let started = try await BuiltProgram.runAny("\(share)/ObjectStoreServer/start", [folder.path, "\(port)"])
        guard started.status == 0 else {
            stop()
            throw Failure(description: started.stderr)
        }
    }

    deinit { stop() }

    /// `http://127.0.0.1:PORT`
    package var endpoint: String { "http://127.0.0.1:\(port)" }

    /// What a program needs that writes to it.
    package var environment: [String: String] {
        [
            "AWS_ACCESS_KEY_ID": ObjectStoreServer.keyID, "AWS_SECRET_ACCESS_KEY": ObjectStoreServer.secret,
            "AWS_ENDPOINT_URL": endpoint,
        ]
    }

    private func stop() {
        for part in ["rgw", "osd", "mon"] {
            guard let text = try? FileContents.readText(folder.path("\(part).pid"), limit: 32),
                let pid = pid_t(text.prefix { $0.isNumber }),
                let arguments = try? FileContents.readText("/proc/\(pid)/cmdline", limit: 65_536),
                arguments.contains(folder.path("ceph.conf"))
            else { continue }
            kill(pid, SIGKILL)
        }
    }

    /// The first of 21 ports of which none answers.
    private static func freePorts() throws -> Int {
        for _ in 0..<50 {
            let first = Int.random(in: 500...700) * 40
            if (first..<(first + 21)).allSatisfy({ !FreePort.isAnswering($0) }) { return first }
        }
        throw Failure(description: "no free ports")
    }

    package struct Failure: Error {
        package let description: String
    }
}

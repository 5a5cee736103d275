import Glibc
import Linux

/// A network namespace for one test: addresses of the internet that lead nowhere else.
package enum OwnNetwork {
    package static var isPossible: Bool { geteuid() == 0 && access("/usr/sbin/ip", X_OK) == 0 }
    package static let reason = "SKIPPED: a network namespace needs root and iproute2"

    /// Runs a body on a thread whose namespace has a loopback with these addresses. The threads that it starts are there as well.
    package static func run<Result: Sendable>(
        addresses: [IPv4Address], _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await WorkerThread.run(name: "own network") {
            let newNetwork: Int32 = 0x4000_0000
            let unshare = dlsym(nil, "unshare").map { unsafeBitCast($0, to: (@convention(c) (Int32) -> Int32).self) }
            guard let unshare else { throw SystemCallError(code: ENOSYS, call: "unshare") }
            try systemCall("unshare") { unshare(newNetwork) }
            try ip(["link", "set", "lo", "up"])
            for address in addresses { try ip(["addr", "add", "\(address)/32", "dev", "lo"]) }
            return try body()
        }
    }

    private static func ip(_ arguments: [String]) throws {
        let child = try ChildProcess("/usr/sbin/ip", arguments)
        guard child.wait() == .exited(0) else {
            throw SystemCallError(code: EIO, call: "ip", subject: arguments.joined(separator: " "))
        }
    }
}

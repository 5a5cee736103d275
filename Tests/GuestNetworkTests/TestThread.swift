import Glibc
import Linux

@testable import GuestNetwork

/// Changes that Linux keeps per thread; the worker thread that they are made on ends with the test.
enum TestThread {
    /// A network namespace of this thread's own, and of the threads that it starts.
    static func enterNetworkNamespace() throws {
        let newNetwork: Int32 = 0x4000_0000
        let call: (@convention(c) (Int32) -> Int32)? = function("unshare")
        guard let call else { throw SystemCallError(code: ENOSYS, call: "unshare") }
        try systemCall("unshare") { call(newNetwork) }
    }

    /// `errno` of another user's attempt to connect to a unix socket; nil when it succeeds.
    static func connectError(_ path: String, asUser uid: uid_t) -> Int32? {
        // fsuid is the thread's own, and without it the thread has no power over others' files.
        let call: (@convention(c) (uid_t) -> Int32)? = function("setfsuid")
        guard let call else { return ENOSYS }
        _ = call(uid)
        defer { _ = call(geteuid()) }
        do {
            _ = try UnixListener.connect(to: path)
            return nil
        } catch {
            return error.code
        }
    }

    static func ip(_ arguments: String...) throws {
        let (ending, output) = try HostProgram.run("/usr/sbin/ip", arguments)
        guard ending == .exited(0) else { throw SystemCallError(code: EIO, call: "ip", subject: output) }
    }

    private static func function<Function>(_ name: String) -> Function? {
        dlsym(nil, name).map { unsafeBitCast($0, to: Function.self) }
    }
}

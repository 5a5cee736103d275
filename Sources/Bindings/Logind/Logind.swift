import CLogind
import Linux

/// systemd's logind: the sleep and the end of this machine, and of users' sessions. Used by one thread.
package final class Logind {
    /// What logind says.
    package enum Event: Sendable, Equatable {
        case sleepBegins, sleepEnded, shutdownBegins
        /// A session of somebody's has ended.
        case sessionEnded
    }

    /// What it delays.
    package struct Delay: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let sleep = Delay(rawValue: 1)
        package static let shutdown = Delay(rawValue: 2)

        var words: String {
            [contains(.sleep) ? "sleep" : nil, contains(.shutdown) ? "shutdown" : nil].compactMap(\.self)
                .joined(separator: ":")
        }
    }

    private let pointer: OpaquePointer

    /// Hears logind from now on.
    /// - Throws: ``SystemCallError``: ENOSYS where there is no libsystemd, else that of the bus.
    package init() throws(SystemCallError) {
        var pointer: OpaquePointer?
        let code = osc_logind_open(&pointer)
        guard code >= 0, let pointer else { throw SystemCallError(code: -code, call: "connect", subject: "logind") }
        self.pointer = pointer
    }

    deinit { osc_logind_close(pointer) }

    /// For poll; readable when ``next()`` may have something.
    package var descriptor: Int32 { osc_logind_descriptor(pointer) }

    /// What was heard, one at a time; nil where there is nothing now. Does not wait.
    /// - Throws: ``SystemCallError`` when the bus is gone.
    package func next() throws(SystemCallError) -> Event? {
        let code = osc_logind_next(pointer)
        guard code >= 0 else { throw SystemCallError(code: -code, call: "read", subject: "logind") }
        switch UInt32(code) {
        case osc_logind_sleep_begins.rawValue: return .sleepBegins
        case osc_logind_sleep_ended.rawValue: return .sleepEnded
        case osc_logind_shutdown_begins.rawValue: return .shutdownBegins
        case osc_logind_session_ended.rawValue: return .sessionEnded
        default: return nil
        }
    }

    /// Delays sleep, or the machine's end, until the result is closed, and at most for logind's own time (five seconds unless it is set).
    /// - Parameters:
    ///   - who: for people, who see who delays.
    ///   - why: the same.
    /// - Throws: ``SystemCallError``.
    package func delay(_ what: Delay, who: String, why: String) throws(SystemCallError) -> FileHandle {
        let code = osc_logind_inhibit(pointer, what.words, who, why)
        guard code >= 0 else { throw SystemCallError(code: -code, call: "inhibit", subject: "logind") }
        return FileHandle(owning: code)
    }

    /// How many sessions a user has.
    /// - Throws: ``SystemCallError``.
    package func sessions(of user: UserID) throws(SystemCallError) -> Int {
        let code = osc_logind_sessions(pointer, user)
        guard code >= 0 else { throw SystemCallError(code: -code, call: "list sessions", subject: "logind") }
        return Int(code)
    }
}

import CFUSE
import Synchronization

/// What libfuse would print on standard error. Its log is one for the whole process.
package enum LibraryLog {
    /// Gets one line: syslog's level (3 is an error, 7 is debug) and the text without its line end.
    package typealias Handler = @Sendable (_ level: Int, _ text: String) -> Void

    private struct State {
        var handler: Handler?
        var lastError: String?
    }

    private static let state = Mutex(State())
    private static let installed: Void = osc_fuse_take_log()

    /// Sends libfuse's lines to `handler`, or nowhere. Without a call they go nowhere once a session has been made.
    /// - Parameter replacing: also when a handler has been set already.
    package static func setHandler(_ handler: Handler?, replacing: Bool = true) {
        install()
        state.withLock { if replacing || $0.handler == nil { $0.handler = handler } }
    }

    static func install() { _ = installed }

    /// The last error line since the last call.
    static func takeLastError() -> String? {
        state.withLock { state in
            defer { state.lastError = nil }
            return state.lastError
        }
    }

    fileprivate static func receive(level: Int, text: String) {
        let handler = state.withLock { state in
            if level <= 4 { state.lastError = text }
            return state.handler
        }
        handler?(level, text)
    }
}

/// The end of the C shim's formatter.
@_cdecl("osc_fuse_log")
func receiveLibraryLog(_ level: Int32, _ text: UnsafePointer<CChar>) {
    var line = String(cString: text)
    while line.last?.isNewline == true { line.removeLast() }
    LibraryLog.receive(level: Int(level), text: line)
}

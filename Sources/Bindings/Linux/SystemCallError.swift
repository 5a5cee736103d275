import CLinux
import Glibc

/// A system call that failed: its number, what was being done, and to what.
package struct SystemCallError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `errno` of the call.
    package let code: Int32
    /// The call's name, such as `open`.
    package let call: String
    /// The path or object that the call was about; empty where there is none.
    package let subject: String

    package init(code: Int32, call: String, subject: String = "") {
        self.code = code
        self.call = call
        self.subject = subject
    }

    /// The last error of this thread. Call it directly after the failed call.
    package static func last(_ call: String, _ subject: String = "") -> SystemCallError {
        SystemCallError(code: errno, call: call, subject: subject)
    }

    /// The C library's text for the number, such as `No space left on device`.
    package var message: String { SystemCallError.message(of: code) }

    package var description: String {
        // The one call whose name says nothing of what is to be done.
        if call == "pthread_create" {
            return
                "no thread could be started: \(message): raise the limit of processes (ulimit -u), or end other programs"
        }
        return subject.isEmpty ? "\(call): \(message)" : "\(call) \(subject): \(message)"
    }

    package static func message(of code: Int32) -> String {
        // glibc's buffer is the thread's own since 2.32.
        strerror(code).map { String(cString: $0) } ?? "error \(code)"
    }
}

/// Repeats a call that a signal interrupted, and turns -1 into the error.
/// - Throws: ``SystemCallError``.
@discardableResult
package func systemCall<Result: FixedWidthInteger>(
    _ call: String, _ subject: @autoclosure () -> String = "", _ body: () -> Result
) throws(SystemCallError) -> Result {
    while true {
        let result = body()
        if result != -1 { return result }
        if errno != EINTR { throw SystemCallError.last(call, subject()) }
    }
}

/// The text of any error for a person, without the names that a compiler knows it by.
/// - Returns: the error's own description; a phrase for one that has none.
package func words(of error: any Error) -> String {
    switch error {
    case is CancellationError: "it was cancelled"
    case is DecodingError: "what was read is not written as it should be"
    case let error as any CustomStringConvertible: error.description
    default: "an error that this program has no text for"
    }
}

import Glibc
import Linux
import Synchronization
import TUF

/// Trusted metadata in memory, which can fail, or stop for good, at a chosen write.
final class InMemoryMetadataStore: MetadataStore {
    private struct State {
        var files: [String: [UInt8]] = [:]
        var writes = 0
        var failure: (write: Int, code: Int32, isDone: Bool)?
        var isLocked = false
    }

    private let state = Mutex(State())

    /// Lets write number `write` (from 1) and all later ones fail; with `isDone` the first of them has reached the disk.
    func fail(atWrite write: Int, code: Int32 = ENOSPC, isDone: Bool = false) {
        state.withLock { $0.failure = ($0.writes + write, code, isDone) }
    }

    func recover() { state.withLock { $0.failure = nil } }

    var writes: Int { state.withLock { $0.writes } }

    /// A kept file.
    subscript(_ role: String) -> [UInt8]? {
        get { state.withLock { $0.files[role] } }
        set { state.withLock { $0.files[role] = newValue } }
    }

    /// The version of a kept file; nil when there is none.
    func version(_ role: String) throws -> Int? {
        guard let bytes = self[role] else { return nil }
        return try SignedDocument(bytes, maximumLength: .max).signed.object?["version"]?.integer
    }

    func read(_ role: String, maximumLength: Int) throws(SystemCallError) -> [UInt8]? { self[role] }

    func write(_ role: String, _ bytes: [UInt8]) throws(SystemCallError) {
        try state.withLock { (state) throws(SystemCallError) in
            state.writes += 1
            if let failure = state.failure, state.writes >= failure.write {
                if failure.isDone && state.writes == failure.write { state.files[role] = bytes }
                throw SystemCallError(code: failure.code, call: "write", subject: role)
            }
            state.files[role] = bytes
        }
    }

    func lock() throws(SystemCallError) -> (any Sendable)? { 0 }
}

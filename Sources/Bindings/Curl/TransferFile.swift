import Glibc
import Linux
import Synchronization

/// A file that a transfer's body is written to, for bodies that memory should not hold.
package final class TransferFile: Sendable {
    private let handle: FileHandle
    private let error = Mutex<SystemCallError?>(nil)
    private let observe: @Sendable (_ bytes: Int, _ expected: Int?) -> Void

    /// - Parameters:
    ///   - handle: written at its position; emptied when the transfer begins anew.
    ///   - observe: told of every piece and of the expected length, which is 0 when the transfer begins anew; on the queue's thread, so
    ///     it must be short.
    package init(_ handle: FileHandle, observe: @escaping @Sendable (_ bytes: Int, _ expected: Int?) -> Void) {
        self.handle = handle
        self.observe = observe
    }

    /// Why the file took no more. The transfer itself failed with libcurl's error of writing then.
    package var failure: SystemCallError? { error.withLock { $0 } }

    /// Forgets what has come.
    /// - Returns: false when the file cannot be emptied.
    func restart() -> Bool {
        do throws(SystemCallError) {
            let descriptor = handle.descriptor
            try systemCall("ftruncate") { ftruncate(descriptor, 0) }
            try systemCall("lseek") { lseek(descriptor, 0, SEEK_SET) }
        } catch {
            self.error.withLock { $0 = error }
            return false
        }
        observe(0, 0)
        return true
    }

    func expects(_ bytes: Int) { observe(0, bytes) }

    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do {
            try handle.write(bytes)
        } catch {
            self.error.withLock { $0 = error }
            return false
        }
        observe(bytes.count, nil)
        return true
    }
}

import Glibc
import Linux
import Synchronization

/// The bytes of one response. Immutable once it is part of a ``TransferResult``.
// @unchecked: only the queue's thread writes, and only before it hands the object out.
package final class TransferBody: @unchecked Sendable {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// Bytes of the body.
    package private(set) var count = 0
    private let file: TransferFile?
    private let sink: TransferSink?

    /// - Parameters:
    ///   - file: where the bytes go instead of into memory.
    ///   - sink: the same.
    init(file: TransferFile? = nil, sink: TransferSink? = nil) {
        self.file = file
        self.sink = sink
    }

    deinit { memory.deallocate() }

    /// Gives the bytes for the duration of the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(rebasing: memory[..<min(count, memory.count)]))
    }

    /// The bytes as an array, for small bodies.
    package var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// Makes room for a known length in one go.
    func reserve(_ capacity: Int) {
        guard file == nil else {
            file?.expects(capacity)
            return
        }
        guard capacity > memory.count, sink == nil else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
    }

    /// - Returns: false when the file cannot take them.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if let sink {
            sink.take(bytes)
            count += bytes.count
            return true
        }
        if let file {
            guard file.append(bytes) else { return false }
            count += bytes.count
            return true
        }
        if count + bytes.count > memory.count { reserve(max(count + bytes.count, 2 * memory.count)) }
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: bytes)
        count += bytes.count
        return true
    }
}

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

/// The bytes of one response. Immutable once it is part of a ``TransferResult``.
// @unchecked: only the queue's thread writes, and only before it hands the object out.
package final class TransferBody: @unchecked Sendable {
    private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    /// Bytes of the body.
    package private(set) var count = 0
    private let file: TransferFile?

    /// - Parameter file: where the bytes go instead of into memory.
    init(file: TransferFile? = nil) { self.file = file }

    deinit { memory.deallocate() }

    /// Gives the bytes for the duration of the call.
    package func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(rebasing: memory[..<count]))
    }

    /// The bytes as an array, for small bodies.
    package var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

    /// Makes room for a known length in one go.
    func reserve(_ capacity: Int) {
        guard file == nil else {
            file?.expects(capacity)
            return
        }
        guard capacity > memory.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[..<count]))
        memory.deallocate()
        memory = larger
    }

    /// - Returns: false when the file cannot take them.
    func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
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

/// Cuts QEMU's byte stream (`-netdev stream`) into frames: four bytes of length in network order, then the frame.
struct FrameDecoder {
    /// A length that no frame has: the peer is not QEMU, or out of step.
    struct LengthError: Error, Equatable, CustomStringConvertible {
        let length: Int

        var description: String { "QEMU announced a frame of \(length) bytes" }
    }

    /// An Ethernet header, and the largest packet behind one.
    static let lengths = 14...(14 + 65536)

    private var bytes: [UInt8] = []
    private var start = 0

    /// Bytes that wait for the rest of their frame.
    var pending: Int { bytes.count - start }

    /// Adds what was read.
    mutating func append(_ input: UnsafeRawBufferPointer) {
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: input)
    }

    /// Gives the next whole frame to `body`; false when there is none yet.
    /// - Throws: ``LengthError``; the stream cannot be continued then.
    mutating func next(_ body: (UnsafeRawBufferPointer) -> Void) throws(LengthError) -> Bool {
        guard pending >= 4 else { return false }
        let length = bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        guard Self.lengths.contains(length) else { throw LengthError(length: length) }
        guard pending >= 4 + length else { return false }
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start + 4..<start + 4 + length])) }
        start += 4 + length
        return true
    }
}

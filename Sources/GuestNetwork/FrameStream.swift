import Linux

/// The connection to one QEMU: frames in, frames out. Belongs to the network's thread. Never waits.
final class FrameStream {
    /// Frames for a guest that does not read (paused, say) are dropped beyond this; TCP sends them again.
    static let outputLimit = 4 << 20

    private let handle: FileHandle
    private var decoder = FrameDecoder()
    private var output: [UInt8] = []
    private var sent = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

    /// - Parameter handle: a non-blocking stream socket.
    init(handle: FileHandle) {
        self.handle = handle
    }

    deinit { buffer.deallocate() }

    var descriptor: Int32 { handle.descriptor }
    var wantsToWrite: Bool { sent < output.count }

    /// Reads once and gives every frame that is whole now to `body`.
    /// - Returns: false when the peer is gone or sends nonsense: close the connection.
    func read(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        do {
            switch try handle.receive(into: buffer) {
            case .nothingYet: return true
            case .end: return false
            case .bytes(let count): decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            while try decoder.next(body) {}
            return true
        } catch {
            return false
        }
    }

    /// Queues a frame for the guest, or drops it.
    func write(_ frame: UnsafeRawBufferPointer) {
        guard output.count - sent + frame.count + 4 <= Self.outputLimit else { return }
        if sent > Self.outputLimit / 4 {
            output.removeFirst(sent)
            sent = 0
        }
        withUnsafeBytes(of: UInt32(frame.count).bigEndian) { output.append(contentsOf: $0) }
        output.append(contentsOf: frame)
    }

    /// Sends what the socket takes.
    /// - Returns: false when the peer is gone.
    func flush() -> Bool {
        while sent < output.count {
            // A socket that cannot be written to has no peer, whatever the error.
            let count = output.withUnsafeBytes { try? handle.send(UnsafeRawBufferPointer(rebasing: $0[sent...])) }
            guard let count else { return false }
            if count == 0 { return true }
            sent += count
        }
        output.removeAll(keepingCapacity: true)
        sent = 0
        return true
    }
}

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

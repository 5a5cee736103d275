import Linux

/// The connection to one QEMU (`-netdev stream`): frames in, frames out. Never waits.
///
/// The socket outlives this process: another one goes on with it. So a frame leaves the socket whole or not at all, and goes into it
/// whole or not at all, wherever this process ends: what is read is looked at first, and taken as far as frames are whole; a few frames
/// together are sent as one message, which the kernel does not cut.
final class FrameStream {
    /// Bytes of frames for a guest that does not read (paused, say); more are dropped, and TCP sends them again.
    static let outputLimit = 4 << 20
    /// Bytes of one message: less than the 32 KiB that the kernel puts into one buffer (`UNIX_SKB_FRAGS_SZ`), and than half of a socket's
    /// usual room. QEMU wakes up for each, so shorter ones make a download slower. libslirp makes no frame longer than 1514 bytes.
    static let messageLimit = 32_000

    private let handle: FileHandle
    private var output: [UInt8] = []
    /// Where each message of the output ends.
    private var ends: [Int] = []
    /// So many of them are sent.
    private var sent = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)

    /// The last read found the beginning of a frame and no whole one: poll would say "readable" for as long as that is so.
    private(set) var awaitsRest = false
    /// The kernel had no memory for the last call: poll would say "ready" for as long as that is so.
    private(set) var lacksMemory = false

    /// - Parameter handle: a stream socket of the unix family.
    init(handle: FileHandle) {
        self.handle = handle
    }

    deinit { buffer.deallocate() }

    var descriptor: Int32 { handle.descriptor }
    var wantsToWrite: Bool { sent < ends.count }
    /// Bytes of frames that wait.
    var backlog: Int { output.count - (sent > 0 ? ends[sent - 1] : 0) }
    /// poll does not say when to go on.
    var mustBeTried: Bool { awaitsRest || lacksMemory }

    /// Reads once and gives every frame that is whole now to `body`.
    /// - Returns: false when the peer is gone or sends nonsense: end the connection.
    func read(_ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
        do {
            awaitsRest = false
            lacksMemory = false
            let count: Int
            switch try handle.receive(into: buffer, peek: true) {
            case .nothingYet: return true
            case .end: return false
            case .bytes(let found): count = found
            }
            let whole = try Frames.length(of: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            guard whole > 0 else {
                awaitsRest = true
                return true
            }
            // Taken before they are looked at: a frame that ends this process is not the next one's first.
            var taken = 0
            while taken < whole {
                let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[taken..<whole])
                // Whatever the error: what is left begins in the middle of a frame.
                let received = try? handle.receive(into: rest, peek: false)
                guard case .bytes(let count) = received else { return false }
                taken += count
            }
            Frames.forEach(in: UnsafeRawBufferPointer(rebasing: buffer[..<whole]), body)
            return true
        } catch {
            return isShortage(error)
        }
    }

    /// No end of the connection, which QEMU would not make again: to be tried later.
    private func isShortage(_ error: any Error) -> Bool {
        guard let error = error as? SystemCallError, error.isMemoryShortage else { return false }
        lacksMemory = true
        return true
    }

    /// Queues a frame for the guest, or drops it.
    func write(_ frame: UnsafeRawBufferPointer) {
        guard frame.count + 4 <= Self.messageLimit else { return }
        let start = sent > 0 ? ends[sent - 1] : 0
        guard output.count - start + frame.count + 4 <= Self.outputLimit else { return }
        if start > Self.outputLimit / 4 {
            output.removeFirst(start)
            ends = ends[sent...].map { $0 - start }
            sent = 0
        }
        withUnsafeBytes(of: UInt32(frame.count).bigEndian) { output.append(contentsOf: $0) }
        output.append(contentsOf: frame)
        let last = ends.count > 1 ? ends[ends.count - 2] : 0
        if wantsToWrite, output.count - last <= Self.messageLimit {
            ends[ends.count - 1] = output.count
        } else {
            ends.append(output.count)
        }
    }

    /// Sends what the socket takes.
    /// - Returns: false when the peer is gone.
    func flush() -> Bool {
        while sent < ends.count {
            let start = sent > 0 ? ends[sent - 1] : 0
            do {
                let count = try output.withUnsafeBytes { bytes in
                    try handle.sendPieces(of: bytes, from: start, endingAt: ends[sent...])
                }
                if count == 0 { return true }
                sent += count
            } catch {
                // A socket that cannot be written to has no peer, whatever else the error.
                return isShortage(error)
            }
        }
        output.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        sent = 0
        return true
    }

    /// Ends the connection, for the session that holds it, too.
    func end() { handle.shutDown() }
}

/// QEMU's byte stream of frames: four bytes of length in network order, then the frame.
enum Frames {
    /// A length that no frame has: the peer is not QEMU, or out of step.
    struct LengthError: Error, Equatable, CustomStringConvertible {
        let length: Int

        var description: String { "QEMU announced a frame of \(length) bytes" }
    }

    /// An Ethernet header, and the largest packet behind one.
    static let lengths = 14...(14 + 65536)

    /// Bytes that the frames which are whole take together, from the first on.
    /// - Throws: ``LengthError``; the stream cannot be continued then.
    static func length(of bytes: UnsafeRawBufferPointer) throws(LengthError) -> Int {
        var end = 0
        while bytes.count - end >= 4 {
            let length = Int(bytes.uint16(end)) << 16 | Int(bytes.uint16(end + 2))
            guard lengths.contains(length) else { throw LengthError(length: length) }
            guard bytes.count - end >= 4 + length else { break }
            end += 4 + length
        }
        return end
    }

    /// Gives each frame to `body`.
    /// - Parameter bytes: whole frames, as ``length(of:)`` found them.
    static func forEach(in bytes: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void) {
        var start = 0
        while bytes.count - start >= 4 {
            let length = Int(bytes.uint16(start)) << 16 | Int(bytes.uint16(start + 2))
            guard bytes.count - start >= 4 + length else { return }
            body(UnsafeRawBufferPointer(rebasing: bytes[start + 4..<start + 4 + length]))
            start += 4 + length
        }
    }
}
